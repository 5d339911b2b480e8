/**
 * Records as NDJSON: the files of a batch, one for each type, and their names. Reads a batch; writes nothing.
 *
 * @see FHIR Bulk Data Access 2.0, "Output format"
 */
import type { Batch } from "./destination.ts";

/** What a file of records is. */
export const NDJSON_TYPE = "application/fhir+ndjson";

/** A file to write. */
export interface NdjsonFile {
  /** Within the connection's folder, in the order of being written: `run_01J….0000-Observation.ndjson`. */
  name: string;
  body: Buffer;
}

/** The files of a batch; written again under the same names they hold the same records, or fewer. */
export function ndjsonFiles({ run_id, number, records }: Batch): NdjsonFile[] {
  const lines = new Map<string, string[]>();
  for (const { type, text } of records) {
    const ofType = lines.get(type) ?? [];
    ofType.push(oneLine(text));
    lines.set(type, ofType);
  }
  const place = String(number).padStart(4, "0");
  return [...lines].map(([type, texts]) => ({
    name: `${run_id}.${place}-${type}.ndjson`,
    body: Buffer.from(`${texts.join("\n")}\n`),
  }));
}

// A line break in JSON stands between its tokens, never within a string.
function oneLine(text: string): string {
  return text.trim().replace(/[\r\n]+/g, "");
}
