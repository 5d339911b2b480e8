/**
 * Takes the content out of a Binary in JSON as it comes, so that a large document is never whole in memory.
 *
 * @see FHIR R4, Binary
 */

/** Thrown where the JSON is no Binary with content: an OperationOutcome, a Binary of another form, or what breaks off. */
export class NoBinaryError extends Error {
  override name = "NoBinaryError";
}

/** The most characters that may stand before the content, and after it. */
const MOST_AROUND = 64 * 1024;

/**
 * The decoded `data` of a Binary. What it has yielded counts only once it has ended.
 *
 * @throws {NoBinaryError}
 */
export async function* binaryContent(json: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let head: object | null = null;
  let base64 = "";
  let tail: string | null = null;
  for await (const text of texts(json)) {
    const begun: { head: object; rest: string } | null = head ? { head, rest: text } : beginningOfData(text);
    if (!begun) throw new NoBinaryError("No content where it should begin");
    head = begun.head;
    if (tail === null) {
      base64 += begun.rest;
      const end = base64.indexOf('"');
      if (end >= 0) tail = base64.slice(end + 1);
      const { content, rest } = decodeBase64(end < 0 ? base64 : base64.slice(0, end), end >= 0);
      base64 = rest;
      if (content.length > 0) yield content;
    } else tail += begun.rest;
    if (tail && tail.length > MOST_AROUND) throw new NoBinaryError("Too much after the content");
  }
  const rest = tail === null ? null : parse(`{"data":""${tail}`);
  const { resourceType } = { ...rest, ...head } as { resourceType?: unknown };
  if (rest === null || resourceType !== "Binary") throw new NoBinaryError("Not a Binary with content");
}

/** As text, the first of it long enough to hold all that may stand before the content. */
async function* texts(json: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let first: string | null = "";
  for await (const bytes of json) {
    const text: string = decoder.decode(bytes, { stream: true });
    if (first === null) yield text;
    else {
      first += text;
      if (first.length < MOST_AROUND) continue;
      yield first;
      first = null;
    }
  }
  if (first) yield first;
}

/** Where the top level's `data` begins: what stands before it, parsed, and the text after its opening quote. */
function beginningOfData(text: string): { head: object; rest: string } | null {
  const places = [...text.slice(0, MOST_AROUND).matchAll(/"data"\s*:\s*"/g)];
  for (const { index, 0: found } of places.slice(0, 20)) {
    const end = index + found.length;
    // Closed by one brace, it is at the top level; within a string or deeper down this does not parse.
    const head = parse(`${text.slice(0, end)}"}`);
    if (head) return { head, rest: text.slice(end) };
  }
  return null;
}

/** Decodes as much as can be; what may go on with the next text is the rest. Some writers escape slashes and plus signs. */
function decodeBase64(text: string, ended: boolean): { content: Buffer; rest: string } {
  const [broken = ""] = ended ? [] : (/\\(?:u[0-9a-f]{0,3})?$/i.exec(text) ?? []);
  const escaped = text.slice(0, text.length - broken.length);
  const unescaped = escaped.includes("\\") ? parse(`["${escaped.replace(/\s+/g, "")}"]`) : [escaped];
  if (!unescaped) throw new NoBinaryError("Not JSON");
  const plain = String(unescaped).replace(/\s+/g, "");
  const whole = ended ? plain.length : plain.length - (plain.length % 4);
  return { content: Buffer.from(plain.slice(0, whole), "base64"), rest: plain.slice(whole) + broken };
}

function parse(text: string): object | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}
