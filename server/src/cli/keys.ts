/**
 * `mb-connect keys`: makes sealing and signing keys, and lets them follow one another without a pause. A key's life: added
 * to the file and learned by every process at its next start, then used, then kept for what was made with it, then dropped.
 */
import type { Command } from "commander";
import { type AuditEntry, recordAudit } from "../audit.ts";
import { createIds } from "../ids.ts";
import type { Database } from "../store/database.ts";
import { KEPT_MS, type KeyState, keyInUse, keyState, type RingKey } from "../store/key-ring.ts";
import { sealAll } from "../store/record-seal.ts";
import { countSealedBy, resealAll } from "../store/resealing.ts";
import { createTokenVault, type SealingKey } from "../store/token-vault.ts";
import {
  type KeyFile,
  newSealingKey,
  newSigningKey,
  type Purpose,
  RINGS,
  readKeyFile,
  readPurpose,
  writeKeyFile,
} from "./key-file.ts";
import { refuseMissing, withDatabase } from "./open.ts";
import { CommandError, type Terminal } from "./terminal.ts";

const HOUR_MS = 60 * 60 * 1000;
/** The longest that anyone may remember our published keys: a key that signs sooner may be refused. */
const PUBLISHED_HOURS = 1;

interface Options {
  file: string;
  database?: string;
  in?: string;
  json?: boolean;
  records?: boolean;
}

/** Adds `keys` with what stands below it. */
export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program.command("keys").description("make, rotate and drop sealing and signing keys");
  const file = ["--file <file>", "key file, which the host spreads into its options"] as const;
  const database = ["--database <database>", "SQLite file or postgres:// URL", terminal.database] as const;
  keys
    .command("new")
    .description("make the first key: as JSON to paste, or into a key file")
    .argument("<purpose>", "sealing or signing")
    .option(...file)
    .action((purpose: string, options: Partial<Options>) => newKey(terminal, readPurpose(purpose), options.file));
  keys
    .command("rotate")
    .description("add the next key, to be used when every process has learned it; the old ones stay")
    .argument("<purpose>", "sealing or signing")
    .requiredOption(...file)
    .option("--in <hours>", "hours until it is used", "24")
    .option(...database)
    .action((purpose: string, options: Options) => rotate(terminal, readPurpose(purpose), options));
  keys
    .command("list")
    .description("the keys of a file and how each stands; never the keys themselves")
    .requiredOption(...file)
    .option("--json", "as JSON")
    .action((options: Options) => list(terminal, options));
  keys
    .command("reseal")
    .description("seal anew, by the key in use, what older keys sealed; safe beside a running host")
    .requiredOption(...file)
    .requiredOption(...database)
    .option("--records", "seal records that lie open, too; for a host with the option sealRecords")
    .action((options: Options & { database: string }) => reseal(terminal, options));
  keys
    .command("drop")
    .description("take a key out of the file that nothing needs any more")
    .argument("<kid>")
    .requiredOption(...file)
    .option(...database)
    .action((kid: string, options: Options) => drop(terminal, kid, options));
}

function newKey(terminal: Terminal, purpose: Purpose, path: string | undefined): void {
  if (path === undefined) {
    terminal.print(`${JSON.stringify(purpose === "sealing" ? newSealingKey() : newSigningKey())}\n`);
    terminal.say(
      purpose === "sealing"
        ? "One entry of the option sealingKeys, whose first entry seals. Keep it secret, and do not lose it.\n"
        : "One entry of the option signingKeys. Keep it secret; its public half is published.\n",
    );
    return;
  }
  const keys = readKeyFile(path, "empty");
  if (keys[RINGS[purpose]].length > 0) {
    throw new CommandError(`${path} holds a ${purpose} key already: mb-connect keys rotate ${purpose} --file ${path}`);
  }
  const kid = add(keys, purpose, { created_at: iso(terminal.clock()) });
  writeKeyFile(path, keys);
  terminal.print(`${kid}\n`);
  terminal.say(`${path} holds it, readable by you alone. Keep it secret, and do not lose it.\n`);
}

/** Puts a new key in front of a ring; answers its kid. */
function add(keys: KeyFile, purpose: Purpose, dates: { created_at: string; use_from?: string }): string {
  if (purpose === "sealing") {
    const key = { ...newSealingKey(), ...dates };
    keys.sealingKeys.unshift(key);
    return key.kid;
  }
  const key = { ...newSigningKey(), ...dates };
  keys.signingKeys.unshift(key);
  return key.kid;
}

async function rotate(terminal: Terminal, purpose: Purpose, options: Options): Promise<void> {
  // Before the file is written: what was done must be in the audit.
  if (options.database !== undefined) refuseMissing(options.database);
  const keys = readKeyFile(options.file);
  const now = terminal.clock();
  const hours = Number(options.in);
  const least = purpose === "signing" ? PUBLISHED_HOURS : 0;
  if (!(hours >= least && hours <= 24 * 365)) {
    throw new CommandError(`--in takes hours, ${least} or more: others learn a key before it is used`);
  }
  if (keys[RINGS[purpose]].length === 0) {
    throw new CommandError(
      `${options.file} holds no ${purpose} key yet: mb-connect keys new ${purpose} --file ${options.file}`,
    );
  }
  const use_from = iso(now + hours * HOUR_MS);
  const kid = add(keys, purpose, { created_at: iso(now), use_from });
  writeKeyFile(options.file, keys);
  await audit(terminal, options.database, { action: "key_added", subject: kid, detail: { purpose, use_from } });
  terminal.print(`${kid}\n`);
  const before = iso(now + (hours - least) * HOUR_MS);
  terminal.say(
    hours > least
      ? `It is used from ${use_from}. Restart every process of the host before ${before}, so that each knows it by then.\n`
      : `It is used from ${use_from}. Restart every process of the host now; one that does not know it cannot ${purpose === "sealing" ? "open what the others seal" : "publish it"}.\n`,
  );
}

function list(terminal: Terminal, options: Options): void {
  const keys = readKeyFile(options.file);
  const now = terminal.clock();
  const rows = (["sealing", "signing"] as const).flatMap((purpose) =>
    keys[RINGS[purpose]].map(({ kid, created_at }) => ({
      kid,
      purpose,
      created_at: created_at ?? null,
      ...(keyState(keys[RINGS[purpose]], kid, now) as KeyState),
    })),
  );
  if (options.json) {
    const shown = rows.map((row) => ("until" in row ? { ...row, until: row.until && iso(row.until) } : row));
    terminal.print(`${JSON.stringify(shown, null, 2)}\n`);
    return;
  }
  for (const row of rows) {
    terminal.print(`${row.kid.padEnd(22)} ${row.purpose}  made ${row.created_at ?? "unknown"}  ${inWords(row)}\n`);
  }
}

function inWords(state: KeyState): string {
  if (state.state === "in_use") return "in use";
  if (state.state === "waits") return `waits; used from ${iso(state.until)}`;
  return state.until === null ? "retired" : `retired; may be dropped from ${iso(state.until)}`;
}

async function reseal(terminal: Terminal, options: Options & { database: string }): Promise<void> {
  const { sealingKeys } = readKeyFile(options.file);
  if (sealingKeys.length === 0) throw new CommandError(`${options.file} holds no sealing key`);
  const vault = createTokenVault(sealingKeys as SealingKey[], { clock: terminal.clock });
  await withDatabase(options.database, async (database) => {
    const { resealed, unreadable, changed } = await resealAll(database.db, vault);
    const records = options.records ? await sealAll(database.db, vault) : null;
    if (records) database.purge();
    const detail = { resealed, unreadable, ...(records === null ? {} : { records }) };
    await record(terminal, database, { action: "values_resealed", subject: vault.kid(), detail });
    terminal.print(`${resealed} values sealed anew by ${vault.kid()}\n`);
    if (records !== null) terminal.print(`${records} records sealed that lay open\n`);
    if (changed > 0) terminal.say(`${changed} were written meanwhile; run it again.\n`);
    if (unreadable === 0) return;
    terminal.say(`${unreadable} cannot be opened by any key of ${options.file}.\n`);
    terminal.exitWith(1);
  });
}

async function drop(terminal: Terminal, kid: string, options: Options): Promise<void> {
  if (options.database !== undefined) refuseMissing(options.database);
  const keys = readKeyFile(options.file);
  const purpose = (["sealing", "signing"] as const).find((one) => has(keys[RINGS[one]], kid));
  if (!purpose) throw new CommandError(`${options.file} holds no key ${kid}`);
  const state = keyState(keys[RINGS[purpose]], kid, terminal.clock());
  if (state?.state === "in_use") throw new CommandError(`${kid} is in use: rotate first`);
  if (state?.state === "waits" && purpose === "sealing") {
    const when = iso(state.until);
    throw new CommandError(`${kid} waits, and running hosts may know it: they seal with it from ${when}; rotate after`);
  }
  if (state?.state === "retired" && state.until === null) {
    const next = keyInUse<RingKey>(keys[RINGS[purpose]], terminal.clock())?.kid;
    throw new CommandError(
      `nobody can tell when ${kid} was last in use: give ${next} its created_at in ${options.file}`,
    );
  }
  if (state?.state === "retired" && state.until !== null && state.until > terminal.clock()) {
    throw new CommandError(`${kid} was in use less than ${KEPT_MS / HOUR_MS} h ago: drop it from ${iso(state.until)}`);
  }
  if (purpose === "sealing") await refuseWhileUsed(kid, options);
  const rest = (ring: readonly RingKey[]) => ring.filter((key) => key.kid !== kid);
  writeKeyFile(options.file, { ...keys, [RINGS[purpose]]: rest(keys[RINGS[purpose]]) });
  await audit(terminal, options.database, { action: "key_dropped", subject: kid, detail: { purpose } });
  terminal.print(`${kid} is dropped\n`);
}

async function refuseWhileUsed(kid: string, { file, database }: Options): Promise<void> {
  if (database === undefined) throw new CommandError("name the --database, to see whether the key is still needed");
  const count = await withDatabase(database, ({ db }) => countSealedBy(db, kid));
  if (count > 0) {
    throw new CommandError(`${kid} still seals ${count} values: mb-connect keys reseal --database DB --file ${file}`);
  }
}

function has(ring: readonly RingKey[], kid: string): boolean {
  return ring.some((key) => key.kid === kid);
}

async function audit(
  terminal: Terminal,
  location: string | undefined,
  entry: Omit<AuditEntry, "actor">,
): Promise<void> {
  if (location === undefined) return;
  await withDatabase(location, (database) => record(terminal, database, entry));
}

async function record({ clock }: Terminal, { db }: Database, entry: Omit<AuditEntry, "actor">): Promise<void> {
  await recordAudit({ ids: createIds(clock), clock }, db, { ...entry, actor: "operator" });
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
