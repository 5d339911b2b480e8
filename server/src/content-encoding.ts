/** Undoes the compression of an answer's body, chunk by chunk, so that whoever reads it can stop at any byte. */
import { pipeline, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";

/** What a request says it takes. */
export const ACCEPTED_ENCODINGS = "gzip, deflate, br";

const DECODERS: Readonly<Record<string, (first: Uint8Array) => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  // Some servers leave out the two bytes of zlib's header, whose first ends in 8.
  deflate: ([first = 0]) => ((first & 15) === 8 ? createInflate() : createInflateRaw()),
  br: () => createBrotliDecompress(),
};

/**
 * The body as it was before its `Content-Encoding`. One coding is undone: nobody sends several, and a long list of them would
 * be a way to tie up memory. What cannot be undone comes as it is. Throws where the compressed bytes break off.
 *
 * @see RFC 9110 section 8.4
 */
export function decoded(body: AsyncIterable<Uint8Array>, encoding: unknown): AsyncIterable<Uint8Array> {
  const decoder = DECODERS[String(encoding).trim().toLowerCase()];
  return decoder ? decompressed(body, decoder) : body;
}

async function* decompressed(
  body: AsyncIterable<Uint8Array>,
  decoder: (first: Uint8Array) => Transform,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  const first = await chunks.next();
  // An empty body is not compressed, whatever its header says.
  if (first.done) return;
  async function* all(): AsyncGenerator<Uint8Array> {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  // Errors reach whoever reads the last of the two.
  yield* pipeline(all, decoder(first.value), () => {});
}
