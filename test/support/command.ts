/** The command `mb-connect`, run as a person at a terminal runs it. */
import { spawn } from "node:child_process";
import { join } from "node:path";

const BIN = join(import.meta.dirname, "../../server/bin/mb-connect.js");

/** What came of a run. */
export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs it to its end, without the environment's own database. */
export async function command(...words: string[]): Promise<Ran> {
  const { MB_CONNECT_DATABASE: _, ...env } = process.env;
  const child = spawn(process.execPath, [BIN, ...words], { stdio: ["ignore", "pipe", "pipe"], env });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
  return { code: await ended, stdout: stdout.join(""), stderr: stderr.join("") };
}
