/**
 * What the pull survives: workers that are killed, workers side by side, a database that goes away, and a hospital that has
 * no time. Each ends as if nothing had been.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { forEachDatabase } from "./support/databases.ts";
import { type FhirServer, resource, startFhirServer } from "./support/fhir-server.ts";
import { openPullCase, statesOf } from "./support/pull-case.ts";
import { openPullHost, type PullHost, scopesFor } from "./support/pull-host.ts";
import { restartPostgres } from "./support/postgres.ts";

const SCRIPT = fileURLToPath(new URL("support/pull-worker.ts", import.meta.url));
const LEASE_SECONDS = 60;
const KILLS = 50;

/** A patient's record of 20,000, on 200 pages. */
const LARGE = { Observation: 12_000, Condition: 5_000, Procedure: 3_000 };

async function largeServer(): Promise<FhirServer> {
  const server = await startFhirServer();
  for (const [type, count] of Object.entries(LARGE)) {
    const one = (n: number): object =>
      resource(type, `${type}-${n}`, { text: "x".repeat(300), performer: [{ reference: `Practitioner/d${n % 40}` }] });
    server.resources.set(
      type,
      Array.from({ length: count }, (_, n) => JSON.stringify(one(n))),
    );
  }
  server.add(...Array.from({ length: 40 }, (_, n) => ({ resourceType: "Practitioner", id: `d${n}` })));
  // By a name, so that a worker can tell of its connections.
  server.base = server.base.replace("127.0.0.1", "localhost");
  return server;
}

const scopes = scopesFor("Patient", "Practitioner", ...Object.keys(LARGE));
const profile = { fhir: { rps: 100_000 } };

/** A worker's process that is ready to begin. */
async function newWorker(t: TestContext, host: PullHost, ahead = 0): Promise<ChildProcess> {
  const argument = JSON.stringify({ options: host.options, ahead, leaseSeconds: LEASE_SECONDS });
  const child = fork(SCRIPT, [argument], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

/** Lets the lease of whatever ran end. On Postgres the database's own clock counts; its keeper would look every few seconds. */
async function endLeases(host: PullHost): Promise<void> {
  const { db, kind } = host.database;
  await host.pass(LEASE_SECONDS + 1);
  if (kind === "sqlite") return;
  await sql`update mb_jobs.job set state = case when retry_count < retry_limit then 'retry' else 'failed' end::mb_jobs.job_state
    where state = 'active'`.execute(db);
  await db.updateTable("job_serial_keys").set({ leased_until: 0 }).execute();
}

/** All that a pull leaves, but for when, and for the bytes of pages that were asked for again. */
async function leftBy(host: PullHost, connection_id: string): Promise<unknown> {
  const { db } = host.database;
  const types = await db
    .selectFrom("pull_types")
    .select(["type", "state", "records", "notes", "place"])
    .where("connection_id", "=", connection_id)
    .orderBy("type")
    .execute();
  const references = await db
    .selectFrom("references_found")
    .select(["type", "fhir_id", "state", "hops"])
    .where("connection_id", "=", connection_id)
    .orderBy("fhir_id")
    .execute();
  const records = await host.records(connection_id);
  const kept = records.map(({ type, fhir_id, body, role, version }) => `${type} ${fhir_id} ${role} ${version} ${body}`);
  return { types, references, kept };
}

forEachDatabase((databases) => {
  test(`a worker that is killed ${KILLS} times in a pull of 20,000 records leaves what one leaves that never was`, async (t) => {
    const server = await largeServer();
    const host = await openPullHost(databases, { worker: false });
    t.after(async () => {
      await host.close();
      await server.close();
    });
    const connection = await host.connect({ server, scopes, profile });
    let ahead = 0;
    let next = newWorker(t, host, ahead);
    let inMidPull = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const worker = await next;
      const from = server.requests.length;
      // Anywhere in the next few pages: while one is asked for, read, written, or between them.
      const pages = 1 + Math.floor(Math.random() * 6);
      const reached = new Promise<void>((resolve) => {
        server.rules[0] = () => {
          if (server.requests.length >= from + pages) setTimeout(resolve, Math.random() * 12);
          return null;
        };
      });
      ahead += (LEASE_SECONDS + 1) * 1000;
      next = newWorker(t, host, ahead);
      worker.send("go");
      await reached;
      worker.kill("SIGKILL");
      await once(worker, "exit");
      await endLeases(host);
      inMidPull += (await host.progress(connection)).state === "settled" ? 0 : 1;
    }
    server.rules.length = 0;
    (await next).send("go");
    const progress = await host.settled(connection);
    assert.equal(inMidPull, KILLS, "each was killed before the pull was done");
    assert.deepEqual(statesOf(progress), [
      "Condition ok 5000",
      "Observation ok 12000",
      "Patient ok 1",
      "Practitioner ok 40",
      "Procedure ok 3000",
    ]);
    const calm = await host.connect({ server, scopes, profile });
    await host.settled(calm);
    assert.deepEqual(await leftBy(host, connection), await leftBy(host, calm));
    t.diagnostic(`${server.requests.length} requests in all`);
  });

  test("two workers share the pulls of one database: every page is asked for once, and no pull is lost", async (t) => {
    const server = await largeServer();
    for (const [type, texts] of server.resources) server.resources.set(type, texts.slice(0, 250));
    const host = await openPullHost(databases, { worker: false });
    t.after(async () => {
      await host.close();
      await server.close();
    });
    const workers = await Promise.all([newWorker(t, host), newWorker(t, host)]);
    const busy = workers.map((worker) => once(worker, "message"));
    const patients = Array.from({ length: 12 }, (_, n) => `p${n}`);
    server.rules.push(({ path }) =>
      /^Patient\//.test(path) ? { body: { resourceType: "Patient", id: path.slice(8) } } : null,
    );
    const connections: string[] = [];
    for (const id of patients) {
      // Each patient's pages are told apart by the patient.
      const replies = { scopes: scopesFor("Patient", "Observation", "Condition"), profile };
      connections.push(await host.connect({ server, fhir_patient_id: id, ...replies }));
    }
    for (const worker of workers) worker.send("go");
    for (const connection of connections) await host.settled(connection);
    await Promise.all(busy);
    const urls = server.requests.map(({ url }) => url).filter((url) => url !== "metadata");
    assert.equal(urls.length, patients.length * 7);
    assert.equal(new Set(urls).size, urls.length);
  });

  for (const [words, headers] of [
    ["saying so", { "retry-after": "600" }],
    ["saying nothing of when", undefined],
  ] as const) {
    test(`P6: a hospital that answers 429 for an hour, ${words}, costs an hour and nothing else`, async (t) => {
      const { server, host } = await openPullCase(t, databases);
      for (const type of ["Condition", "Goal"])
        server.add(...Array.from({ length: 30 }, (_, n) => resource(type, `x${n}`)));
      server.pageSize = 10;
      const over = host.now() + 3_600_000;
      let refused = 0;
      server.rules.push(() => {
        if (server.requests.length < 4 || host.now() > over) return null;
        refused += 1;
        return { status: 429, ...(headers ? { headers } : {}), body: "" };
      });
      const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
      const progress = await host.settled(connection, { passing: 60 });
      assert.deepEqual(statesOf(progress), ["Condition ok 30", "Goal ok 30"]);
      assert.ok((progress.settled_at ?? 0) > over);
      assert.ok(refused > 1 && refused < 60, `${refused} requests were refused`);
    });
  }

  test("a database that is restarted in mid-pull costs a moment and nothing else", {
    skip: databases.name === "postgres" ? false : "SQLite has no server",
  }, async (t) => {
    const { server, host } = await openPullCase(t, databases, { jobs: { leaseSeconds: 4 } });
    const texts = Array.from({ length: 3000 }, (_, n) => resource("Condition", `c${n}`));
    server.add(...texts);
    let restarts: Promise<void>[] = [];
    server.rules.push(({ path }) => {
      const pages = server.asked("Condition").length;
      if (path === "Condition" && (pages === 5 || pages === 15)) restarts = [...restarts, restartPostgres()];
      return null;
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition"), profile });
    const progress = await host.settled(connection);
    assert.equal(restarts.length, 2);
    await Promise.all(restarts);
    assert.deepEqual(statesOf(progress), ["Condition ok 3000"]);
    const stored = await host.records(connection);
    assert.equal(stored.length, 3000);
    assert.ok(stored.every(({ version }) => version === 1));
  });
});
