/** Says in plain lines what an import did. */
import { basename } from "node:path";
import type { ImportedList } from "./importer.ts";

/** The summary of one list, ending in a line break. */
export function summarize(imported: ImportedList): string {
  const { list, files, sources, doubles, inactive, change } = imported;
  const lines = files.flatMap(({ file, kind, tally }) => [
    `${basename(file)}: ${kind ?? "holds no list of sources"}${kind ? `, ${count(tally.read, "entry", "entries")}` : ""}`,
    ...[...tally.leftOut].map(([reason, { count: n, example }]) => `  left out ${count(n)}: ${reason} (${example})`),
  ]);
  if (!change) return `${[...lines, "  nothing was changed"].join("\n")}\n`;
  const inactiveTotal = [...inactive.values()].reduce((sum, n) => sum + n, 0);
  lines.push(
    `List ${list}: ${count(sources, "source", "sources")}${doubles > 0 ? `, named again by ${count(doubles, "entry", "entries")}` : ""}`,
    `  ${count(change.added)} new, ${count(change.changed)} changed, ${count(change.retired)} retired`,
    `  ${count(sources - inactiveTotal)} active, ${count(inactiveTotal)} kept but not active`,
    ...[...inactive].map(([reason, n]) => `    ${count(n)}: ${reason}`),
  );
  return `${lines.join("\n")}\n`;
}

function count(n: number, one?: string, many?: string): string {
  return [n.toLocaleString("en-US"), n === 1 ? one : many].filter(Boolean).join(" ");
}
