/** One search in a process of its own, so that its memory is its own. Options: the engine's name, a database with a catalog. */
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openDatabase } from "#server/store/database.js";
import type { SourceRow } from "#server/store/schema.js";
import { bareName, type Query } from "../typed-queries.ts";
import { ENGINES, type Engine } from "./engines.ts";
import { playPart } from "./part.ts";

const [engine = "", location = ""] = process.argv.slice(2);
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const WARM_MS = 3000;

let sources: SourceRow[] = [];
const NONE: Engine = { search: () => [], outside: 0 };
let current = NONE;

/** Searches for a while: a server that has just started is not what patients meet. */
function warmUp(texts: readonly string[]): void {
  const end = performance.now() + WARM_MS;
  for (let at = 0; performance.now() < end; at++) current.search(texts[at % texts.length] as string);
}

/** Memory in use after everything that is not has been let go, in MiB. */
async function memory(): Promise<number> {
  // Buffers are let go some time after what held them.
  for (let round = 0; round < 4; round++) {
    collect();
    await setTimeout(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** As many sources as asked for: those that there are, again and again in other places. */
function repeated(rows: readonly SourceRow[], count: number): SourceRow[] {
  return Array.from({ length: count }, (_, at) => {
    const row = rows[at % rows.length] as SourceRow;
    const turn = Math.floor(at / rows.length);
    if (turn === 0) return row;
    const other = rows[(at * 7919 + turn * 104_729) % rows.length] as SourceRow;
    const { city, state, zip } = other;
    const id = `${row.id.slice(0, -2)}${turn.toString(36).padStart(2, "0").toUpperCase()}`;
    return { ...row, id, city, state, zip, fhir_base_url: `${row.fhir_base_url}/${turn}` };
  });
}

playPart({
  end: () => void setImmediate(() => process.exit()),
  async build({ count }: { count: number | null }) {
    const database = openDatabase(location);
    const rows = await database.db
      .selectFrom("sources")
      .selectAll()
      .where("status", "=", "active")
      .orderBy("id")
      .execute();
    await database.close();
    sources = count === null ? rows : repeated(rows, count);
    current = NONE;
    const before = await memory();
    const start = performance.now();
    current = (ENGINES[engine] as (typeof ENGINES)[string])(sources);
    const ms = performance.now() - start;
    return { sources: sources.length, ms, mebibytes: (await memory()) - before + current.outside / 2 ** 20 };
  },
  /** Where the right answer of each query stands, from 0, or -1; and what each took in ms. */
  judge(queries: Query[]) {
    const byId = new Map(sources.map((source) => [source.id, source]));
    warmUp(queries.map(({ q }) => q));
    return queries.map(({ q, names, place }) => {
      const start = performance.now();
      const ids = current.search(q);
      const ms = performance.now() - start;
      const rank = ids.findIndex((id) => {
        const source = byId.get(id);
        const city = !place?.city || bareName(place.city) === bareName(source?.city ?? "");
        return city && names.includes(bareName(source?.name ?? ""));
      });
      return { rank, ms };
    });
  },
  /** What each text took in ms. */
  time(texts: string[]) {
    warmUp(texts);
    return texts.map((text) => {
      const start = performance.now();
      current.search(text);
      return performance.now() - start;
    });
  },
});
