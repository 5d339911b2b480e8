/** `npm start` as a process: what it prints, which port it takes, how it ends, and what its search offers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { facilitiesAt } from "../../demo/hospital/facilities.ts";
import { type Demo, startDemo } from "../support/demo.ts";

/** What a demo has left behind; tsx keeps a cache beside it. */
const leftIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith("mb-connect"));

describe("a running demo", () => {
  let demo: Demo;
  before(async () => {
    demo = await startDemo();
  });
  after(() => demo?.stop());

  const firstFor = async (query: string): Promise<string> => {
    const response = await fetch(`${demo.origin}/api/connections?limit=1&q=${encodeURIComponent(query)}`);
    assert.equal(response.status, 200, query);
    return ((await response.json()) as { data: { name: string }[] }).data[0]?.name ?? "";
  };

  test("prints one line: its address", () => {
    assert.deepEqual(demo.lines, [`The demo is at ${demo.origin}`]);
  });

  test("finds every facility by its name", async () => {
    for (const { name } of facilitiesAt(demo.origin)) assert.equal(await firstFor(name), name);
  });

  test("never puts a facility with a fault first for a plain word or its beginning", async () => {
    const plain = facilitiesAt(demo.origin).filter(({ fault }) => fault === null);
    const words = plain.flatMap(({ name, city, state }) => `${name} ${city} ${state}`.toLowerCase().split(/[^a-z']+/));
    const beginnings = words.flatMap((word) => [...word].map((_, index) => word.slice(0, index + 1)));
    const first: Record<string, string> = {};
    for (const query of new Set(beginnings.filter(({ length }) => length > 1))) first[query] = await firstFor(query);
    assert.deepEqual(
      Object.entries(first).filter(([, name]) => name.startsWith("Test server")),
      [],
    );
  });

  test("listens on loopback alone", async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const outside = addresses.filter(({ internal, family }) => !internal && family === "IPv4");
    for (const { address } of outside) {
      await assert.rejects(fetch(`http://${address}:${new URL(demo.origin).port}`), address);
    }
  });

  test("signs a newcomer in, with a cookie that no script reads and a policy that lets nothing foreign in", async () => {
    const page = await fetch(demo.origin);
    assert.match(await page.text(), /Signed in as <strong>Robin Sampleton</);
    assert.match(page.headers.get("set-cookie") ?? "", /HttpOnly; SameSite=Lax/);
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'self'/);
  });
});

test("takes the port that PORT names, and gives it back with all else when it is told to stop", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  await assert.rejects(
    startDemo({ PORT: String(port) }),
    new RegExp(`port ${port} is taken; choose another with PORT`),
  );
  await new Promise((resolve) => server.close(resolve));

  const demo = await startDemo({ PORT: String(port) });
  assert.equal(demo.origin, `http://localhost:${port}`);
  const { data } = (await (await fetch(`${demo.origin}/api/connections?q=thornbury`)).json()) as {
    data: { portal_url: string }[];
  };
  const hospital = new URL(data[0]?.portal_url ?? "").origin;
  assert.equal((await fetch(`${hospital}/brands.json`)).status, 200);
  demo.process.kill("SIGINT");
  await new Promise((resolve) => demo.process.once("exit", resolve));
  assert.equal(demo.process.exitCode, 0);
  await assert.rejects(fetch(demo.origin));
  await assert.rejects(fetch(`${hospital}/brands.json`));
  assert.deepEqual(await leftIn(demo.folder), []);
  await demo.stop();
});

test("ends with whoever started it, even where nobody told it to stop", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mb-connect-story-"));
  const shell = spawn("sh", ["-c", '"$0" --import tsx demo/start.ts; true', process.execPath], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, PORT: "0", TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(shell.stdout), "line")) as [string];
  const origin = line.slice(line.indexOf("http"));
  assert.equal((await fetch(origin)).status, 200);
  shell.kill("SIGKILL");
  await once(shell.stdout, "close");
  await assert.rejects(fetch(origin));
  assert.deepEqual(await leftIn(folder), []);
  await rm(folder, { recursive: true });
});
