/**
 * A file's bytes, encrypted as they come: pieces of 64 KiB, each by AES-256-GCM with a tag of its own, numbered, the last one
 * marked. So nothing is let out of a file before it is known to be whole and in its place, and one that was cut short does
 * not pass for the whole. A key is for one file only, since the numbers are the nonces.
 *
 * @see Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", STREAM
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

const PIECE = 64 * 1024;
const TAG = 16;

/** Encrypts. @param key 32 bytes, never used before */
export async function* sealBytes(key: Buffer, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const { piece, index, last } of pieces(bytes, PIECE)) {
    const cipher = createCipheriv("aes-256-gcm", key, nonce(index, last));
    yield Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
  }
}

/** Decrypts. Throws before a byte that is not as it was written, and at an end that is not the end. */
export async function* openBytes(key: Buffer, sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const { piece, index, last } of pieces(sealed, PIECE + TAG)) {
    if (piece.length < TAG) throw new Error("The file is cut short");
    const decipher = createDecipheriv("aes-256-gcm", key, nonce(index, last), { authTagLength: TAG });
    decipher.setAuthTag(piece.subarray(-TAG));
    yield Buffer.concat([decipher.update(piece.subarray(0, -TAG)), decipher.final()]);
  }
}

/** Bytes in pieces of one size; the last one, which there always is, may be shorter. */
async function* pieces(bytes: AsyncIterable<Uint8Array>, size: number) {
  let held: Uint8Array[] = [];
  let length = 0;
  let index = 0;
  for await (const chunk of bytes) {
    held.push(chunk);
    length += chunk.length;
    // More than one piece is there: the first of them is not the last.
    if (length <= size) continue;
    let all = Buffer.concat(held);
    for (; all.length > size; all = all.subarray(size)) {
      yield { piece: all.subarray(0, size), index: index++, last: false };
    }
    held = [all];
    length = all.length;
  }
  yield { piece: Buffer.concat(held), index, last: true };
}

function nonce(index: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(index, 7);
  bytes[11] = last ? 1 : 0;
  return bytes;
}
