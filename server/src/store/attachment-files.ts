/**
 * The folder of attachments: a folder for each connection, in it an encrypted file for each attachment, under a new name at
 * each writing. The rows say which file counts and hold its key; whatever else lies there is left from a crash.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { openBytes, sealBytes } from "./sealed-file.ts";

/** A connection's folder. */
export interface AttachmentsPlace {
  /** The folder of all. */
  folder: string;
  connection_id: string;
}

/** A file as it was written. */
export interface WrittenFile {
  /** Its name in the connection's folder. */
  file: string;
  /** What opens it: 32 bytes, base64url. */
  key: string;
}

/**
 * Writes a file; it is there whole, and for good, or not at all.
 *
 * @param id the attachment's
 * @throws what `bytes` throws, and faults of the file system, such as `ENOSPC`
 */
export async function writeAttachment(
  { folder, connection_id }: AttachmentsPlace,
  id: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<WrittenFile> {
  const own = join(folder, connection_id);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const key = randomBytes(32);
  const file = `${id}.${randomBytes(6).toString("hex")}`;
  const path = join(own, file);
  const part = `${path}.part`;
  try {
    const handle = await open(part, "wx", 0o600);
    try {
      for await (const chunk of sealBytes(key, bytes)) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (thrown) {
    await rm(part, { force: true });
    throw thrown;
  }
  await syncFolder(own);
  return { file, key: key.toString("base64url") };
}

/** A file's bytes as they were given, or null where it is not there; the stream fails where they are not the same. */
export async function readAttachment(
  { folder, connection_id }: AttachmentsPlace,
  { file, key }: WrittenFile,
): Promise<Readable | null> {
  try {
    const handle = await open(join(folder, connection_id, file), "r");
    const sealed = handle.createReadStream({ highWaterMark: 256 * 1024 });
    const stream = Readable.from(openBytes(Buffer.from(key, "base64url"), sealed), { objectMode: false });
    // Also where nobody has begun to read.
    return stream.once("close", () => sealed.destroy());
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw thrown;
  }
}

/** Removes all files of an attachment but the one that counts, and the connection's folder where it is empty then. */
export async function removeAttachment(
  { folder, connection_id }: AttachmentsPlace,
  id: string,
  kept: string | null,
): Promise<void> {
  const own = join(folder, connection_id);
  for (const name of await namesIn(own)) {
    if (name.startsWith(`${id}.`) && name !== kept) await rm(join(own, name), { force: true });
  }
  if (kept === null) await rmdir(own).catch(() => {});
}

/** Removes a connection's folder. */
export async function removeAttachments({ folder, connection_id }: AttachmentsPlace): Promise<void> {
  await rm(join(folder, connection_id), { recursive: true, force: true });
}

/** The connections that have a folder. */
export async function listAttachmentFolders(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => name.startsWith("conn_"));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw thrown;
  }
}

/** Makes a file's new name last through a power cut. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
