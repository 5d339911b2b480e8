/** `mb-connect audit`: reads what was ended, deleted or done with keys. */
import type { Command } from "commander";
import { type AuditRecord, isAbout, patientKid, readAudit } from "../audit.ts";
import { createTokenVault, type SealingKey } from "../store/token-vault.ts";
import { readKeyFile } from "./key-file.ts";
import { withDatabase } from "./open.ts";
import { CommandError, type Terminal } from "./terminal.ts";

const PAGE = 500;

interface Options {
  database: string;
  json?: boolean;
  patient?: string;
  file?: string;
}

/** Adds `audit`. */
export function addAudit(program: Command, terminal: Terminal): void {
  program
    .command("audit")
    .description("every disconnect, deletion and use of a key, oldest first")
    .requiredOption(
      "--database <database>",
      "SQLite file or postgres:// URL, or MB_CONNECT_DATABASE",
      terminal.database,
    )
    .option("--json", "a line of JSON each")
    .option("--patient <id>", "only what is about this patient of the host's; needs --file")
    .option("--file <file>", "key file whose sealing keys hashed the patients' ids")
    .action((options: Options) => printAudit(terminal, options));
}

async function printAudit(terminal: Terminal, options: Options): Promise<void> {
  const { patient, json } = options;
  const keys = patient === undefined ? null : readSealingKeys(options.file);
  const vault = keys && createTokenVault(keys);
  const known = new Set(keys?.map(({ kid }) => kid));
  const lacked = new Set<string>();
  let untold = 0;
  const print = json ? (one: AuditRecord) => JSON.stringify(one) : line;
  await withDatabase(options.database, async ({ db }) => {
    for (let after: string | null = null; ; ) {
      const records: AuditRecord[] = await readAudit(db, after, PAGE);
      const shown = records.filter((one) => !vault || isAbout(vault, one, patient ?? ""));
      terminal.print(shown.map((one) => `${print(one)}\n`).join(""));
      for (const kid of keys ? records.map(patientKid) : []) {
        if (kid === null || known.has(kid)) continue;
        lacked.add(kid);
        untold += 1;
      }
      const last = records.at(-1);
      if (!last || records.length < PAGE) break;
      after = last.id;
    }
  });
  if (untold === 0) return;
  const by = `keys that ${options.file} lacks (${[...lacked].join(", ")})`;
  terminal.say(`${untold} rows about a patient were made by ${by}: whether about this one, nobody can tell.\n`);
}

function readSealingKeys(file: string | undefined): SealingKey[] {
  if (file === undefined) throw new CommandError("--patient needs --file, the key file: patients' ids stand hashed");
  const { sealingKeys } = readKeyFile(file);
  if (sealingKeys.length === 0) throw new CommandError(`${file} holds no sealing key`);
  return sealingKeys as SealingKey[];
}

function line({ at, action, actor, subject, detail }: AuditRecord): string {
  const facts = Object.entries(detail ?? {}).map(([name, value]) => `${name}=${value}`);
  return [at, actor.padEnd(8), action.padEnd(23), subject ?? "", ...facts].join(" ").trimEnd();
}
