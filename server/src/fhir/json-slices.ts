/**
 * Cuts resources out of a page as they were received. What JSON.parse gives cannot be written back as it was: 1.10 comes out
 * as 1.1. Reads a Bundle's text; writes nothing.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/**
 * The text of each entry's `resource`, as received; undefined for an entry that has none or is no object.
 *
 * @param page UTF-8 of a JSON object that JSON.parse takes: what is no JSON is not noticed here. Bytes, since a scan of a
 *   string takes several times as long.
 */
export function sliceResources(page: Buffer): (string | undefined)[] {
  const object = page.indexOf("{");
  const entries = memberAt(page, object, "entry");
  if (entries === -1 || page[entries] !== 0x5b) return [];
  const slices: (string | undefined)[] = [];
  for (let at = start(page, entries + 1); page[at] !== 0x5d && at < page.length; at = nextItem(page, end(page, at))) {
    const resource = page[at] === 0x7b ? memberAt(page, at, "resource") : -1;
    slices.push(resource === -1 ? undefined : page.toString("utf8", resource, end(page, resource)));
  }
  return slices;
}

/** Where the value of an object's member starts; the last of several of one name, as JSON.parse has it. -1 for none. */
function memberAt(page: Buffer, object: number, name: string): number {
  let found = -1;
  for (let at = start(page, object + 1); page[at] !== 0x7d && at < page.length; ) {
    const keyEnd = endOfString(page, at);
    const value = start(page, start(page, keyEnd) + 1);
    if (isKey(page, at, keyEnd, name)) found = value;
    at = nextItem(page, end(page, value));
  }
  return found;
}

function isKey(page: Buffer, from: number, to: number, name: string): boolean {
  if (to - from < name.length + 2) return false;
  const key = page.toString("utf8", from, to);
  // The same name may be written with escapes.
  return key === `"${name}"` || (key.includes("\\") && JSON.parse(key) === name);
}

/** Past white space, all of which is at or below the space; nothing else in JSON's structure is. */
function start(page: Buffer, from: number): number {
  let at = from;
  while ((page[at] as number) <= SPACE) at += 1;
  return at;
}

/** The next item after one that ended, or the bracket that ends them all. */
function nextItem(page: Buffer, from: number): number {
  const at = start(page, from);
  return page[at] === COMMA ? start(page, at + 1) : at;
}

/** Where the value that starts here ends. */
function end(page: Buffer, from: number): number {
  const first = page[from];
  if (first === QUOTE) return endOfString(page, from);
  if (first !== 0x7b && first !== 0x5b) return endOfPlain(page, from);
  let depth = 0;
  for (let at = from; at < page.length; at += 1) {
    const code = page[at];
    if (code === QUOTE) at = endOfString(page, at) - 1;
    else if (code === 0x7b || code === 0x5b) depth += 1;
    else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return page.length;
}

function endOfString(page: Buffer, from: number): number {
  for (let at = from + 1; at < page.length; at += 1) {
    const code = page[at];
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  return page.length;
}

function endOfPlain(page: Buffer, from: number): number {
  let at = from;
  while ((page[at] as number) > SPACE && page[at] !== COMMA && page[at] !== 0x5d && page[at] !== 0x7d) at += 1;
  return at;
}
