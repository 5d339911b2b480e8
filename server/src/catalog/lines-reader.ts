/** Reads JSON Lines: one facility a line. A line that is no JSON is left out; a file whose last line breaks off is refused. */
import { StringDecoder } from "node:string_decoder";
import { notJson } from "./content.ts";
import { isFacility, readFacility } from "./facility-reader.ts";
import { asObject } from "./json.ts";
import type { PublishedSource } from "./published-source.ts";
import type { Tally } from "./tally.ts";

/**
 * The facilities of a file, in slices as they are read.
 *
 * @throws {ImportError} where the last line is broken off, or none is JSON
 */
export async function* readLines(
  file: string,
  chunks: AsyncIterable<Buffer>,
  tally: Tally,
): AsyncGenerator<PublishedSource[]> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let line = 0;
  let valid = 0;
  const read = (text: string, last: boolean): PublishedSource[] => {
    line++;
    if (text.trim() === "") return [];
    tally.read++;
    const example = `line ${line}`;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      if (last) throw notJson(file, ` at its last line, ${line}`);
      return tally.leaveOut("not JSON", example);
    }
    valid++;
    const object = asObject(value);
    return object && isFacility(object) ? readFacility(object, example, tally) : tally.leaveOut("no facility", example);
  };
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (line === 0 && lines[0] !== undefined) lines[0] = lines[0].replace(/^\uFEFF/, "");
    yield lines.flatMap((text) => read(text, false));
  }
  rest += decoder.end();
  if (rest.trim() !== "") yield read(rest, true);
  if (valid === 0) throw notJson(file);
}
