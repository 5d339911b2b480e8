/**
 * The command `mb-connect`, one file each in `cli/`. What was asked for goes to stdout, all else to stderr; whatever fails
 * is one line and exit code 1.
 */
import { createInterface } from "node:readline";
import { Command, CommanderError } from "commander";
import { ImportError } from "./catalog/content.ts";
import { addAudit } from "./cli/audit.ts";
import { addDoctor } from "./cli/doctor.ts";
import { addImport } from "./cli/import.ts";
import { addKeys } from "./cli/keys.ts";
import { addProbe } from "./cli/probe.ts";
import { addSearch } from "./cli/search.ts";
import { CommandError, type Terminal } from "./cli/terminal.ts";
import { addWork } from "./cli/work.ts";
import { MissingPeerError } from "./store/database.ts";

/**
 * Runs the command.
 *
 * @param words the arguments, without node and the script
 * @returns the exit code
 */
export async function main(words: readonly string[]): Promise<number> {
  let code = 0;
  const terminal: Terminal = {
    print: (text) => void process.stdout.write(text),
    say: (text) => void process.stderr.write(text),
    isInteractive: process.stderr.isTTY === true,
    database: process.env.MB_CONNECT_DATABASE,
    clock: Date.now,
    stopwatch: () => performance.now(),
    lines: () => createInterface({ input: process.stdin }),
    interrupted() {
      const interrupt = new AbortController();
      for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => interrupt.abort());
      return interrupt.signal;
    },
    exitWith(given) {
      code = given;
    },
  };
  try {
    await program(terminal).parseAsync(words, { from: "user" });
    return code;
  } catch (error) {
    // Commander has said what it has to say.
    if (error instanceof CommanderError) return error.exitCode;
    terminal.say(`mb-connect: ${explain(error)}\n`);
    return 1;
  }
}

function program(terminal: Terminal): Command {
  const command = new Command("mb-connect")
    .description("Patient-authorized health records over SMART on FHIR")
    .exitOverride();
  for (const add of [addImport, addKeys, addDoctor, addProbe, addSearch, addWork, addAudit]) add(command, terminal);
  return command;
}

/** One line for the person at the terminal. A driver's message may hold the database's password, so only its code is shown. */
function explain(error: unknown): string {
  if (error instanceof CommandError || error instanceof ImportError || error instanceof MissingPeerError) {
    return error.message;
  }
  const code = (error as { code?: unknown }).code;
  if (code === "SQLITE_CANTOPEN")
    return "the database cannot be opened: check that its folder exists and may be written";
  if (code === "SQLITE_NOTADB") return "the database is no SQLite file: check --database";
  if (code === "SQLITE_BUSY") return "the database is busy: another import may be running; try again when it is done";
  if (typeof code === "string") return `the database does not do it (${code}): check --database`;
  return `it failed (${error instanceof Error ? error.name : "unknown"})`;
}
