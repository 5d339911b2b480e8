/**
 * The floor of `pull`: the parts that any pull needs, put together by hand. Each entry's own text is sliced out of the
 * page, parsed, hashed, and upserted by prepared statements on the same table, a page in one durable transaction. Option:
 * an empty folder.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { Agent, type Dispatcher, request } from "undici";
import { openDatabase } from "#server/store/database.js";
import { atOnce } from "./at-once.ts";
import { peakMemory } from "./memory.ts";
import { searchsets } from "./pages.ts";
import { playPart } from "./part.ts";

const [folder = ""] = process.argv.slice(2);
const location = join(folder, "bare.db");
const tables = openDatabase(location);
await tables.migrate();
await tables.close();

const sqlite = new Sqlite(location);
for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = OFF"]) sqlite.pragma(pragma);
const upsert = sqlite.prepare(
  `insert into records (connection_id, patient_id, type, fhir_id, seq, hash, body, last_updated, role, version, created_at, updated_at)
   values (?, ?, ?, ?, ?, ?, ?, ?, 'match', 1, ?, ?) on conflict (connection_id, type, fhir_id)
   do update set hash = excluded.hash, body = excluded.body, seq = excluded.seq where hash <> excluded.hash`,
);
const agent = new Agent({ connections: 64 });
let seq = 0;

/** The text of each entry's resource: by the depth of braces, outside of strings. */
function slices(page: string): string[] {
  const found: string[] = [];
  const key = '"resource":';
  for (let at = page.indexOf(key, page.indexOf('"entry"')); at >= 0; ) {
    const start = at + key.length;
    let [depth, end] = [0, start];
    for (; end < page.length; end++) {
      const code = page.charCodeAt(end);
      if (code === 34) {
        do end = page.indexOf('"', end + 1);
        while (page.charCodeAt(end - 1) === 92);
      } else if (code === 123) depth += 1;
      else if (code === 125 && --depth === 0) break;
    }
    found.push(page.slice(start, end + 1));
    at = page.indexOf(key, end);
  }
  return found;
}

const keep = sqlite.transaction((connection: string, texts: string[], now: number) => {
  for (const text of texts) {
    const { resourceType, id, meta } = JSON.parse(text);
    const hash = createHash("sha256").update(text).digest();
    seq += 1;
    upsert.run(connection, connection, resourceType, id, seq, hash, text, Date.parse(meta.lastUpdated), now, now);
  }
});

async function pull(connection: string, at: string): Promise<void> {
  let url: string | undefined = `${at}/Condition?patient=example-patient&_count=100`;
  while (url) {
    const { body }: Dispatcher.ResponseData = await request(url, {
      dispatcher: agent,
      headers: { authorization: `Bearer ${"A".repeat(600)}` },
    });
    const page: string = await body.text();
    keep.immediate(connection, slices(page), Date.now());
    url = JSON.parse(page).link.find(({ relation }: { relation: string }) => relation === "next")?.url;
  }
}

playPart({
  /** Pages out of memory. */
  ingest({ connection, pages }: { connection: string; pages: number }) {
    for (const page of searchsets(pages)) keep.immediate(connection, slices(page.toString()), Date.now());
  },
  /** Pages out of a hospital. */
  async pull({ connections, url, inFlight }: { connections: string[]; url: string; inFlight: number }) {
    const peak = peakMemory();
    await atOnce(connections, inFlight, (connection) => pull(connection, url));
    return peak();
  },
});
