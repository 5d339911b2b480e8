/**
 * `npm start`: a simulated hospital and a clinic's app, each a process of its own, and one line that says where to look. The
 * clinic stands on `localhost` and the hospital on `127.0.0.1`, so that a browser takes them for two sites, as in life.
 * `PORT` chooses the clinic's port (0: any), else it is a free one from 3000 on. All that is stored is gone at the end.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** How long the hospital takes for an answer: long enough to watch the records arrive. */
const ANSWER_MS = "300";

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The port where it is free on both families of loopback, so that nobody else answers for `localhost`; null where it is taken. */
async function free(port: number): Promise<number | null> {
  for (const host of ["::1", "127.0.0.1"]) {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
      server.listen(port, host, () => {
        port = (server.address() as AddressInfo).port;
        resolve(false);
      });
    });
    await new Promise((resolve) => server.close(resolve));
    if (taken) return null;
  }
  return port;
}

async function choosePort(asked: string | undefined): Promise<number> {
  const first = Number(asked ?? 3000);
  const tries = asked === undefined || first === 0 ? 100 : 1;
  for (let step = 0; step < tries; step += 1) {
    const found = await free(first === 0 ? 0 : first + step);
    if (found !== null) return found;
  }
  throw new Error(`port ${asked ?? "3000 and the 99 after it"} is taken; choose another with PORT`);
}

/** Starts a script; it stops by itself when this process is gone. */
function run(script: string, args: string[], env: Record<string, string> = {}): Child {
  const tsx = script.endsWith(".ts") ? ["--import", "tsx"] : [];
  return spawn(process.execPath, [...tsx, file(script), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  }) as Child;
}

const ended = (child: Child): Promise<number> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? 1);
    else child.once("exit", (code) => resolve(code ?? 1));
  });

/** The first of what is awaited, unless the process ends before. */
async function from<T>(child: Child, name: string, event: Promise<T>): Promise<T> {
  const failed = ended(child).then((code) => Promise.reject(new Error(`the ${name} stopped with code ${code}`)));
  failed.catch(() => {});
  return Promise.race([event, failed]);
}

async function start(folder: string, children: Child[]): Promise<string> {
  const port = await choosePort(process.env.PORT || undefined);
  const origin = `http://localhost:${port}`;
  const hospital = run("hospital/main.ts", ["0", `${origin}/api/callback`], { HOSPITAL_ANSWER_MS: ANSWER_MS });
  children.push(hospital);
  hospital.stderr.pipe(process.stderr);
  const hospitalUrl = await from(
    hospital,
    "hospital",
    new Promise<string>((resolve) => createInterface(hospital.stdout).once("line", resolve)),
  );

  const BRANDS = join(folder, "brands.json");
  const DATABASE = join(folder, "demo.db");
  await writeFile(BRANDS, await (await fetch(`${hospitalUrl}/brands.json`)).text());
  const importer = run("../server/bin/mb-connect.js", ["import", "--database", DATABASE, BRANDS]);
  children.push(importer);
  const said = [text(importer.stdout), text(importer.stderr)];
  if ((await ended(importer)) !== 0) {
    throw new Error(`the hospital's brands could not be imported: ${(await Promise.all(said)).join("")}`);
  }

  const SEALING_KEY = randomBytes(32).toString("base64url");
  const host = run("host/app.ts", [], { PORT: String(port), DATABASE, SEALING_KEY, BRANDS });
  children.push(host);
  host.stdout.pipe(process.stderr);
  host.stderr.pipe(process.stderr);
  await from(host, "clinic", new Promise((resolve) => host.once("message", resolve)));
  return origin;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mb-connect-demo-"));
  const children: Child[] = [];
  const stopping = new AbortController();
  const stop = async (code: number): Promise<void> => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    for (const child of children) child.kill("SIGTERM");
    await Promise.all(children.map(ended));
    await rm(folder, { recursive: true, force: true });
    process.exit(code);
  };
  process.on("SIGINT", () => void stop(0)).on("SIGTERM", () => void stop(0));
  // A shell that npm puts between keeps SIGTERM to itself; what is left to notice is that it is gone.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && void stop(0), 1000).unref();
  try {
    const origin = await start(folder, children);
    if (!stopping.signal.aborted) console.log(`The demo is at ${origin}`);
    await Promise.race(children.filter(({ exitCode }) => exitCode === null).map(ended));
  } catch (error) {
    if (!stopping.signal.aborted) console.error(`The demo could not start: ${(error as Error).message}`);
  }
  await stop(1);
}

await main();
