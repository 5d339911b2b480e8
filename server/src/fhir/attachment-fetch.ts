/**
 * Fetches one attachment from a hospital's FHIR server: in its own type first, then as a Binary in JSON. The token goes below
 * the FHIR base only, and no redirect takes it along.
 *
 * @see FHIR R4, Binary, "Serving Binary Resources using the RESTful API"
 */
import type { Door } from "../fetch.ts";
import { type Attachment, mediaType } from "./attachments.ts";
import { binaryContent, NoBinaryError } from "./binary.ts";
import type { FhirAccess } from "./client.ts";

/** The largest attachment that is kept, in bytes. */
export const LARGEST_ATTACHMENT = 50 * 1024 * 1024;

/** In base64, with what stands around it. */
const LARGEST_ANSWER = Math.ceil((LARGEST_ATTACHMENT * 4) / 3) + 128 * 1024;
/** Less than what a job has before its lease ends. */
const SECONDS = 40;

const FHIR_JSON = "application/fhir+json";
const JSON_TYPE = /^(?:application|text)\/(?:json|fhir\+json|json\+fhir)$/;
const HTML_TYPE = /^(?:text\/html|application\/xhtml(?:\+xml)?)$/;

/** The content, to be read once and to its end; or the answer of a server that gave none. */
export type AttachmentAnswer =
  | { content: AsyncIterable<Uint8Array> }
  /** `html`: a page in place of the document, such as one that asks to sign in. */
  | { content: null; status: number; html: boolean; headers: Headers };

/**
 * Asks for an attachment that has a `url`.
 *
 * @throws {DoorError} when the server cannot be reached; the content throws it too, and `NoBinaryError` where it is none
 */
export async function fetchAttachment(
  door: Door,
  { access_token }: FhirAccess,
  { url, content_type }: Attachment & { url: string },
  signal: AbortSignal,
): Promise<AttachmentAnswer> {
  // Never application/json: Oracle refuses it, and gives FHIR's own type alone.
  const accepted = content_type && content_type !== "application/json" ? [content_type, FHIR_JSON] : [FHIR_JSON, "*/*"];
  for (const accept of new Set(accepted)) {
    const { status, headers, body, cancel } = await door.stream(url, {
      headers: { accept, authorization: `Bearer ${access_token}` },
      maxRedirects: 0,
      maxBytes: LARGEST_ANSWER,
      timeoutSeconds: SECONDS,
      signal,
    });
    const type = mediaType(headers.get("content-type")) ?? "";
    const html = HTML_TYPE.test(type) && !HTML_TYPE.test(content_type ?? "");
    if (status === 200 && !html) {
      if (!JSON_TYPE.test(type)) return { content: body };
      return { content: JSON_TYPE.test(content_type ?? "") ? eitherContent(body) : binaryContent(body) };
    }
    cancel();
    if ((status === 406 || status === 415) && accept !== accepted.at(-1)) continue;
    return { content: null, status, html: html && status === 200, headers };
  }
  throw new TypeError("Nothing was asked for");
}

/** Of an attachment that is JSON itself: out of a Binary where it is in one. */
async function* eitherContent(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  const content: Buffer[] = [];
  try {
    for await (const piece of binaryContent(once(all))) content.push(piece);
    yield* content;
  } catch (thrown) {
    if (!(thrown instanceof NoBinaryError)) throw thrown;
    yield all;
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
