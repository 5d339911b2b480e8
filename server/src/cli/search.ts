/** `mb-connect search`: what patients would find in a catalog for what they type, for a person or by the line for a judge. */
import type { Command } from "commander";
import { buildIndex } from "../catalog/catalog.ts";
import type { SearchIndex } from "../catalog/search-index.ts";
import { readVendors } from "../catalog/vendor.ts";
import { createDoor } from "../fetch.ts";
import { canBeOffered } from "../smart/registration.ts";
import { type CataloguedSource, findSources } from "../store/catalog.ts";
import type { Db } from "../store/database.ts";
import { withDatabase } from "./open.ts";
import { CommandError, type Terminal } from "./terminal.ts";

interface Options {
  database: string;
  limit: string;
  json?: boolean;
  stdin?: boolean;
}

/** One answer, as a line of JSON. */
interface Answer {
  q: string;
  /** What the search in the index took, without the reading of the rows that it found. */
  ms: number;
  results: (Pick<CataloguedSource, "id" | "name" | "brand" | "city" | "state" | "type"> & { aliases: string[] })[];
}

/** Adds `search`. */
export function addSearch(program: Command, terminal: Terminal): void {
  program
    .command("search")
    .description("show what patients find for a query, over every source that could be offered")
    .argument("[query]", "what a patient types; by default nothing")
    .requiredOption(
      "--database <database>",
      "SQLite file or postgres:// URL, or MB_CONNECT_DATABASE",
      terminal.database,
    )
    .option("--limit <n>", "show at most so many, 1 to 100", "10")
    .option("--json", "the answer as one line of JSON")
    .option("--stdin", "read one query a line, and write one line of JSON for each")
    .action(async (query: string | undefined, options: Options) => {
      const limit = /^\d{1,3}$/.test(options.limit) ? Number(options.limit) : 0;
      if (limit < 1 || limit > 100) throw new CommandError("--limit takes a number from 1 to 100");
      if (options.stdin && query !== undefined) throw new CommandError("pass a query or --stdin, not both");
      const door = createDoor({ allowLoopback: false });
      try {
        await withDatabase(options.database, async (database) => {
          const offered = (source: CataloguedSource): boolean => canBeOffered(source, door.allows);
          const index = await buildIndex(database, offered, readVendors());
          const answer = (q: string): Promise<Answer> => find(index, database.db, q, limit, terminal.stopwatch);
          if (options.stdin) {
            for await (const line of terminal.lines()) terminal.print(`${JSON.stringify(await answer(line))}\n`);
            return;
          }
          const found = await answer(query ?? "");
          terminal.print(options.json ? `${JSON.stringify(found)}\n` : inWords(found));
        });
      } finally {
        await door.close();
      }
    });
}

async function find(index: SearchIndex, db: Db, q: string, limit: number, stopwatch: () => number): Promise<Answer> {
  const page = { limit, offset: 0 };
  const start = stopwatch();
  const { hits } = q.trim() === "" ? index.browse(page) : index.search(q, page);
  const ms = Math.round((stopwatch() - start) * 1000) / 1000;
  const locations = new Map(hits.map((hit) => [hit.id, hit.locations]));
  const rows = await findSources(
    db,
    hits.map(({ id }) => id),
  );
  const results = rows.map(({ id, name, brand, aliases, city, state, type }) => ({
    id,
    name,
    brand: (locations.get(id) ?? 1) > 1 ? (brand ?? name) : brand,
    aliases: JSON.parse(aliases) as string[],
    city,
    state,
    type,
  }));
  return { q, ms, results };
}

function inWords({ results }: Answer): string {
  if (results.length === 0) return "nothing found\n";
  return results
    .map(({ id, name, brand, city, state, type }) => {
      const place = [city, state].filter(Boolean).join(", ");
      return `${id}  ${[name, brand === name ? null : brand, place, type].filter(Boolean).join(" · ")}\n`;
    })
    .join("");
}
