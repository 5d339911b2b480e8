/** `mb-connect work`: the background in a process of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { test } from "node:test";
import { forEachDatabase } from "./support/databases.ts";
import { resource, startFhirServer } from "./support/fhir-server.ts";
import { statesOf } from "./support/pull-case.ts";
import { openPullHost, scopesFor } from "./support/pull-host.ts";

const BIN = join(import.meta.dirname, "../server/bin/mb-connect.js");

forEachDatabase((databases) => {
  test("mb-connect work pulls what a host left waiting, and ends when it is told to", async (t) => {
    const server = await startFhirServer();
    const host = await openPullHost(databases, { worker: false });
    const folder = await mkdtemp(join(tmpdir(), "mb-work-"));
    const file = join(folder, "options.mjs");
    await writeFile(
      file,
      `export const options = { ...${JSON.stringify(host.options)}, patient: () => null, logger: undefined };`,
    );
    const child = spawn(process.execPath, [BIN, "work", "--config", file], { stdio: ["ignore", "inherit", "pipe"] });
    t.after(async () => {
      child.kill("SIGKILL");
      await host.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    });
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    server.add(resource("Condition", "c1"));
    const connection = await host.connect({ server, scopes: scopesFor("Patient", "Condition") });
    const progress = await host.settled(connection);
    assert.deepEqual(statesOf(progress), ["Condition ok 1", "Patient ok 1"]);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
    assert.equal(said, "The worker runs.\nThe worker stops.\n");
  });

  const onSqlite = { skip: databases.name === "sqlite" ? false : "Postgres makes no database by itself" };
  test("mb-connect work makes no database where there is none", onSqlite, async (t) => {
    const host = await openPullHost(databases, { worker: false });
    const folder = await mkdtemp(join(tmpdir(), "mb-work-"));
    t.after(async () => {
      await host.close();
      await rm(folder, { recursive: true, force: true });
    });
    const file = join(folder, "options.mjs");
    const options = { ...host.options, database: join(folder, "wrong.db") };
    await writeFile(
      file,
      `export const options = { ...${JSON.stringify(options)}, patient: () => null, logger: undefined };`,
    );
    const child = spawn(process.execPath, [BIN, "work", "--config", file], { stdio: ["ignore", "inherit", "pipe"] });
    // One that runs all the same is no longer waited for.
    child.stderr.on("data", (chunk) => String(chunk).includes("The worker runs") && child.kill("SIGKILL"));
    const said = textOf(child.stderr);
    const [code] = await once(child, "exit");
    assert.equal(code, 1);
    assert.match(await said, /there is no database at .*wrong\.db: run this in the folder that the host runs in/);
    assert.deepEqual(await readdir(folder), ["options.mjs"]);
  });
});
