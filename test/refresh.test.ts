/**
 * What a connection lives through after its grant: refreshes on need and to stay alive, every answer a hospital gives to
 * one, and its two ends, `expired` and `refresh_failed`.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { mbConnect } from "@mb-connect/server";
import { access, fetchConnection } from "#server/access.js";
import type { Context } from "#server/context.js";
import { refresh } from "#server/flow/refresh.js";
import { createJobs } from "#server/jobs/jobs.js";
import type { JobRun } from "#server/jobs/worker-loop.js";
import { compose } from "#server/mb-connect.js";
import { refreshDue, renew, scheduleRefresh } from "#server/renewal.js";
import { connectionAt, findConnection } from "#server/store/connections.js";
import type { Database } from "#server/store/database.js";
import { takeTurn } from "#server/store/refreshes.js";
import type { ConnectionRow } from "#server/store/schema.js";
import { type Host, until } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { newLog } from "./support/log.ts";
import { type Answer, connected, openTokenHost, type TokenServer } from "./support/token-server.ts";

const DAY = 86_400;

forEachDatabase(({ location }) => {
  let host: Host<TokenServer>;
  let context: Context;
  let database: Database;
  let ahead = 0;
  let patients = 0;

  before(async () => {
    host = await openTokenHost({
      database: await location(),
      options: { registrations: [{ match: { vendor: "Simulated" }, client_id: "app" }] },
    });
    ({ context, database } = compose(host.options, { clock: () => Date.now() + ahead }));
  });
  beforeEach(() => {
    host.hospital.onRefresh((_request, usual) => usual());
    host.hospital.onRevoke(() => ({ status: 200 }));
    host.hospital.onFhir(() => ({ body: { resourceType: "Bundle" } }));
    for (const name of Object.keys(host.hospital.granted)) delete host.hospital.granted[name];
  });
  after(async () => {
    await context.door.close();
    await database.close();
    await host.close();
  });

  /** Puts the clock of both the context and the host forward. */
  const pass = (seconds: number): void => {
    ahead += seconds * 1000;
    host.pass(seconds);
  };
  const connect = (): Promise<string> => connected(host, `patient-${++patients}`);
  async function readPatients(id: string) {
    const url = new URL(`${(await rowOf(id)).fhir_base_url.replace(/\/$/, "")}/Patient`);
    return fetchConnection(context, id, url, { accept: "application/fhir+json" });
  }

  const rowOf = async (id: string): Promise<ConnectionRow> => {
    const row = await findConnection(context.db, id);
    assert.ok(row);
    return row;
  };
  const sent = () => host.hospital.refreshes.all.length;
  const last = () => host.hospital.refreshes.all.at(-1) ?? {};
  const answering = (answer: Answer) => host.hospital.onRefresh(() => answer);
  const run = (connection_id: string) => refresh(context, { payload: { connection_id } });
  const secondsUntil = (at: number | null) => ((at ?? 0) - context.clock()) / 1000;
  /** Lets the connection's access be over and asks for it. */
  const accessAnew = async (id: string) => {
    pass(3600);
    return access(context, id);
  };

  describe("on need", () => {
    test("R6: access with a minute left is used as it is; with less it is refreshed first", async () => {
      const id = await connect();
      const before = sent();
      const first = await access(context, id);
      pass(3600 - 61);
      assert.equal((await access(context, id)).access_token, first.access_token);
      assert.equal(sent(), before);
      pass(2);
      const second = await access(context, id);
      assert.notEqual(second.access_token, first.access_token);
      assert.equal(sent(), before + 1);
      assert.equal((await rowOf(id)).token_generation, 2);
    });

    test("R1: a refresh token that an answer brings takes the old one's place; one it leaves out keeps the old", async () => {
      const id = await connect();
      await accessAnew(id);
      const first = last().refresh_token;
      await accessAnew(id);
      const second = last().refresh_token;
      assert.notEqual(second, first, "it was replaced");
      for (const refresh_token of [undefined, "", null]) {
        answering({ body: { access_token: "a", token_type: "Bearer", expires_in: 3600, refresh_token } });
        await accessAnew(id);
      }
      const kept = last().refresh_token;
      await accessAnew(id);
      assert.equal(last().refresh_token, kept);
      assert.notEqual(kept, second);
    });

    test("R2, S13: of twenty who need access at once one refreshes, and all are given what it brought", async () => {
      const id = await connect();
      const before = sent();
      pass(3600);
      const given = await Promise.all(Array.from({ length: 20 }, () => access(context, id)));
      assert.equal(sent(), before + 1);
      assert.equal(new Set(given.map(({ access_token }) => access_token)).size, 1);
      assert.equal(host.hospital.replays(), 0);
    });

    test("R2: the tokens are stored before anyone is given them", async () => {
      const id = await connect();
      pass(3600);
      const given = await access(context, id);
      const row = await rowOf(id);
      const place = { table: "connections", id, column: "tokens" } as const;
      const stored = context.vault.open<{ access_token: string }>(row.sealed_tokens ?? "", place);
      assert.equal(stored.access_token, given.access_token);
      assert.deepEqual([row.lease_owner, row.lease_until, row.unanswered_refreshes], [null, null, 0]);
    });

    test("R3: a refresh is journalled before it is sent", async () => {
      const id = await connect();
      let journalled: ConnectionRow | undefined;
      host.hospital.onRefresh(async (_request, usual) => {
        journalled = await rowOf(id);
        return usual();
      });
      await accessAnew(id);
      assert.equal(journalled?.unanswered_refreshes, 1);
      assert.ok(journalled?.lease_owner);
      assert.ok(secondsUntil(journalled?.lease_until ?? 0) > 40, "the lease outlives the request");
    });

    test("R2, R3: what others left on a connection counts, although it was read before they did", async () => {
      const id = await connect();
      pass(3600);
      const read = await rowOf(id);
      const left = { unanswered_refreshes: 2, lease_owner: "killed", lease_until: context.clock() };
      await context.db.updateTable("connections").set(left).where("id", "=", id).execute();
      const before = sent();
      assert.deepEqual(await renew(context, read), { outcome: "ended" });
      assert.equal(sent(), before, "sent twice already, and not a third time");
      assert.equal((await rowOf(id)).status, "refresh_failed");
    });

    test("R2: a refresh under way is one of those that close waits for, until its tokens are stored", async () => {
      const id = await connect();
      let answer = (): void => {};
      const held = new Promise<void>((resolve) => (answer = resolve));
      host.hospital.onRefresh(async (_request, usual) => {
        await held;
        return usual();
      });
      const before = sent();
      const asking = accessAnew(id);
      await host.hospital.refreshes.reach(before + 1);
      assert.equal(context.unfinished.size, 1);
      answer();
      await Promise.all(context.unfinished);
      assert.equal((await rowOf(id)).token_generation, 2);
      await asking;
    });

    test("last_refreshed_at moves for the patient to see, and the first refresh stands in the trail, once", async () => {
      const user = `patient-${patients + 1}`;
      const id = await connect();
      const { last_refreshed_at } = await rowOf(id);
      const shown = async () => {
        const answer = await fetch(`${host.api}/patient-connections`, { headers: { "x-user": user } });
        return ((await answer.json()) as { data: { last_refreshed_at: string }[] }).data[0]?.last_refreshed_at;
      };
      assert.equal(await shown(), new Date(last_refreshed_at ?? 0).toISOString());
      await accessAnew(id);
      const moved = await shown();
      assert.equal(moved, new Date((await rowOf(id)).last_refreshed_at ?? 0).toISOString());
      assert.ok((moved ?? "") > new Date(last_refreshed_at ?? 0).toISOString());
      await accessAnew(id);
      const trail = await host.mb.patientSession.trail((await rowOf(id)).session_id ?? "");
      const steps = trail.filter(({ step }) => step === "refreshed");
      assert.deepEqual(
        steps.map(({ outcome, code }) => [outcome, code]),
        [["ok", null]],
      );
      assert.ok(steps[0]?.attempt_id);
    });

    test("T11: an access that the FHIR server refuses with 401 is refreshed once, and asked with again", async () => {
      const id = await connect();
      const before = sent();
      const bearers: string[] = [];
      host.hospital.onFhir((bearer) => {
        bearers.push(bearer);
        return bearers.length === 1 ? { status: 401 } : { body: { resourceType: "Bundle" } };
      });
      pass(61);
      assert.equal((await readPatients(id)).status, 200);
      assert.equal(sent(), before + 1);
      assert.notEqual(bearers[0], bearers[1]);
      host.hospital.onFhir(() => ({ status: 401 }));
      pass(61);
      assert.equal((await readPatients(id)).status, 401);
      assert.equal(sent(), before + 2, "not again and again");
    });
  });

  describe("what the hospital answers", () => {
    test("R4: invalid_grant alone ends a connection, as refresh_failed, and its tokens are forgotten", async () => {
      const id = await connect();
      answering({ status: 400, body: { error: "invalid_grant", error_description: "expired" } });
      await assert.rejects(accessAnew(id), { code: "token_unavailable", reason: "refresh_failed" });
      const row = await rowOf(id);
      assert.deepEqual(
        [row.status, row.failure_code, row.sealed_tokens],
        ["refresh_failed", "token_unavailable", null],
      );
      assert.ok(row.failure_at);
      const before = sent();
      await assert.rejects(access(context, id), { code: "token_unavailable" });
      await run(id);
      assert.equal(sent(), before, "nothing is sent for it any more");
      const trail = await host.mb.patientSession.trail(row.session_id ?? "");
      const step = trail.find(({ step }) => step === "refreshed");
      assert.deepEqual(
        [step?.outcome, step?.code, step?.actor, step?.next],
        ["invalid_grant", "token_unavailable", "patient", "reconnect"],
      );
    });

    test("R4: as 401 with a challenge, as text/plain, and in an answer of 200, invalid_grant says the same", async () => {
      const body = JSON.stringify({ error: "invalid_grant" });
      const challenge = { "www-authenticate": 'Bearer error="invalid_token"' };
      for (const answer of [
        { status: 401, headers: { ...challenge, "content-type": "application/json" }, body },
        { status: 400, headers: { "content-type": "text/plain" }, body },
        { status: 200, body },
      ]) {
        const id = await connect();
        answering(answer);
        await assert.rejects(accessAnew(id), { code: "token_unavailable" });
        assert.equal((await rowOf(id)).status, "refresh_failed", JSON.stringify(answer));
      }
    });

    const TRANSIENT: [string, Answer][] = [
      ["429", { status: 429, body: { error: "invalid_grant" } }],
      ["500", { status: 500, body: { error: "server_error" } }],
      ["503 in HTML", { status: 503, headers: { "content-type": "text/html" }, body: "<h1>Maintenance</h1>" }],
      ["a redirect", { status: 302, headers: { location: "https://login.example.org/" } }],
      ["a connection that breaks", null],
      ["temporarily_unavailable", { status: 400, body: { error: "temporarily_unavailable" } }],
      ["403 of a firewall", { status: 403, headers: { "content-type": "text/html" }, body: "Forbidden" }],
    ];
    for (const [name, answer] of TRANSIENT) {
      test(`R4: ${name} leaves the connection active, and a job tries again later`, async () => {
        const id = await connect();
        answering(answer);
        const before = sent();
        await assert.rejects(accessAnew(id), { code: "token_exchange_failed" });
        const row = await rowOf(id);
        assert.deepEqual([row.status, row.refused_refreshes, row.lease_owner], ["active", 1, null]);
        assert.ok(secondsUntil(row.refresh_after) <= 10);
        await assert.rejects(access(context, id), { code: "token_exchange_failed" });
        assert.equal(sent(), before + 1, "it is not asked again before its time");
        assert.equal(refreshDue(row), row.refresh_after);
        host.hospital.onRefresh((_request, usual) => usual());
        pass(10);
        await run(id);
        const after = await rowOf(id);
        assert.deepEqual([after.status, after.refused_refreshes, after.token_generation], ["active", 0, 2]);
      });
    }

    const UNREADABLE: [string, Answer][] = [
      ["HTML", { headers: { "content-type": "text/html" }, body: "<h1>Sign in</h1>" }],
      ["a body that is cut", { headers: { "content-type": "application/json" }, body: '{"access_token":"a","refr' }],
      [
        "a body that breaks off",
        { headers: { "content-length": "500", connection: "close" }, body: '{"access_token":' },
      ],
      ["no access token", { body: { token_type: "Bearer" } }],
      ["nothing", { status: 204 }],
    ];
    for (const [name, answer] of UNREADABLE) {
      test(`R1, R3, R4: ${name} as a success leaves the connection active for one retry, and no third`, async () => {
        const id = await connect();
        const before = sent();
        pass(3600);
        for (const tried of [1, 2]) {
          answering(answer);
          await assert.rejects(access(context, id), { code: "token_exchange_failed", reason: "unreadable" });
          const row = await rowOf(id);
          assert.deepEqual([row.status, row.unanswered_refreshes, row.lease_owner], ["active", tried, null]);
          const wait = secondsUntil(row.refresh_after);
          assert.ok(wait > 170 && wait <= 3600, `an outage is given time to end: ${wait}`);
          assert.equal(refreshDue(row), row.refresh_after);
          pass(3600);
          answering({ status: 503 });
          if (tried === 1) await assert.rejects(access(context, id), { reason: "http_503" });
          pass(60);
        }
        await run(id);
        assert.equal(sent(), before + 3, "twice unread and once refused");
        const row = await rowOf(id);
        assert.deepEqual([row.status, row.failure_code], ["refresh_failed", "token_unavailable"]);
      });
    }

    test("R3: the one retry of an answer that could not be read may bring tokens", async () => {
      const id = await connect();
      answering({ body: "<h1>Sign in</h1>" });
      await assert.rejects(accessAnew(id), { reason: "unreadable" });
      host.hospital.onRefresh((_request, usual) => usual());
      pass(3600);
      await run(id);
      const row = await rowOf(id);
      assert.deepEqual([row.status, row.unanswered_refreshes, row.token_generation], ["active", 0, 2]);
    });

    for (const [name, twist] of [
      ["no token_type", { token_type: undefined }],
      ["neither token_type nor refresh token", { token_type: undefined, refresh_token: undefined }],
      ["a token_type that is not Bearer", { token_type: "mac" }],
      ["a scope that is none", { scope: 7 }],
    ] as const) {
      test(`R1: tokens that come with ${name} end the connection and are revoked; the one spent is not sent again`, async () => {
        const id = await connect();
        const [before, replays] = [sent(), host.hospital.replays()];
        let brought: Record<string, unknown> = {};
        host.hospital.onRefresh((_request, usual) => {
          brought = (usual() as { body: Record<string, unknown> }).body;
          return { body: { ...brought, ...twist } };
        });
        host.hospital.revoked.all.length = 0;
        await assert.rejects(accessAnew(id), { code: "token_unavailable" });
        const row = await rowOf(id);
        assert.deepEqual([row.status, row.failure_code], ["refresh_failed", "token_unavailable"]);
        const newest = "refresh_token" in twist ? last().refresh_token : brought.refresh_token;
        assert.deepEqual(host.hospital.revoked.all, [newest, brought.access_token]);
        pass(3600);
        await run(id);
        assert.deepEqual([sent(), host.hospital.replays()], [before + 1, replays]);
      });
    }

    test("R4: the pause grows with full jitter to an hour at the most", async () => {
      const id = await connect();
      answering({ status: 503 });
      pass(15 * DAY);
      const pauses: number[] = [];
      for (let n = 0; n < 14; n++) {
        await run(id);
        const pause = secondsUntil((await rowOf(id)).refresh_after);
        pauses.push(pause);
        pass(pause + 1);
      }
      for (const [n, pause] of pauses.entries()) {
        assert.ok(pause > 0 && pause <= Math.min(5 * 2 ** (n + 1), 3600), `pause ${n}: ${pause}`);
      }
      assert.ok(Math.max(...pauses) > 120, "it grows");
      assert.equal((await rowOf(id)).status, "active");
    });

    test("R4: while the hospital is out of order, what is left of an access is used up", async () => {
      const id = await connect();
      const first = await access(context, id);
      answering({ status: 503 });
      pass(3600 - 30);
      assert.equal((await access(context, id)).access_token, first.access_token);
      pass(31);
      await assert.rejects(access(context, id), { code: "token_exchange_failed" });
    });

    for (const [form, header] of [
      ["seconds", () => "600"],
      ["a date", () => new Date(Date.now() + ahead + 600_000).toUTCString()],
    ] as const) {
      test(`R4: Retry-After as ${form} is honoured`, async () => {
        const id = await connect();
        pass(3600);
        answering({ status: 429, headers: { "retry-after": header() } });
        await assert.rejects(access(context, id), { reason: "http_429" });
        const wait = secondsUntil((await rowOf(id)).refresh_after);
        assert.ok(wait > 595 && wait <= 611, String(wait));
      });
    }

    for (const error of ["invalid_client", "unauthorized_client"]) {
      test(`R4: ${error} leaves every connection as it is, and is reported`, async () => {
        const [one, other] = [await connect(), await connect()];
        answering({ status: 401, body: { error } });
        host.logged.length = 0;
        await assert.rejects(accessAnew(one), { code: "token_exchange_failed", reason: error });
        assert.equal((await rowOf(one)).status, "active");
        assert.equal((await rowOf(other)).status, "active");
        const told = JSON.stringify(host.logged);
        assert.match(told, new RegExp(`"reason":"${error}"`));
        assert.doesNotMatch(told, /access-|refresh-\d/);
      });
    }

    test("R4, D6: after invalid_client it is discovered anew, once; an endpoint that moved is used, on its own origin only", async () => {
      const id = await connect();
      host.hospital.onRefresh(({ path }, usual) =>
        path === "/moved" ? usual() : { status: 401, body: { error: "invalid_client" } },
      );
      const { origin } = new URL((await rowOf(id)).fhir_base_url);
      host.hospital.configuration.token_endpoint = `${origin.replace("127.0.0.1", "localhost")}/moved`;
      await assert.rejects(accessAnew(id), { reason: "invalid_client" });
      const endpoint = async () => JSON.parse((await rowOf(id)).snapshot).configuration.token_endpoint;
      assert.equal(await endpoint(), `${origin}/token`, "another origin is not believed");
      pass(61);
      host.hospital.configuration.token_endpoint = `${origin}/moved`;
      await assert.rejects(access(context, id), { reason: "invalid_client" });
      assert.equal(await endpoint(), `${origin}/moved`);
      delete host.hospital.configuration.token_endpoint;
      pass(61);
      assert.ok((await access(context, id)).access_token);
      assert.equal(last().path, "/moved");
    });

    test("R4, R5: no scope is sent; after invalid_scope the granted ones are, once", async () => {
      const id = await connect();
      host.hospital.onRefresh((request, usual) =>
        request.scope ? usual() : { status: 400, body: { error: "invalid_scope" } },
      );
      const before = sent();
      await accessAnew(id);
      const [bare, scoped] = host.hospital.refreshes.all.slice(before);
      assert.equal(bare?.scope, undefined);
      assert.deepEqual(scoped?.scope?.split(" "), JSON.parse((await rowOf(id)).scopes));
      answering({ status: 400, body: { error: "invalid_scope" } });
      await assert.rejects(accessAnew(id), { code: "token_exchange_failed", reason: "invalid_scope" });
      assert.equal(sent(), before + 4);
      assert.equal((await rowOf(id)).status, "active");
    });

    test("R5: a source whose profile says so is sent the granted scopes, and once none after invalid_scope", async () => {
      const id = await connect();
      const row = await rowOf(id);
      const snapshot = JSON.parse(row.snapshot);
      snapshot.profile.refresh.scope = "granted";
      const changed = context.db.updateTable("connections").set({ snapshot: JSON.stringify(snapshot) });
      await changed.where("id", "=", id).execute();
      await accessAnew(id);
      assert.deepEqual(last().scope?.split(" "), JSON.parse(row.scopes));
      host.hospital.onRefresh((request, usual) =>
        request.scope ? { status: 400, body: { error: "invalid_scope" } } : usual(),
      );
      const before = sent();
      await accessAnew(id);
      assert.equal(sent(), before + 2);
    });

    test("R7: another patient in the answer freezes the connection, and what came is revoked", async () => {
      const id = await connect();
      answering({
        body: { access_token: "strange", refresh_token: "strange-too", token_type: "Bearer", patient: "p-2" },
      });
      host.hospital.revoked.all.length = 0;
      host.logged.length = 0;
      await assert.rejects(accessAnew(id), { code: "token_unavailable" });
      const row = await rowOf(id);
      assert.deepEqual([row.status, row.failure_code, row.sealed_tokens], ["refresh_failed", "patient_mismatch", null]);
      assert.deepEqual(host.hospital.revoked.all, ["strange-too", "strange"]);
      assert.match(JSON.stringify(host.logged), /patient_mismatch/);
    });

    test("R7: scopes that shrank shrink what is granted", async () => {
      const id = await connect();
      assert.deepEqual(JSON.parse((await rowOf(id)).not_granted), []);
      answering({
        body: { access_token: "a", token_type: "Bearer", patient: "p-1", scope: "launch/patient patient/Patient.rs" },
      });
      assert.deepEqual((await accessAnew(id)).scopes, ["launch/patient", "patient/Patient.rs"]);
      const missing = JSON.parse((await rowOf(id)).not_granted) as string[];
      assert.ok(missing.includes("Observation") && !missing.includes("Patient"));
    });
  });

  describe("to stay alive", () => {
    test("R6: a job is enqueued with the grant; at half the idle life it refreshes and enqueues the next", async () => {
      const id = await connect();
      assert.equal(await host.waiting("refresh", id), 1);
      const before = sent();
      assert.equal(Math.round(secondsUntil(refreshDue(await rowOf(id))) / DAY), 15);
      pass(15 * DAY - 60);
      await run(id);
      assert.equal(sent(), before, "not before it is due");
      pass(61);
      await run(id);
      assert.equal(sent(), before + 1);
      assert.equal(Math.round(secondsUntil(refreshDue(await rowOf(id))) / DAY), 15);
      assert.equal(await host.waiting("refresh", id), 1, "one waits, however often it was enqueued");
    });

    test("R6: the worker does it, and leaves the next one waiting", async () => {
      const id = await connect();
      pass(15 * DAY);
      await scheduleRefresh(context, context.db, id, context.clock());
      const mb = mbConnect(host.options, { clock: () => Date.now() + ahead });
      await mb.ready;
      await mb.worker.start();
      await until(
        () => rowOf(id),
        ({ token_generation }) => token_generation === 2,
      );
      await mb.close();
      assert.equal(await host.waiting("refresh", id), 1);
    });

    test("R6: a job of whose attempts the last one failed is followed by another a day later", async () => {
      const id = await connect();
      pass(15 * DAY);
      await scheduleRefresh(context, context.db, id, context.clock());
      const broken: Context = {
        ...context,
        vault: {
          ...context.vault,
          open() {
            throw new Error("broken");
          },
        },
      };
      const failed = newLog<string>();
      const jobs = createJobs(database, {
        names: ["refresh"],
        clock: context.clock,
        maxAttempts: 2,
        retrySeconds: 0,
        onError: ({ gaveUp }) => failed.add(gaveUp ? "gave up" : "to be tried again"),
      });
      const handle = async (run: JobRun) => {
        if (run.payload.connection_id === id) await refresh(broken, run);
      };
      await jobs.start({ refresh: handle });
      await failed.reach(2);
      await jobs.stop();
      assert.deepEqual(failed.all, ["to be tried again", "gave up"]);
      assert.equal(await host.waiting("refresh", id), 1);
      assert.equal((await rowOf(id)).status, "active");
    });

    test("R6: never two refreshes of one connection within the least interval", async () => {
      const id = await connect();
      await accessAnew(id);
      const before = sent();
      const { generation, access_token } = await access(context, id);
      assert.equal(await access(context, id, generation).catch(({ reason }) => reason), "put_off");
      assert.equal((await access(context, id)).access_token, access_token);
      pass(61);
      assert.equal((await access(context, id, generation)).generation, generation + 1);
      assert.equal(sent(), before + 1);
    });

    test("R6: a token endpoint's host is asked no more often in a minute than it bears", async () => {
      const start = context.clock();
      const sentAt: number[] = [];
      for (let now = start; now < start + 180_000; now += 500) {
        if ((await takeTurn(context.db, "host.example", 50, now)) === now) sentAt.push(now);
      }
      for (const at of sentAt) {
        const within = sentAt.filter((other) => other >= at && other < at + 60_000).length;
        assert.ok(within <= 50, `${within} in a minute`);
      }
      assert.ok(sentAt.length > 110, `${sentAt.length} in three minutes: it is used up`);
    });

    test("R6: one whose turn has not come waits, and nothing is sent", async () => {
      const ids = [await connect(), await connect()];
      for (const id of ids) {
        const snapshot = JSON.parse((await rowOf(id)).snapshot);
        snapshot.profile.refresh.per_minute = 2;
        const changed = context.db.updateTable("connections").set({ snapshot: JSON.stringify(snapshot) });
        await changed.where("id", "=", id).execute();
      }
      const before = sent();
      pass(15 * DAY);
      for (const id of ids) await run(id);
      assert.equal(sent(), before + 1);
      assert.equal(await host.waiting("refresh", ids[1] ?? ""), 1);
      pass(60);
      await run(ids[1] ?? "");
      assert.equal(sent(), before + 2);
    });
  });

  describe("how it ends", () => {
    test("C5: without a refresh token it is active until its access runs out, then expired, worker or none", async () => {
      host.hospital.granted.refresh_token = undefined;
      const user = `patient-${patients + 1}`;
      const id = await connect();
      const before = sent();
      const status = async () => (await host.mb.patients.retrieve(user)).connections[0]?.status;
      pass(3599);
      assert.equal(await status(), "active");
      assert.ok((await access(context, id)).access_token);
      pass(1);
      assert.equal(await status(), "expired");
      await assert.rejects(access(context, id), { code: "token_unavailable", reason: "expired" });
      assert.equal((await rowOf(id)).status, "active", "no worker has written it");
      await run(id);
      const row = await rowOf(id);
      assert.deepEqual([row.status, row.failure_code, row.sealed_tokens], ["expired", null, null]);
      assert.equal(sent(), before);
    });

    test("reconnecting renews the same connection, and it is refreshed as before", async () => {
      const user = `patient-${patients + 1}`;
      const id = await connect();
      answering({ status: 400, body: { error: "invalid_grant" } });
      await assert.rejects(accessAnew(id));
      host.hospital.onRefresh((_request, usual) => usual());
      assert.equal(await connected(host, user), id);
      const row = await rowOf(id);
      assert.deepEqual([row.status, row.failure_code], ["active", null]);
      assert.ok((await accessAnew(id)).access_token);
    });

    test("R8: a grant with an end of its own is expired from then on, refresh token or not", async () => {
      const id = await connect();
      const ends = new Date(context.clock() + 10 * DAY * 1000).toISOString();
      host.hospital.onRefresh((_request, usual) => {
        const answer = usual() as { body: object };
        return { body: { ...answer.body, access_grant_expiration: ends } };
      });
      await accessAnew(id);
      assert.equal(refreshDue(await rowOf(id)), Date.parse(ends), "the job comes at its end");
      pass(10 * DAY);
      assert.equal(connectionAt(await rowOf(id), context.clock()).status, "expired");
      const before = sent();
      await run(id);
      assert.equal((await rowOf(id)).status, "expired");
      assert.equal(sent(), before);
    });

    test("R8: a 404 that says the data access grant is over ends the connection; any other 404 does not", async () => {
      const id = await connect();
      host.hospital.onFhir(() => ({ status: 404, body: { detail: "Not found." } }));
      assert.equal((await readPatients(id)).status, 404);
      assert.equal((await rowOf(id)).status, "active");
      const before = sent();
      host.hospital.onFhir(() => ({
        status: 404,
        body: { detail: "Data Access Grant for the application is not found." },
      }));
      await assert.rejects(readPatients(id), { code: "token_unavailable" });
      assert.equal((await rowOf(id)).status, "expired");
      assert.equal(sent(), before, "it is not tried again");
    });
  });
});
