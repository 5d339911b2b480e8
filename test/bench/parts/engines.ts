/** The searches that are compared: ours and two peers, each over the same sources and the same way to write words. */
import BetterSqlite from "better-sqlite3";
import MiniSearch from "minisearch";
import { splitWords, wholeWord } from "#server/catalog/normalise.js";
import { createSearchIndex } from "#server/catalog/search-index.js";
import type { SourceRow } from "#server/store/schema.js";

/** A search over sources. */
export interface Engine {
  /** The ids of the ten best. */
  search(q: string): string[];
  /** What it holds outside of JavaScript's own memory, in bytes. */
  outside: number;
}

/** Makes a search over sources. */
export const ENGINES: Record<string, (sources: readonly SourceRow[]) => Engine> = {
  "mb-connect"(sources) {
    const index = createSearchIndex(sources);
    return { search: (q) => index.search(q, { limit: 10, offset: 0 }).hits.map(({ id }) => id), outside: 0 };
  },
  MiniSearch(sources) {
    const index = new MiniSearch<SourceRow>({
      fields: ["name", "brand", "aliases", "city", "state", "zip", "vendor"],
      tokenize: splitWords,
      processTerm: wholeWord,
      searchOptions: {
        boost: { name: 3, brand: 2 },
        prefix: true,
        fuzzy: (term) => (term.length > 3 ? 0.2 : false),
        combineWith: "AND",
      },
    });
    index.addAll(sources);
    const search: Engine["search"] = (q) =>
      index
        .search(q)
        .slice(0, 10)
        .map(({ id }) => id as string);
    return { search, outside: 0 };
  },
  "FTS5 trigram"(sources) {
    const database = new BetterSqlite(":memory:");
    database.exec("create virtual table names using fts5(id unindexed, text, tokenize = 'trigram')");
    const insert = database.prepare("insert into names values (?, ?)");
    database.transaction(() => {
      for (const { id, name, brand, city, state, zip } of sources)
        insert.run(id, plain([name, brand, city, state, zip]));
    })();
    const select = database.prepare("select id from names where names match ? order by bm25(names) limit 10");
    const search: Engine["search"] = (q) => {
      const text = plain([q]);
      const pieces = Array.from({ length: Math.max(0, text.length - 2) }, (_, at) => `"${text.slice(at, at + 3)}"`);
      if (pieces.length === 0) return [];
      return (select.all(pieces.join(" OR ")) as { id: string }[]).map(({ id }) => id);
    };
    const [pages, size] = ["page_count", "page_size"].map((name) => Number(database.pragma(name, { simple: true })));
    return { search, outside: (pages ?? 0) * (size ?? 0) };
  },
};

function plain(texts: (string | null)[]): string {
  return texts
    .flatMap((text) => splitWords(text ?? ""))
    .map(wholeWord)
    .join(" ");
}
