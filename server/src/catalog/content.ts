/**
 * Opens a file of an import and tells by its content what it is: gzip or not, one JSON document or JSON Lines. The name
 * of the file says nothing.
 */
import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { isFacility } from "./facility-reader.ts";
import { asObject, type JsonObject } from "./json.ts";

/** A file that cannot be imported. Its message is one line that names the file and what to do. */
export class ImportError extends Error {
  override name = "ImportError";
}

/** An open file. */
export interface Content {
  shape: "document" | "lines";
  /** The text's bytes. Fails with an `ImportError`. */
  chunks: AsyncIterable<Buffer>;
}

/**
 * Opens a file.
 *
 * @param onRead told how much of the file has been read, 0 to 1
 * @throws {ImportError} where it cannot be read, is empty or is no JSON from its first byte
 */
export async function openContent(file: string, onRead: (fraction: number) => void = () => {}): Promise<Content> {
  try {
    const size = statSync(file).size;
    const raw = createReadStream(file, { highWaterMark: 256 * 1024 });
    const progress = (): void => onRead(size > 0 ? Math.min(1, raw.bytesRead / size) : 0);
    const first = await peek(raw);
    const gzip = first.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b));
    // An error of the file reaches the reader through the pipeline's last stream.
    const text: Readable = gzip ? pipeline(raw, createGunzip(), () => {}) : raw;
    const head = (gzip ? await peek(text) : first).toString().replace(/^\uFEFF/, "");
    if (head.trim() === "") throw new ImportError(`${file} is empty: fetch it again`);
    if (!/^\s*[[{"\d\-tfn]/.test(head)) throw notJson(file);
    return { shape: looksLikeLines(head) ? "lines" : "document", chunks: guarded(file, text, progress) };
  } catch (error) {
    throw explained(file, error);
  }
}

/** The error for a file that is no JSON, or breaks off. */
export function notJson(file: string, where = ""): ImportError {
  return new ImportError(
    `${file} is not valid JSON${where}: it may be another kind of file or broken off; fetch it again`,
  );
}

async function peek(stream: Readable): Promise<Buffer> {
  await once(stream, "readable");
  const head: Buffer | null = stream.read();
  if (head) stream.unshift(head);
  return head ?? Buffer.alloc(0);
}

async function* guarded(file: string, stream: Readable, progress: () => void): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) {
      progress();
      yield chunk;
    }
  } catch (error) {
    throw explained(file, error);
  }
}

function explained(file: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (error instanceof ImportError) return error;
  if (code === "ENOENT") return new ImportError(`${file} does not exist: check the path`);
  if (code === "EISDIR") return new ImportError(`${file} is a folder: name the files in it`);
  if (code === "EACCES" || code === "EPERM") return new ImportError(`${file} cannot be read: check its permissions`);
  if (code.startsWith("Z_")) return new ImportError(`${file} is a broken gzip file: fetch it again`);
  return error;
}

/** JSON Lines: at least half of the first lines are whole objects; a single line is a facility, or else a document. */
function looksLikeLines(head: string): boolean {
  const lines = head.split("\n").filter((line) => line.trim() !== "");
  // The last line may be cut off by the end of the head.
  const whole = lines.length > 1 && !head.endsWith("\n") ? lines.slice(0, -1) : lines;
  const objects = whole.flatMap((line): JsonObject[] => {
    try {
      const object = asObject(JSON.parse(line));
      return object ? [object] : [];
    } catch {
      return [];
    }
  });
  const first = objects[0];
  if (!first || objects.length * 2 < whole.length) return false;
  return whole.length > 1 || isFacility(first);
}
