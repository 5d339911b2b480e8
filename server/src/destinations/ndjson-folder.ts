/**
 * A folder of NDJSON files: a folder for each connection, and in it files that are whole whenever they are there. A file is
 * written under another name, made durable and renamed; until then it ends in `.part`.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Batch, type Destination, DestinationError, type HandedOver } from "./destination.ts";
import { ndjsonFiles } from "./ndjson-files.ts";

const LIMITS = { records: 5000, bytes: 16 * 1024 * 1024 };
const PART = ".part";
// Health records: for the owner and whoever the folder's group lets in.
const [FOLDER_MODE, FILE_MODE] = [0o750, 0o640];

/** @param folder an absolute path; it must exist when records are handed over, so that an unmounted disk is noticed */
export function ndjsonFolder(folder: string): Destination {
  async function handOver(batch: Batch, signal: AbortSignal): Promise<HandedOver> {
    const place = join(folder, batch.connection_id);
    await mkdir(place, { mode: FOLDER_MODE }).catch(unless("EEXIST"));
    // What a crash left half written.
    if (batch.again) await removeParts(place);
    for (const { name, body } of ndjsonFiles(batch)) {
      signal.throwIfAborted();
      await write(place, name, body);
    }
    await sync(place);
    await sync(folder);
    return { refused: 0 };
  }
  async function tryOut(): Promise<void> {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const name = `mb-connect-test-${randomUUID()}`;
    const body = Buffer.from(`${name}\n`);
    try {
      await write(folder, name, body);
      const kept = await readFile(join(folder, name));
      if (!kept.equals(body))
        throw new DestinationError("not_kept", "The folder does not keep what is written", "folder");
    } finally {
      await rm(join(folder, name), { force: true });
    }
  }
  return {
    limits: LIMITS,
    test: () => tryOut().catch(refuse),
    handOver: (batch, signal) => handOver(batch, signal).catch(refuse),
  };
}

async function write(folder: string, name: string, body: Buffer): Promise<void> {
  const part = join(folder, `${name}.${randomUUID()}${PART}`);
  try {
    const file = await open(part, "wx", FILE_MODE);
    try {
      await file.writeFile(body);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, join(folder, name));
  } catch (thrown) {
    await rm(part, { force: true }).catch(() => {});
    throw thrown;
  }
}

/** Makes the names in a folder durable; a rename alone may not outlive the power. */
async function sync(folder: string): Promise<void> {
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function removeParts(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names) if (name.endsWith(PART)) await rm(join(folder, name), { force: true });
}

const unless =
  (code: string) =>
  (thrown: NodeJS.ErrnoException): void => {
    if (thrown.code !== code) throw thrown;
  };

const FAULTS: Readonly<Record<string, [code: string, message: string]>> = {
  ENOSPC: ["no_space", "The disk is full: make room"],
  EDQUOT: ["no_space", "The disk quota is used up: make room"],
  EFBIG: ["no_space", "Files may not grow as large: raise the limit"],
  EACCES: ["not_writable", "The folder cannot be written: give it to the user that runs mb-connect"],
  EPERM: ["not_writable", "The folder cannot be written: give it to the user that runs mb-connect"],
  EROFS: ["not_writable", "The disk is read-only: mount it for writing"],
  ENOENT: ["folder_missing", "The folder is not there: make it, or mount its disk"],
  ENOTDIR: ["folder_missing", "There is a file where the folder should be: move it"],
  EEXIST: ["folder_missing", "There is a file where the folder should be: move it"],
};

function refuse(thrown: unknown): never {
  const { code } = thrown as { code?: unknown };
  if (thrown instanceof DestinationError || typeof code !== "string") throw thrown;
  const [ours, message] = FAULTS[code] ?? ["folder_fault", `The folder cannot be used (${code})`];
  throw new DestinationError(ours, message, "folder");
}
