/** The demo as `npm start` runs it, after the build: real processes on free ports, in a folder of its own, stopped by SIGTERM. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

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
