// biome-ignore-all lint/suspicious/noControlCharactersInRegex: formats begin with control characters
/**
 * What a document is by its own first bytes. What a hospital says of it is believed only as far as the bytes bear it out, so
 * that a page of HTML never passes for an image.
 */

/** How formats begin, as patterns over the first bytes read as Latin-1. */
const BEGINNINGS: readonly [type: string, pattern: RegExp][] = [
  ["application/pdf", /^.{0,1024}?%PDF-/s],
  ["image/png", /^\x89PNG\r\n\x1a\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/gif", /^GIF8[79]a/],
  ["image/tiff", /^(?:II\*\0|MM\0\*)/],
  ["image/bmp", /^BM.{4}\0\0\0\0/s],
  ["image/webp", /^RIFF.{4}WEBP/s],
  ["application/rtf", /^\{\\rtf/],
  ["application/dicom", /^.{128}DICM/s],
  ["application/zip", /^PK\x03\x04/],
  ["application/gzip", /^\x1f\x8b/],
  ["text/html", /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b/is],
  ["application/xml", /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|[a-z_][\w.:-]*[\s/>])/i],
];

/** Types whose documents begin as another's do: told by what is declared. */
const KINDS: Readonly<Record<string, RegExp>> = {
  "application/zip": /^application\/(?:vnd\.|epub|zip|x-zip)/,
  "application/xml": /^(?:text\/(?:xml|html)|application\/(?:[\w.+-]*\+)?xml|application\/xhtml|image\/svg\+xml)/,
  "application/rtf": /^text\/rtf$/,
  "application/dicom": /^image\/dicom$/,
  "text/html": /^application\/xhtml(?:\+xml)?$/,
};

/** How many of the first bytes it takes to tell. */
export const SNIFFED_BYTES = 1200;

/**
 * The media type of a document.
 *
 * @param head its first bytes, `SNIFFED_BYTES` where there are as many
 * @param declared as a record or an answer names it, or null
 */
export function sniffType(head: Buffer, declared: string | null): string {
  const begins = head.toString("latin1", 0, SNIFFED_BYTES);
  const sniffed = BEGINNINGS.find(([, pattern]) => pattern.test(begins))?.[0];
  if (sniffed !== undefined) return declared && KINDS[sniffed]?.test(declared) ? declared : sniffed;
  // Of a format with a beginning of its own that is not there, it is not.
  const claimed = BEGINNINGS.some(([type]) => type === declared);
  if (isText(begins)) return declared && /^text\/|json$/.test(declared) && !claimed ? declared : "text/plain";
  return declared && !claimed && !declared.startsWith("text/") ? declared : "application/octet-stream";
}

function isText(latin1: string): boolean {
  return !/[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(latin1);
}
