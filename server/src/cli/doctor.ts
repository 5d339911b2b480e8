/** `mb-connect doctor`: whether patients could connect with a host's options, and what to do where they could not. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { recordAudit } from "../audit.ts";
import { compose } from "../mb-connect.ts";
import { type MbConnectOptions, OptionsError, readOptions } from "../options.ts";
import { type Database, isPostgresUrl } from "../store/database.ts";
import { acceptDiscovered } from "../store/discovered.ts";
import { loadOptions, SILENT } from "./config-file.ts";
import { examine, type RegistrationReport, type Report } from "./examination.ts";
import type { Check } from "./server-checks.ts";
import type { Terminal } from "./terminal.ts";

interface Options {
  config: string;
  source: string[];
  acceptChange?: string;
  json?: boolean;
}

/** Adds `doctor`. */
export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .description("try each registration at a hospital's server, and say what to do where it does not work")
    .requiredOption("--config <file>", "ES module that exports the host's options, as default or as `options`")
    .option("--source <id>", "try this source; may be given again (default: one of each registration)", collect, [])
    .option("--accept-change <base>", "believe from now on what the server of this FHIR base URL says of its endpoints")
    .option("--json", "as JSON")
    .action((options: Options) => doctor(terminal, options));
}

function collect(one: string, before: string[]): string[] {
  return [...before, one];
}

async function doctor(terminal: Terminal, options: Options): Promise<void> {
  const report = await reportOn(terminal, await loadOptions(options.config), options);
  if (options.json) terminal.print(`${JSON.stringify(report, null, 2)}\n`);
  else printReport(terminal, report);
  const checks = [...report.checks, ...report.registrations.flatMap((one) => one.checks)];
  if (checks.some(({ mark }) => mark === "fail")) terminal.exitWith(1);
}

async function reportOn(terminal: Terminal, options: MbConnectOptions, how: Options): Promise<Report> {
  let location: string;
  try {
    location = readOptions(options).database;
  } catch (thrown) {
    if (!(thrown instanceof OptionsError)) throw thrown;
    const faults = thrown.message.split("\n- ").slice(1);
    return { checks: faults.map((says) => ({ mark: "fail", what: "options", says })), registrations: [] };
  }
  const complete: Check = { mark: "ok", what: "options", says: "complete" };
  if (!isPostgresUrl(location) && !existsSync(location)) {
    const todo = "Make it with mb-connect import, and run this in the folder that the host runs in.";
    const absent: Check = { mark: "fail", what: "database", says: `there is none at ${location}`, todo };
    return { checks: [complete, absent], registrations: [] };
  }
  let composed: ReturnType<typeof compose>;
  try {
    composed = compose({ ...options, logger: SILENT }, { clock: terminal.clock });
  } catch (thrown) {
    // The options were sound above: what is left to refuse is a database that does not open.
    if (!(thrown instanceof OptionsError)) throw thrown;
    const why = thrown.message.replace(/^.*\n- database: /, "");
    return { checks: [complete, databaseFault(`it cannot be opened: ${why}`)], registrations: [] };
  }
  const { context, database } = composed;
  try {
    const fault = await migrationFault(database);
    if (fault) return { checks: [complete, fault], registrations: [] };
    const { acceptChange } = how;
    const accepted = acceptChange === undefined ? [] : [await accept(context, acceptChange)];
    const { checks, registrations } = await examine(context, how.source);
    return { checks: [complete, ...accepted, ...checks], registrations };
  } finally {
    await Promise.allSettled(context.unfinished);
    await Promise.all([context.door.close(), database.close()]);
  }
}

async function migrationFault(database: Database): Promise<Check | null> {
  try {
    await database.migrate();
    return null;
  } catch (thrown) {
    // Its message may hold the database's address and a user's name.
    const { name, code } = thrown as { name?: string; code?: string };
    return databaseFault(`it cannot be used (${code ?? name})`);
  }
}

function databaseFault(says: string): Check {
  const todo =
    "See that the option database names a file that mb-connect made, or a Postgres server that is up and lets it in; both must let it write.";
  return { mark: "fail", what: "database", says, todo };
}

async function accept(context: ReturnType<typeof compose>["context"], base: string): Promise<Check> {
  const accepted = await context.db.transaction().execute(async (tx) => {
    if (!(await acceptDiscovered(tx, base))) return false;
    await recordAudit(context, tx, { action: "change_accepted", actor: "operator", subject: base });
    return true;
  });
  return accepted
    ? { mark: "ok", what: "change", says: `${base}: accepted; running hosts follow within the hour` }
    : { mark: "fail", what: "change", says: `${base}: no change waits there to be accepted` };
}

const MARKS = { ok: "✓", warn: "!", fail: "✗" };

function printReport(terminal: Terminal, { checks, registrations }: Report): void {
  for (const check of checks) printCheck(terminal, check);
  for (const report of registrations) printRegistration(terminal, report);
  const all = [...checks, ...registrations.flatMap((one) => one.checks)];
  const count = (mark: Check["mark"]) => all.filter((check) => check.mark === mark).length;
  terminal.print(`\n${count("ok")} ✓  ${count("warn")} !  ${count("fail")} ✗\n`);
}

function printCheck(terminal: Terminal, { mark, what, says, todo }: Check): void {
  terminal.print(`${MARKS[mark]} ${what.padEnd(10)} ${says}\n`);
  if (todo) terminal.print(`  ${"".padEnd(10)} → ${todo}\n`);
}

function printRegistration(terminal: Terminal, report: RegistrationReport): void {
  const { registration, client_id, token_endpoint_auth_method, source, scopes } = report;
  terminal.print(`\n${registration}, client ${client_id}, ${token_endpoint_auth_method}\n`);
  const line = (name: string, text: string) => terminal.print(`  ${name.padEnd(10)} ${text}\n`);
  line("form", `redirect URI ${report.redirect_uri}`);
  if (report.jwks_uri) line("form", `JWKS URL     ${report.jwks_uri}`);
  if (source) line("tried at", `${source.name} (${source.id}), ${source.fhir_base_url}`);
  for (const check of report.checks) printCheck(terminal, check);
  if (scopes.length > 0) line("scopes", scopes.join(" "));
  line("if refused", `invalid_client: ${report.invalid_client}`);
}
