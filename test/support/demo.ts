/** The demo as `npm start` runs it, after the build: real processes on free ports, in a folder of its own, stopped by SIGTERM. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";

export interface Demo {
  /** The clinic app's origin. */
  origin: string;
  /** Where the demo keeps its files. */
  folder: string;
  process: ChildProcess;
  /** Lines on standard output and standard error so far. */
  lines: string[];
  /** Tells it to stop and waits until it has: the exit code. */
  stop(): Promise<number | null>;
}

/** Starts the demo and waits for its address. What it printed stands in the error where it does not start. */
export async function startDemo(env: Record<string, string> = {}): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), "mb-connect-story-"));
  const script = fileURLToPath(new URL("../../demo/start.ts", import.meta.url));
  const process = spawn(globalThis.process.execPath, ["--import", "tsx", script], {
    env: { ...globalThis.process.env, PORT: "0", TMPDIR: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const exit = once(process, "exit");
  createInterface(process.stderr).on("line", (line) => lines.push(line));
  const address = new Promise<string>((resolve) => {
    createInterface(process.stdout).on("line", (line) => {
      lines.push(line);
      const [origin] = /http:\/\/localhost:\d+/.exec(line) ?? [];
      if (origin) resolve(origin);
    });
  });
  const origin = await Promise.race([address, exit.then(() => null)]);
  if (origin === null) throw new Error(`the demo did not start:\n${lines.join("\n")}`);
  return {
    origin,
    folder,
    process,
    lines,
    async stop() {
      process.kill("SIGTERM");
      const [code] = (await exit) as [number | null];
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
}

/** Makes every open session of a demo one that ran out a moment ago: what half an hour's wait would do. */
export async function expireSessions(folder: string): Promise<void> {
  const [own] = (await readdir(folder)).filter((name) => name.startsWith("mb-connect-demo-"));
  const database = new Database(join(folder, own ?? "", "demo.db"), { fileMustExist: true });
  const before = Date.now() - 1000;
  database.prepare("UPDATE patient_sessions SET expires_at = ? WHERE status = 'open'").run(before);
  database.prepare("UPDATE attempts SET expires_at = ? WHERE status = 'pending'").run(before);
  database.close();
}
