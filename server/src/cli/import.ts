/** `mb-connect import`: lists of hospitals into the catalog. */
import type { Command } from "commander";
import { summarize } from "../catalog/import-summary.ts";
import { importCatalog } from "../catalog/importer.ts";
import { withDatabase } from "./open.ts";
import type { Terminal } from "./terminal.ts";

export function addImport(program: Command, terminal: Terminal): void {
  program
    .command("import")
    .description("import lists of hospitals: User-access Brands bundles, FHIR Endpoint bundles, JSON Lines")
    .argument("<file...>", "files as published, gzipped or not")
    .requiredOption(
      "--database <database>",
      "SQLite file or postgres:// URL, or MB_CONNECT_DATABASE",
      terminal.database,
    )
    .option("--list <name>", "the list that the files make up (default: each file's own name)")
    .option("--force", "let a list shrink by more than a fifth")
    .action(async (files: string[], options: { database: string; list?: string; force?: boolean }) => {
      const lists = await withDatabase(
        options.database,
        (database) => importCatalog(database, { files, ...options }, terminal.clock, progressBar(terminal)),
        { make: true },
      );
      terminal.print(lists.map(summarize).join("\n"));
    });
}

/** A bar on one line of a terminal; elsewhere nothing. */
function progressBar(terminal: Terminal): (step: string, done: number) => void {
  if (!terminal.isInteractive) return () => {};
  let shown = "";
  return (step, done) => {
    const bar = "█".repeat(Math.floor(done * 24)).padEnd(24, "░");
    const line = `${bar} ${String(Math.floor(done * 100)).padStart(3)} % ${step}`;
    if (line === shown) return;
    shown = line;
    terminal.say(`\r\x1b[K${step === "Writing" && done === 1 ? "" : line}`);
  };
}
