/** Refreshes by several processes on one database, one of which is killed, at every step. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after, before, beforeEach, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { access } from "#server/access.js";
import type { Context } from "#server/context.js";
import { refresh } from "#server/flow/refresh.js";
import { compose } from "#server/mb-connect.js";
import { findConnection } from "#server/store/connections.js";
import type { Database } from "#server/store/database.js";
import type { Host } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { newLog } from "./support/log.ts";
import { connected, openTokenHost, type TokenServer } from "./support/token-server.ts";

const SCRIPT = fileURLToPath(new URL("support/refresh-process.ts", import.meta.url));
const HOUR = 3600;
/** A lease is over after it. */
const LEASE = 61;

interface Told {
  ready?: true;
  stopped?: string;
  generation?: number;
  access_token?: string;
  refused?: string;
}

forEachDatabase(({ location }) => {
  let host: Host<TokenServer>;
  let context: Context;
  let database: Database;
  let ahead = 0;
  let patients = 0;

  before(async () => {
    host = await openTokenHost({ database: await location() });
    ({ context, database } = compose(host.options, { clock: () => Date.now() + ahead }));
  });
  beforeEach(() => host.hospital.onRefresh((_request, usual) => usual()));
  after(async () => {
    await context.door.close();
    await database.close();
    await host.close();
  });

  const pass = (seconds: number): void => {
    ahead += seconds * 1000;
    host.pass(seconds);
  };
  const connect = (): Promise<string> => connected(host, `patient-${++patients}`);
  const rowOf = (id: string) => findConnection(context.db, id);
  const sent = () => host.hospital.refreshes.all.map(({ refresh_token }) => refresh_token);
  /** A process that is ready to ask for access; `go` lets it, and answers what it tells next. */
  const start = async (t: TestContext, connection_id: string, step?: string) => {
    const { patient: _, logger: __, ...options } = host.options;
    const child = fork(SCRIPT, [JSON.stringify({ options, connection_id, ahead, step })], {
      execArgv: ["--import", "tsx"],
    });
    t.after(() => child.kill("SIGKILL"));
    const told = newLog<Told>();
    child.on("message", (message) => told.add(message as Told));
    await told.reach(1);
    const go = async (): Promise<Told | undefined> => {
      child.send("go");
      return (await told.reach(2))[1];
    };
    return { child, go };
  };
  const kill = async (child: ChildProcess): Promise<void> => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };

  test("R2, S13: two processes need access at once: one dials, the other is given what it brought", async (t) => {
    const id = await connect();
    pass(HOUR);
    const processes = await Promise.all([start(t, id), start(t, id)]);
    const before = sent().length;
    // The hospital answers only once both have been asked to go.
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    host.hospital.onRefresh(async (_request, usual) => {
      await gate;
      return usual();
    });
    const going = processes.map(({ go }) => go());
    await host.hospital.refreshes.reach(before + 1);
    open();
    const [one, other] = await Promise.all(going);
    assert.deepEqual(one, other);
    assert.equal(one?.generation, 2);
    assert.equal(sent().length, before + 1);
    assert.equal(host.hospital.replays(), 0);
  });

  test("R3: killed before it dials: after its lease the next one refreshes, by a token that was never sent", async (t) => {
    const id = await connect();
    pass(HOUR);
    const { child, go } = await start(t, id, "before_dial");
    const before = sent().length;
    assert.deepEqual(await go(), { stopped: "before_dial" });
    assert.equal((await rowOf(id))?.unanswered_refreshes, 1, "the journal was written first");
    await kill(child);
    await refresh(context, { payload: { connection_id: id } });
    assert.equal(sent().length, before, "the lease is not over");
    assert.equal(await host.waiting("refresh", id), 1);
    pass(LEASE);
    assert.equal((await access(context, id)).generation, 2);
    assert.equal(sent().length, before + 1);
    assert.equal(host.hospital.replays(), 0);
  });

  test("R3: killed while the hospital answers: one retry, and where the token was spent, refresh_failed", async (t) => {
    const id = await connect();
    pass(HOUR);
    const { child, go } = await start(t, id);
    const before = sent().length;
    host.hospital.onRefresh(async (_request, usual) => {
      const answer = usual();
      await new Promise(() => {});
      return answer;
    });
    void go().catch(() => {});
    await host.hospital.refreshes.reach(before + 1);
    await kill(child);
    host.hospital.onRefresh((_request, usual) => usual());
    pass(LEASE);
    await assert.rejects(access(context, id), { code: "token_unavailable" });
    const row = await rowOf(id);
    assert.deepEqual([row?.status, row?.failure_code], ["refresh_failed", "token_unavailable"]);
    assert.equal(sent().length, before + 2);
    await assert.rejects(access(context, id), { code: "token_unavailable" });
    assert.equal(sent().length, before + 2, "one retry, and no more");
  });

  test("R3: killed between response and commit: a hospital that does not rotate gives access at the retry", async (t) => {
    const id = await connect();
    pass(HOUR);
    const { child, go } = await start(t, id, "before_commit");
    const before = sent().length;
    host.hospital.onRefresh(() => ({ body: { access_token: "again", token_type: "Bearer", expires_in: 3600 } }));
    assert.deepEqual(await go(), { stopped: "before_commit" });
    assert.equal((await rowOf(id))?.token_generation, 1);
    await kill(child);
    pass(LEASE);
    assert.equal((await access(context, id)).access_token, "again");
    const row = await rowOf(id);
    assert.deepEqual([row?.status, row?.token_generation, row?.unanswered_refreshes], ["active", 2, 0]);
    assert.equal(sent().length, before + 2);
  });

  test("R3: killed twice without an answer, a token is not sent a third time", async (t) => {
    const id = await connect();
    pass(HOUR);
    host.hospital.onRefresh(() => ({ body: { access_token: "again", token_type: "Bearer", expires_in: 3600 } }));
    const before = sent().length;
    for (let n = 0; n < 2; n++) {
      const { child, go } = await start(t, id, "before_commit");
      assert.deepEqual(await go(), { stopped: "before_commit" });
      await kill(child);
      pass(LEASE);
    }
    await assert.rejects(access(context, id), { code: "token_unavailable" });
    assert.equal(sent().length, before + 2);
    assert.equal((await rowOf(id))?.status, "refresh_failed");
  });

  test("R2: killed after the commit: the next one uses what was stored and sends nothing", async (t) => {
    const id = await connect();
    pass(HOUR);
    const { child, go } = await start(t, id, "after_commit");
    const before = sent().length;
    assert.deepEqual(await go(), { stopped: "after_commit" });
    await kill(child);
    assert.equal((await access(context, id)).generation, 2);
    assert.equal(sent().length, before + 1);
    pass(HOUR);
    assert.equal((await access(context, id)).generation, 3, "and its refresh token is the new one");
    assert.equal(host.hospital.replays(), 1, "the one of the test that let a spent token come again");
  });
});
