/**
 * The command `mb-connect`: imports lists of hospitals into a catalog and makes the keys that the options ask for. What
 * was asked for goes to stdout, all else to stderr; whatever fails is one line and exit code 1.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { Command, CommanderError } from "commander";
import { ImportError } from "./catalog/content.ts";
import { summarize } from "./catalog/import-summary.ts";
import { importCatalog } from "./catalog/importer.ts";
import { type Database, MissingPeerError, openDatabase } from "./store/database.ts";

/**
 * Runs the command.
 *
 * @param words the arguments, without node and the script
 * @returns the exit code
 */
export async function main(words: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(words, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has said what it has to say.
    if (error instanceof CommanderError) return error.exitCode;
    process.stderr.write(`mb-connect: ${explain(error)}\n`);
    return 1;
  }
}

function program(): Command {
  const command = new Command("mb-connect")
    .description("Patient-authorized health records over SMART on FHIR")
    .exitOverride();
  command
    .command("import")
    .description("import lists of hospitals: User-access Brands bundles, FHIR Endpoint bundles, JSON Lines")
    .argument("<file...>", "files as published, gzipped or not")
    .requiredOption(
      "--database <database>",
      "SQLite file or postgres:// URL, or MB_CONNECT_DATABASE",
      process.env.MB_CONNECT_DATABASE,
    )
    .option("--list <name>", "the list that the files make up (default: each file's own name)")
    .option("--force", "let a list shrink by more than a fifth")
    .action(runImport);
  const keys = command.command("keys").description("make keys");
  keys
    .command("new")
    .description("make a key, as JSON ready to paste")
    .argument("<purpose>", "sealing or signing")
    .action(newKey);
  return command;
}

async function runImport(
  files: string[],
  options: { database: string; list?: string; force?: boolean },
): Promise<void> {
  const database = open(options.database);
  try {
    await database.migrate();
    const lists = await importCatalog(database, { files, ...options }, Date.now, progressBar(process.stderr));
    process.stdout.write(lists.map(summarize).join("\n"));
  } finally {
    await database.close();
  }
}

function open(location: string): Database {
  try {
    return openDatabase(location);
  } catch (error) {
    if (error instanceof MissingPeerError || (error as { code?: unknown }).code === "SQLITE_NOTADB") throw error;
    throw new ImportError("the database cannot be opened: check that its folder exists and may be written");
  }
}

/** A bar on one line of a terminal; elsewhere nothing. */
function progressBar(stream: NodeJS.WriteStream): (step: string, done: number) => void {
  if (!stream.isTTY) return () => {};
  let shown = "";
  return (step, done) => {
    const bar = "█".repeat(Math.floor(done * 24)).padEnd(24, "░");
    const line = `${bar} ${String(Math.floor(done * 100)).padStart(3)} % ${step}`;
    if (line === shown) return;
    shown = line;
    stream.write(`\r\x1b[K${step === "Writing" && done === 1 ? "" : line}`);
  };
}

function newKey(purpose: string): void {
  if (purpose === "sealing") {
    print({ kid: newKid(purpose), key: randomBytes(32).toString("base64url") });
    process.stderr.write(
      "One entry of the option sealingKeys, whose first entry seals. Keep it secret, and do not lose it.\n",
    );
  } else if (purpose === "signing") {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    print({ kid: newKid(purpose), alg: "ES384", use: "sig", ...privateKey.export({ format: "jwk" }) });
    process.stderr.write("One entry of the option signingKeys. Keep it secret; its public half is published.\n");
  } else {
    throw new ImportError(`there is no ${purpose} key: sealing or signing`);
  }
}

function newKid(purpose: string): string {
  return `${purpose}-${randomBytes(6).toString("hex")}`;
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** One line for the person at the terminal. A driver's message may hold the database's password, so only its code is shown. */
function explain(error: unknown): string {
  if (error instanceof ImportError || error instanceof MissingPeerError) return error.message;
  const code = (error as { code?: unknown }).code;
  if (code === "SQLITE_CANTOPEN")
    return "the database cannot be opened: check that its folder exists and may be written";
  if (code === "SQLITE_NOTADB") return "the database is no SQLite file: check --database";
  if (code === "SQLITE_BUSY") return "the database is busy: another import may be running; try again when it is done";
  if (typeof code === "string") return `the database does not do it (${code}): check --database`;
  return `it failed (${error instanceof Error ? error.name : "unknown"})`;
}
