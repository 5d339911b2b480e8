/** `mb-connect probe`: whether the servers of the catalog answer, so that patients are not sent to one that does not. */
import type { Command } from "commander";
import { createDoor } from "../fetch.ts";
import { canBeOffered, isOffered } from "../smart/registration.ts";
import { withConfig } from "./config-file.ts";
import { withDatabase } from "./open.ts";
import { findEndpoints, type ProbeSummary, probe } from "./probing.ts";
import { CommandError, type Terminal } from "./terminal.ts";

interface Options {
  config?: string;
  database?: string;
  all?: boolean;
  limit: string;
  concurrency: string;
  maxAge: string;
  timeout: string;
  json?: boolean;
}

const PACE_MS = 250;
const HOUR_MS = 60 * 60 * 1000;

/** Adds `probe`. */
export function addProbe(program: Command, terminal: Terminal): void {
  program
    .command("probe")
    .description("check which servers of the catalog answer; each result is kept at once, so run it again to go on")
    .option("--config <file>", "ES module that exports the host's options: check what its registrations offer")
    .option("--all", "check every endpoint that could be offered, registered or not")
    .option("--database <database>", "for --all without --config, or MB_CONNECT_DATABASE", terminal.database)
    .option("--limit <n>", "check at most so many, those not checked for longest first", "1000000")
    .option("--concurrency <n>", "requests at once, 1 to 64", "16")
    .option("--max-age <hours>", "leave out what was checked within this time", "20")
    .option("--timeout <seconds>", "for one request", "15")
    .option("--json", "the summary as JSON")
    .action(async (options: Options) => {
      const summary = await run(terminal, options);
      terminal.print(options.json ? `${JSON.stringify(summary)}\n` : `${inWords(summary)}\n`);
      if (summary.interrupted) return terminal.exitWith(130);
      if (summary.endpoints === 0) {
        throw new CommandError("nothing to check: import a list, and see that a registration matches what it holds");
      }
      if (summary.nothing_answered) {
        throw new CommandError("no server was reached, and nothing was kept: see that this machine may go out");
      }
    });
}

async function run(terminal: Terminal, options: Options): Promise<ProbeSummary> {
  const { clock } = terminal;
  const how = {
    limit: number("--limit", options.limit, 1, Number.MAX_SAFE_INTEGER),
    concurrency: number("--concurrency", options.concurrency, 1, 64),
    maxAgeMs: number("--max-age", options.maxAge, 0, 24 * 365) * HOUR_MS,
    timeoutSeconds: number("--timeout", options.timeout, 0.1, 120),
    paceMs: PACE_MS,
    signal: terminal.interrupted(),
    progress: progressLine(terminal),
  };
  const { config, all, database: location } = options;
  if (config !== undefined) {
    return withConfig(config, terminal, async (context) => {
      const { door, configuration } = context;
      const endpoints = await findEndpoints(context, (source) =>
        all ? canBeOffered(source, door.allows) : isOffered(configuration.registrations, source, door.allows),
      );
      return probe(context, endpoints, how);
    });
  }
  if (!all || location === undefined) {
    throw new CommandError("say what to check: --config FILE, or --all with --database");
  }
  return withDatabase(location, async ({ db }) => {
    const door = createDoor({ allowLoopback: false });
    try {
      const endpoints = await findEndpoints({ db }, (source) => canBeOffered(source, door.allows));
      return await probe({ db, door, clock }, endpoints, how);
    } finally {
      await door.close();
    }
  });
}

/** @throws {CommandError} for what is no number, or out of its range */
function number(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new CommandError(`${name}: a number from ${least} to ${most}`);
}

/** Counts on one line of a terminal; elsewhere nothing. */
function progressLine(terminal: Terminal): (done: number, total: number) => void {
  if (!terminal.isInteractive) return () => {};
  return (done, total) => terminal.say(`\r\x1b[K${done < total ? `${done} of ${total} endpoints` : ""}`);
}

function inWords({ endpoints, states, answered, failed, put_off, fresh, interrupted }: ProbeSummary): string {
  const now = `${states.live} live, ${states.unreachable} unreachable, ${states.retired} retired, ${states.unknown} unknown`;
  const parts = [`${answered} answered`, `${failed} failed`];
  if (put_off > 0) parts.push(`${put_off} put off by their hosts`);
  if (fresh > 0) parts.push(`${fresh} were checked lately`);
  return `${endpoints} endpoints: ${now}; ${interrupted ? "stopped after " : ""}${parts.join(", ")}`;
}
