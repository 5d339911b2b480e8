/**
 * Reads one JSON document of any size piece by piece: hands out each element of the arrays at its top (the document's
 * own, or those that are members of its object) and keeps only the rest.
 */

/** Takes an element: the member whose array it stands in, or "" for the document's own array. */
export type TakeElement = (member: string, element: unknown) => void;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Reads a document.
 *
 * @returns the document with those arrays empty
 * @throws {SyntaxError} where it is no JSON or breaks off
 */
export async function readElements(chunks: AsyncIterable<Buffer>, take: TakeElement): Promise<unknown> {
  /** The document's text without the elements. */
  let rest = "";
  let pieces: Buffer[] = [];
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** The depth inside the array whose elements are handed out; 0 outside of one. */
  let level = 0;
  let member = "";
  let topIsObject = false;

  const flush = (): string => {
    const text = Buffer.concat(pieces).toString();
    pieces = [];
    return text;
  };
  const takeElement = (): void => {
    const text = flush();
    if (text.trim() !== "") take(member, JSON.parse(text));
  };

  for await (const chunk of chunks) {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN_BRACE) {
        if (depth === 0) topIsObject = true;
        depth++;
      } else if (byte === OPEN_BRACKET) {
        depth++;
        if (level === 0 && (depth === 1 || (depth === 2 && topIsObject))) {
          pieces.push(chunk.subarray(from, at + 1));
          from = at + 1;
          rest += flush();
          member = depth === 1 ? "" : memberName(rest);
          level = depth;
        }
      } else if (byte === COMMA && level > 0 && depth === level) {
        pieces.push(chunk.subarray(from, at));
        from = at + 1;
        takeElement();
      } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
        if (depth === level && level > 0) {
          pieces.push(chunk.subarray(from, at));
          from = at;
          takeElement();
          level = 0;
        }
        depth--;
      }
    }
    pieces.push(chunk.subarray(from));
  }
  return JSON.parse((rest + flush()).replace(/^\uFEFF/, ""));
}

/** The name of the member that begins at the end of a text such as `…, "entry": [`. */
function memberName(text: string): string {
  const name = /("(?:[^"\\]|\\.)*")\s*:\s*\[$/.exec(text.slice(-1000))?.[1];
  return name === undefined ? "" : String(JSON.parse(name));
}
