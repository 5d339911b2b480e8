/**
 * The key file: both rings of keys as JSON, readable by its owner alone, in the shape of the options, so that a host spreads
 * it into them. Reads and writes the file whole; a write puts a finished file in the place of the old one.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { keyDates } from "../options.ts";
import { CommandError } from "./terminal.ts";

const keyFile = z.strictObject({
  sealingKeys: z.array(z.strictObject({ kid: z.string().min(1), key: z.string(), ...keyDates })).default([]),
  signingKeys: z.array(z.looseObject({ kid: z.string().min(1), kty: z.string(), ...keyDates })).default([]),
});

/** The newest key first. */
export type KeyFile = z.output<typeof keyFile>;

/** What a key is for. */
export type Purpose = "sealing" | "signing";

/** The ring of the file for a purpose. */
export const RINGS = { sealing: "sealingKeys", signing: "signingKeys" } as const;

/** @throws {CommandError} for a word that is no purpose */
export function readPurpose(word: string): Purpose {
  if (word === "sealing" || word === "signing") return word;
  throw new CommandError(`there is no ${word} key: sealing or signing`);
}

/**
 * Reads a key file.
 *
 * @param absent `empty`: a file that is not there counts as one without keys
 * @throws {CommandError} where it is not there, others may read it, or it is no key file
 */
export function readKeyFile(path: string, absent: "empty" | "refused" = "refused"): KeyFile {
  if (absent === "empty" && !existsSync(path)) return { sealingKeys: [], signingKeys: [] };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? "is no JSON" : "cannot be read";
    throw new CommandError(`${path} ${why}; a key file is made by: mb-connect keys new sealing --file ${path}`);
  }
  refuseIfOpen(path);
  const parsed = keyFile.safeParse(content);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join(".") || "its root";
  throw new CommandError(`${path} is no key file: look at ${at}`);
}

function refuseIfOpen(path: string): void {
  // Windows has no such bits: there every file would seem open.
  if (process.platform === "win32") return;
  const others = statSync(path).mode & 0o077;
  if (others) throw new CommandError(`${path} may be read or written by others: chmod 600 ${path}`);
}

/** Writes a key file, for its owner's eyes only. */
export function writeKeyFile(path: string, keys: KeyFile): void {
  const unfinished = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(unfinished, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    chmodSync(unfinished, 0o600);
    renameSync(unfinished, path);
  } catch {
    throw new CommandError(`${path} cannot be written: check that its folder exists and may be written`);
  }
}

/** A new sealing key. */
export function newSealingKey(): { kid: string; key: string } {
  return { kid: newKid("sealing"), key: randomBytes(32).toString("base64url") };
}

/** A new signing key: ES384, as a private JWK. */
export function newSigningKey(): { kid: string; kty: string; alg: string; use: string } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  return { kid: newKid("signing"), alg: "ES384", use: "sig", kty: "EC", ...privateKey.export({ format: "jwk" }) };
}

function newKid(purpose: Purpose): string {
  return `${purpose}-${randomBytes(6).toString("hex")}`;
}
