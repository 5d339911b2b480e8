/**
 * `npm run bench [-- NAME…] [--json] [--catalog FILE] [--queries FILE]`: measures beside their floors, on the built
 * packages. A table, or with `--json` one line for each row; what was skipped is said on standard error.
 */
import { parseArgs } from "node:util";
import { authorizationBenchmark } from "./authorization.ts";
import { refreshBenchmark } from "./refresh.ts";
import type { Row } from "./row.ts";
import { sessionsBenchmark } from "./sessions.ts";

interface Settings {
  catalog?: string | undefined;
  queries?: string | undefined;
  json?: boolean | undefined;
}

/** A benchmark's rows, or why it was skipped. */
type Benchmark = (settings: Settings) => Promise<Row[] | string>;

const BENCHMARKS: Record<string, Benchmark> = {
  sessions: sessionsBenchmark,
  authorization: authorizationBenchmark,
  refresh: refreshBenchmark,
  async pull() {
    const { pullBenchmark } = await import("./pull.ts");
    return pullBenchmark();
  },
  async element({ catalog, json }) {
    const { elementBenchmark } = await import("./element.ts");
    return elementBenchmark({ catalog, json });
  },
  async search({ catalog, queries, json }) {
    if (catalog === undefined) return "pass --catalog FILE";
    const { searchBenchmark } = await import("./search.ts");
    return searchBenchmark({ catalog, queries, json });
  },
};

const NUMBERS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: false });

function table(rows: Row[]): string {
  const cells = rows.map(({ name, unit, ...figures }) => [
    name,
    unit,
    ...[figures.ours, figures.floor, figures.ratio].map((figure) => NUMBERS.format(figure)),
  ]);
  const lines = [["name", "unit", "ours", "floor", "ratio"], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const fit = (cell: string, column: number): string =>
    column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => line.map(fit).join("  ")).join("\n");
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, catalog: { type: "string" }, queries: { type: "string" } },
  });
  const known = Object.keys(BENCHMARKS);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no benchmark is named ${unknown.join(", ")}; there are ${known.join(", ")}`);
  const rows: Row[] = [];
  for (const [name, benchmark] of Object.entries(BENCHMARKS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const found = await benchmark(values);
    if (typeof found === "string") console.error(`${name} is skipped: ${found}`);
    else rows.push(...found);
    if (values.json && typeof found !== "string") for (const one of found) console.log(JSON.stringify(one));
  }
  if (!values.json && rows.length > 0) console.log(table(rows));
}

main().catch((thrown: Error) => {
  console.error(`bench: ${thrown.message}`);
  process.exitCode = 1;
});
