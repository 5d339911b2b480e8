/**
 * The search over a catalog: how long a query and a keystroke take, how long the index takes to make, and how well it
 * ranks where the queries say what was meant. The floor is what no search can do without: looking words up in a bare map
 * and passing over the places where they stand.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importCatalog } from "#server/catalog/importer.js";
import { createSearchIndex } from "#server/catalog/search-index.js";
import { openDatabase } from "#server/store/database.js";
import type { SourceRow } from "#server/store/schema.js";
import { type Row, row } from "./row.ts";

/** A query and, for relevance, the names that would be right, in lower case with nothing but letters, digits and spaces. */
interface Query {
  q: string;
  names?: string[];
  place?: { city: string };
}

/**
 * Measures.
 *
 * @param catalog a file that `mb-connect import` takes
 * @param queries JSON Lines of `{ q, names?, place? }`; by default a thousand of the catalog's own names
 */
export async function searchBenchmark({
  catalog,
  queries,
}: {
  catalog: string;
  queries?: string | undefined;
}): Promise<Row[]> {
  const sources = await importedSources(catalog);
  const asked = queries ? await readQueries(queries) : ownNames(sources);
  const keystrokes = asked.flatMap(({ q }) =>
    Array.from({ length: Math.max(0, q.length - 1) }, (_, n) => q.slice(0, n + 2)),
  );

  const bareBuild = measured(() => bareIndex(sources));
  const build = measured(() => createSearchIndex(sources));
  const index = build.value;
  const ours = (q: string) => index.search(q, { limit: 10, offset: 0 }).ids;
  const texts = asked.map(({ q }) => q);

  const [query, bareQuery] = [times(texts, ours), times(texts, bareBuild.value)];
  const [key, bareKey] = [times(keystrokes, ours), times(keystrokes, bareBuild.value)];
  const rows = [
    row(`search: build of ${sources.length} sources`, "ms", build.ms, bareBuild.ms),
    row("search: query, p50", "ms", share(query, 0.5), share(bareQuery, 0.5)),
    row("search: query, p99", "ms", share(query, 0.99), share(bareQuery, 0.99)),
    row("search: keystroke, p50", "ms", share(key, 0.5), share(bareKey, 0.5)),
    row("search: keystroke, p99", "ms", share(key, 0.99), share(bareKey, 0.99)),
  ];
  const judged = asked.filter((one) => one.names);
  return judged.length > 0 ? [...rows, ...relevance(judged, ours, sources)] : rows;
}

async function importedSources(file: string): Promise<SourceRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "mb-bench-"));
  const database = openDatabase(join(folder, "catalog.db"));
  try {
    await database.migrate();
    await importCatalog(database, { files: [file] }, Date.now);
    return await database.db.selectFrom("sources").selectAll().where("status", "=", "active").orderBy("id").execute();
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function readQueries(file: string): Promise<Query[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
}

function ownNames(sources: readonly SourceRow[]): Query[] {
  const step = Math.max(1, Math.floor(sources.length / 1000));
  return sources.filter((_, at) => at % step === 0).map(({ name }) => ({ q: name }));
}

/** Words to the sources whose names have them, in the barest way. @returns a function that looks a query's words up and passes over all that it finds */
function bareIndex(sources: readonly SourceRow[]): (q: string) => number {
  const postings = new Map<string, number[]>();
  sources.forEach(({ name }, at) => {
    for (const word of name.toLowerCase().split(" ")) {
      const list = postings.get(word);
      if (list) list.push(at);
      else postings.set(word, [at]);
    }
  });
  return (q) => {
    let sum = 0;
    for (const word of q.toLowerCase().split(" ")) for (const at of postings.get(word) ?? []) sum += at;
    return sum;
  };
}

function measured<T>(work: () => T): { value: T; ms: number } {
  const start = performance.now();
  const value = work();
  return { value, ms: performance.now() - start };
}

/** The time of each text in ms, sorted; a first round warms up and does not count. */
function times(texts: readonly string[], search: (text: string) => unknown): number[] {
  for (const text of texts.slice(0, 2000)) search(text);
  return texts.map((text) => measured(() => search(text)).ms).sort((a, b) => a - b);
}

function share(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Mean reciprocal rank and recall at five; their floor is 1, every answer right and first. */
function relevance(judged: readonly Query[], search: (q: string) => string[], sources: readonly SourceRow[]): Row[] {
  const byId = new Map(sources.map((source) => [source.id, source]));
  const ranks = judged.map(({ q, names, place }) =>
    search(q).findIndex((id) => {
      const source = byId.get(id);
      const right = names?.includes(bareName(source?.name ?? ""));
      return right && (!place || bareName(place.city) === bareName(source?.city ?? ""));
    }),
  );
  const mean = (worth: (rank: number) => number) => ranks.reduce((sum, rank) => sum + worth(rank), 0) / ranks.length;
  return [
    row(
      "search: mean reciprocal rank",
      "",
      mean((rank) => (rank < 0 ? 0 : 1 / (rank + 1))),
      1,
    ),
    row(
      "search: recall at five",
      "",
      mean((rank) => (rank >= 0 && rank < 5 ? 1 : 0)),
      1,
    ),
  ];
}

function bareName(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{M}'’‘.]/gu, "")
    .replace(/[^a-z0-9]+/g, " ")
    .trim();
}
