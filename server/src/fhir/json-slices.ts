/**
 * Cuts resources out of a page as they were received. What JSON.parse gives cannot be written back as it was: 1.10 comes out
 * as 1.1. Reads a Bundle's text; writes nothing.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;

/**
 * The text of each entry's `resource`, as received; undefined for an entry that has none or is no object. Goes over the
 * page once.
 *
 * @param page UTF-8 of a JSON object that JSON.parse takes: what is no JSON is not noticed here. Bytes, since a scan of a
 *   string takes several times as long.
 */
export function sliceResources(page: Buffer): (string | undefined)[] {
  let slices: (string | undefined)[] = [];
  eachMember(page, page.indexOf("{"), "entry", (value) => {
    slices = [];
    return page[value] === ARRAY ? sliceEntries(page, value, slices) : end(page, value);
  });
  return slices;
}

/** Adds the slice of each entry; answers where the array ends. */
function sliceEntries(page: Buffer, array: number, slices: (string | undefined)[]): number {
  let at = start(page, array + 1);
  while (page[at] !== ARRAY_END && at < page.length) {
    let slice: string | undefined;
    let entryEnd: number;
    if (page[at] === OBJECT) {
      entryEnd = eachMember(page, at, "resource", (value) => {
        const valueEnd = end(page, value);
        slice = page.toString("utf8", value, valueEnd);
        return valueEnd;
      });
    } else entryEnd = end(page, at);
    slices.push(slice);
    at = nextItem(page, entryEnd);
  }
  return at + 1;
}

/**
 * Goes over an object's members; those of a name are taken by `take`, which answers where the value ends. Of several of one
 * name JSON.parse has the last, so whoever takes lets the later win.
 *
 * @returns where the object ends
 */
function eachMember(page: Buffer, object: number, name: string, take: (value: number) => number): number {
  let at = start(page, object + 1);
  while (page[at] !== OBJECT_END && at < page.length) {
    const keyEnd = endOfString(page, at);
    const value = start(page, start(page, keyEnd) + 1);
    at = nextItem(page, isKey(page, at, keyEnd, name) ? take(value) : end(page, value));
  }
  return at + 1;
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
  if (first !== OBJECT && first !== ARRAY) return endOfPlain(page, from);
  let depth = 0;
  for (let at = from; at < page.length; at += 1) {
    const code = page[at];
    if (code === QUOTE) at = endOfString(page, at) - 1;
    else if (code === OBJECT || code === ARRAY) depth += 1;
    else if (code === OBJECT_END || code === ARRAY_END) {
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
  while ((page[at] as number) > SPACE && page[at] !== COMMA && page[at] !== ARRAY_END && page[at] !== OBJECT_END)
    at += 1;
  return at;
}
