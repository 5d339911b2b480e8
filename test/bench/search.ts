/**
 * `search`: how well and how fast a catalog is searched, ours beside MiniSearch and SQLite's trigrams, each in a process of
 * its own; how that grows with the catalog; and over HTTP, while many type and the index is made anew.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { importCatalog } from "#server/catalog/importer.js";
import { openDatabase } from "#server/store/database.js";
import { type Bench, type Part, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";
import { type Query, typedQueries } from "./typed-queries.ts";

/** What is asked of a benchmark of search. */
export interface SearchSettings {
  /** A file that `mb-connect import` takes. */
  catalog: string;
  /** JSON Lines of `{ kind, q, names, place? }`; by default invented out of the catalog's own names. */
  queries?: string | undefined;
  json?: boolean | undefined;
}

/** A line of a table: words, then figures. */
type Line = Record<string, string | number>;

const PEERS = ["MiniSearch", "FTS5 trigram"];
/** Keystrokes that a peer is timed at: it takes a hundred times as long for each. */
const PEER_KEYSTROKES = 300;
const GROWTH = [10_000, 25_000, 50_000, 100_000, 200_000, 400_000];
const TYPING = { people: 200, perSecond: 5, seconds: 20 };
/** Queries invented of each kind. */
const EACH = 40;

/** The tables are printed as they are done; the rows are ours beside the better peer. */
export function searchBenchmark(settings: SearchSettings): Promise<Row[]> {
  return withBench(async (bench) => {
    const location = join(bench.folder, "catalog.db");
    const queries = await prepare(settings, location);
    const keystrokes = queries.flatMap(({ q }) => Array.from({ length: q.length - 1 }, (_, n) => q.slice(0, n + 2)));
    const print = (table: string, lines: Line[]): void => {
      if (settings.json) for (const line of lines) console.log(JSON.stringify({ table, ...line }));
      else console.log(`${table}\n${inColumns(lines)}\n`);
    };
    const ours = await measure(bench, "mb-connect", location, queries, keystrokes);
    print("mb-connect", ours.lines);
    const peers: Record<string, number>[] = [];
    for (const name of PEERS) {
      const step = Math.max(1, Math.floor(keystrokes.length / PEER_KEYSTROKES));
      const some = keystrokes.filter((_, at) => at % step === 0);
      const peer = await measure(bench, name, location, queries, some);
      print(name, peer.lines);
      peers.push(peer.all);
    }
    print("growth", await growth(bench, location, queries, keystrokes));
    const typing = await overHttp(bench, location, queries);
    print("HTTP: 200 people type 5 keystrokes a second", typing);
    return Object.keys(ours.all).map((name) => {
      const figures = peers.map((peer) => peer[name] as number);
      const better = /MRR|recall/.test(name) ? Math.max(...figures) : Math.min(...figures);
      return row(`search: ${name}, beside the better peer`, "", ours.all[name] as number, better);
    });
  });
}

async function prepare({ catalog, queries }: SearchSettings, location: string): Promise<Query[]> {
  const database = openDatabase(location);
  try {
    await database.migrate();
    await importCatalog(database, { files: [catalog] }, Date.now);
    if (queries === undefined) {
      const rows = await database.db
        .selectFrom("sources")
        .selectAll()
        .where("status", "=", "active")
        .orderBy("id")
        .execute();
      return typedQueries(rows, EACH);
    }
  } finally {
    await database.close();
  }
  const lines = (await readFile(queries, "utf8")).split("\n");
  const read = lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Partial<Query>);
  return read.map(({ kind = "query", q = "", names = [], place }) => ({ kind, q, names, ...(place ? { place } : {}) }));
}

async function measure(bench: Bench, engine: string, location: string, queries: Query[], keystrokes: string[]) {
  const part = await bench.start("search-engine", engine, location);
  const { sources, ms, mebibytes } = await part.ask<Built>("build", { count: null });
  const judged = await part.ask<Judged[]>("judge", queries);
  const keys = await part.ask<number[]>("time", keystrokes);
  const kinds = [...new Set(queries.map(({ kind }) => kind))];
  const lines = [...kinds, "in all"].map((kind): Line => {
    const some = judged.filter((_, at) => kind === "in all" || queries[at]?.kind === kind);
    return { kind, queries: some.length, ...relevance(some), ...times(some.map((one) => one.ms)) };
  });
  const whole = lines.at(-1) as Line;
  const built = { "build ms": ms, "memory MiB": mebibytes };
  Object.assign(whole, {
    "keystroke p50 ms": share(keys, 0.5),
    "keystroke p99 ms": share(keys, 0.99),
    sources,
    ...built,
  });
  const { kind: _, queries: __, sources: ___, ...all } = whole;
  return { lines, all: all as Record<string, number> };
}

async function growth(bench: Bench, location: string, queries: Query[], keystrokes: string[]): Promise<Line[]> {
  const lines: Line[] = [];
  const texts = queries.map(({ q }) => q);
  const some = keystrokes.filter((_, at) => at % 5 === 0);
  for (const count of GROWTH) {
    const part = await bench.start("search-engine", "mb-connect", location);
    const { ms, mebibytes } = await part.ask<Built>("build", { count });
    const query = times(await part.ask<number[]>("time", texts));
    const keys = await part.ask<number[]>("time", some);
    lines.push({
      sources: count,
      "build ms": ms,
      "memory MiB": mebibytes,
      ...query,
      "keystroke p99 ms": share(keys, 0.99),
    });
    await part.ask("end").catch(() => {});
  }
  return lines;
}

async function overHttp(bench: Bench, location: string, queries: Query[]): Promise<Line[]> {
  const host = await bench.start("search-host", location);
  const typists = await bench.start("typists");
  const url = await host.ask<string>("target");
  const texts = queries.map(({ q }) => q);
  const round = async (rebuild: boolean): Promise<Line> => {
    await typists.ask("type", { ...TYPING, url, texts, seconds: 3 });
    await host.ask("watch");
    const typed = typists.ask<number[]>("type", { ...TYPING, url, texts });
    if (rebuild) await changeMidway(host);
    const answers = await typed;
    const failed = answers.filter((ms) => ms === null || !Number.isFinite(ms)).length;
    const longest = await host.ask<number>("longestBlock");
    return {
      index: rebuild ? "made anew midway" : "as it is",
      answers: answers.length,
      failed,
      ...times(answers),
      "longest block ms": longest,
    };
  };
  return [await round(false), await round(true)];
}

async function changeMidway(host: Part): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, (TYPING.seconds / 3) * 1000));
  await host.ask("change");
}

interface Built {
  sources: number;
  ms: number;
  mebibytes: number;
}

interface Judged {
  rank: number;
  ms: number;
}

function relevance(judged: readonly Judged[]): Line {
  const mean = (worth: (rank: number) => number): number =>
    judged.reduce((sum, { rank }) => sum + worth(rank), 0) / judged.length;
  return {
    MRR: mean((rank) => (rank < 0 ? 0 : 1 / (rank + 1))),
    "recall@1": mean((rank) => (rank === 0 ? 1 : 0)),
    "recall@5": mean((rank) => (rank >= 0 && rank < 5 ? 1 : 0)),
  };
}

function times(all: readonly number[]): Line {
  return { "p50 ms": share(all, 0.5), "p99 ms": share(all, 0.99) };
}

function share(all: readonly number[], part: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function inColumns(lines: readonly Line[]): string {
  const columns = [...new Set(lines.flatMap((line) => Object.keys(line)))];
  const shown = (cell: string | number | undefined): string => {
    if (typeof cell !== "number") return cell ?? "";
    return Number.isInteger(cell) ? `${cell}` : cell.toPrecision(3);
  };
  const cells = [columns, ...lines.map((line) => columns.map((column) => shown(line[column])))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  return cells
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  "),
    )
    .join("\n");
}
