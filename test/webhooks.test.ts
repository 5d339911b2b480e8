/** `mb.webhooks` and `mb.events`, and which events are made, on both databases. How they arrive: `webhooks-delivery.test.ts`. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { ConnectError, mbConnect, type WebhookEventRecord } from "@mb-connect/server";
import { isAbout, readAudit } from "#server/audit.js";
import type { Context } from "#server/context.js";
import { recordEvent } from "#server/events.js";
import { lapse } from "#server/flow/lapse.js";
import { refresh } from "#server/flow/refresh.js";
import { compose } from "#server/mb-connect.js";
import { finishSession } from "#server/outcome.js";
import { createTokenVault } from "#server/store/token-vault.js";
import { webhook, webhookEvent, webhookEventRecord, webhookWithSecret } from "#shared/webhook.js";
import { type Clinic, openClinic, patientBrowser } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { connected, openTokenHost } from "./support/token-server.ts";

const DAY = 86_400;
const PORTAL = "https://hooks.example.com/mb";

const refusedAs = (code: string, param: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof ConnectError, String(thrown));
  assert.deepEqual([thrown.code, thrown.param], [code, param], thrown.message);
  return true;
};

forEachDatabase(({ location }) => {
  let clinic: Clinic;
  let context: Context;
  let ahead = 0;
  let end: () => Promise<void>;
  before(async () => {
    clinic = await openClinic({ database: await location() });
    const composed = compose(clinic.options, { clock: () => Date.now() + ahead });
    context = composed.context;
    end = async () => {
      await composed.context.door.close();
      await composed.database.close();
      await clinic.close();
    };
  });
  after(() => end());
  beforeEach(async () => {
    for await (const { id } of clinic.mb.webhooks.list().autoPagingIterator()) await clinic.mb.webhooks.delete(id);
  });
  const pass = (seconds: number): void => {
    ahead += seconds * 1000;
    clinic.pass(seconds);
  };
  const eventsOf = async (id: string): Promise<WebhookEventRecord[]> => {
    const events: WebhookEventRecord[] = [];
    for await (const event of clinic.mb.webhooks.listEvents(id).autoPagingIterator()) events.push(event);
    return events.reverse();
  };
  const happens = (total = 1, patient_id = "alma") =>
    context.db.transaction().execute((tx) =>
      recordEvent(context, tx, {
        type: "records.sync.completed",
        patient_id,
        object: { id: "conn_1", patient_id, connection_id: "fhirsrc_1", total, errors: 0, duration_ms: 5 },
      }),
    );
  const stored = async () => (await context.db.selectFrom("events").select("id").execute()).length;

  describe("a webhook", () => {
    test("is made with a secret that is shown once and sealed at rest", async () => {
      const made = await clinic.mb.webhooks.create({ url: PORTAL, description: "production", metadata: { team: "a" } });
      assert.deepEqual(webhookWithSecret.parse(made), made);
      assert.match(made.id, /^wh_[0-9A-Z]{26}$/);
      assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      assert.deepEqual([made.events, made.status, made.api_version], [["*"], "active", "2026-04-25"]);
      const { secret, ...rest } = made;
      assert.deepEqual(await clinic.mb.webhooks.retrieve(made.id), rest);
      assert.deepEqual(webhook.parse(rest), rest);
      const rows = JSON.stringify(await context.db.selectFrom("webhooks").selectAll().execute());
      for (const text of [secret, secret.slice(6)]) assert.ok(!rows.includes(text));
    });

    test("S6: is refused where it leads to this machine, a private network or past the web's ports", async () => {
      const guarded = mbConnect({
        ...clinic.options,
        publicUrl: "https://app.example.com/api",
        homeUrl: "https://app.example.com/",
        returnUrls: ["https://app.example.com/back"],
        allowLoopback: false,
      });
      try {
        const hostile = [
          "http://hooks.example.com/",
          "https://localhost/",
          "https://127.0.0.1:8443/",
          "https://[::1]/",
          "https://10.0.0.8/",
          "https://192.168.1.1/",
          "https://169.254.169.254/latest/meta-data/",
          "https://[fd00::1]/",
          "https://[::ffff:10.0.0.8]/",
          "https://user:password@hooks.example.com/",
          "https://hooks.example.com:22/",
          "file:///etc/passwd",
          "hooks.example.com",
          "",
        ];
        const { id } = await guarded.webhooks.create({ url: PORTAL });
        for (const url of hostile) {
          await assert.rejects(guarded.webhooks.create({ url }), refusedAs("bad_request", "url"), url);
          await assert.rejects(guarded.webhooks.update(id, { url }), refusedAs("bad_request", "url"), url);
        }
        assert.equal((await guarded.webhooks.retrieve(id)).url, PORTAL);
      } finally {
        await guarded.close();
      }
    });

    test("is refused with what it does not take", async () => {
      const refused: [given: object, param: string][] = [
        [{}, "url"],
        [{ url: 7 }, "url"],
        [{ url: `https://hooks.example.com/${"x".repeat(2000)}` }, "url"],
        [{ url: PORTAL, events: [] }, "events"],
        [{ url: PORTAL, events: ["records.sync.begun"] }, "events"],
        [{ url: PORTAL, events: ["*", "records.sync.failed"] }, "events"],
        [{ url: PORTAL, description: "x".repeat(501) }, "description"],
        [{ url: PORTAL, metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [n, n])) }, "metadata"],
        [{ url: PORTAL, secret: "whsec_mine" }, "secret"],
      ];
      for (const [given, param] of refused) {
        await assert.rejects(clinic.mb.webhooks.create(given as { url: string }), refusedAs("bad_request", param));
      }
    });

    test("is changed in what is given, and listed newest first", async () => {
      const first = await clinic.mb.webhooks.create({ url: PORTAL, description: "one" });
      const second = await clinic.mb.webhooks.create({ url: PORTAL, events: ["records.sync.failed"] });
      pass(1);
      const changed = await clinic.mb.webhooks.update(first.id, { events: ["webhook.disabled"], status: "disabled" });
      assert.deepEqual(
        [changed.events, changed.status, changed.description, changed.url],
        [["webhook.disabled"], "disabled", "one", PORTAL],
      );
      assert.ok(changed.updated_at > first.updated_at);
      assert.deepEqual(await clinic.mb.webhooks.retrieve(first.id), changed);
      const cleared = await clinic.mb.webhooks.update(first.id, { description: null, metadata: { a: 1 } });
      assert.deepEqual([cleared.description, cleared.metadata, cleared.status], [null, { a: 1 }, "disabled"]);

      const page = await clinic.mb.webhooks.list({ limit: 1 });
      assert.deepEqual([page.data.map(({ id }) => id), page.has_more], [[second.id], true]);
      const next = await clinic.mb.webhooks.list({ limit: 1, starting_after: page.next_cursor ?? "" });
      assert.deepEqual([next.data.map(({ id }) => id), next.has_more], [[first.id], false]);
      const disabled = await clinic.mb.webhooks.list({ status: "disabled" });
      assert.deepEqual(disabled.data, [cleared]);
      assert.equal(JSON.stringify(page).includes("whsec_"), false);
      await assert.rejects(
        Promise.resolve(clinic.mb.webhooks.list({ status: "off" as "active" })),
        refusedAs("bad_request", "status"),
      );
      await assert.rejects(
        clinic.mb.webhooks.update(first.id, { secret: "x" } as object),
        refusedAs("bad_request", "secret"),
      );
    });

    test("is deleted with its events", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      await clinic.mb.patients.create({ id: "alma" });
      await happens();
      assert.deepEqual(await clinic.mb.webhooks.delete(id), { id, resource_type: "webhook_endpoint", deleted: true });
      assert.equal(await stored(), 0);
      for (const call of [
        () => clinic.mb.webhooks.retrieve(id),
        () => clinic.mb.webhooks.update(id, {}),
        () => clinic.mb.webhooks.delete(id),
        () => clinic.mb.webhooks.rotateSecret(id),
        () => Promise.resolve(clinic.mb.webhooks.listEvents(id)),
      ]) {
        await assert.rejects(call(), refusedAs("resource_not_found", "id"));
      }
    });

    test("leaves its life in the audit, without its url or secret", async () => {
      const { id, secret } = await clinic.mb.webhooks.create({ url: PORTAL });
      await clinic.mb.webhooks.update(id, { status: "disabled" });
      const { secret: newer } = await clinic.mb.webhooks.rotateSecret(id);
      await clinic.mb.webhooks.delete(id);
      const rows = (await readAudit(context.db, null, 1000)).filter(({ subject }) => subject === id);
      assert.deepEqual(
        rows.map(({ action, actor }) => `${actor} ${action}`),
        ["host webhook_created", "host webhook_updated", "host webhook_secret_rotated", "host webhook_deleted"],
      );
      const vault = createTokenVault(clinic.options.sealingKeys);
      assert.ok(rows.every((row) => row.patient === null && !isAbout(vault, row, "alma")));
      for (const text of [PORTAL, secret, newer]) assert.ok(!JSON.stringify(rows).includes(text));
    });

    test("that is rotated has a new secret, and lets the old one's seal go after a day", async () => {
      const made = await clinic.mb.webhooks.create({ url: PORTAL });
      const rotated = await clinic.mb.webhooks.rotateSecret(made.id);
      assert.match(rotated.secret, /^whsec_/);
      assert.notEqual(rotated.secret, made.secret);
      const previous = async () =>
        (
          await context.db
            .selectFrom("webhooks")
            .select("sealed_previous_secret")
            .where("id", "=", made.id)
            .executeTakeFirstOrThrow()
        ).sealed_previous_secret;
      pass(DAY - 60);
      await lapse(context);
      assert.notEqual(await previous(), null);
      pass(61);
      await lapse(context);
      assert.equal(await previous(), null);
    });
  });

  describe("an event", () => {
    before(async () => {
      await clinic.mb.patients.create({ id: "bela" });
      await clinic.mb.patients.create({ id: "cato" });
    });

    test("is made for each webhook that wants its type, and for nobody else", async () => {
      await happens(1, "bela");
      assert.equal(await stored(), 0, "nobody listens");
      const all = await clinic.mb.webhooks.create({ url: PORTAL });
      const some = await clinic.mb.webhooks.create({
        url: PORTAL,
        events: ["records.sync.completed", "connection.failed"],
      });
      const none = await clinic.mb.webhooks.create({ url: PORTAL, events: ["records.sync.failed"] });
      const off = await clinic.mb.webhooks.create({ url: PORTAL });
      await clinic.mb.webhooks.update(off.id, { status: "disabled" });
      await happens(7, "bela");
      for (const { id } of [all, some]) {
        const [event, ...more] = await eventsOf(id);
        assert.ok(event);
        assert.deepEqual(webhookEventRecord.parse(event), event);
        assert.deepEqual(more, []);
        assert.match(event.id, /^evt_[0-9A-Z]{26}$/);
        assert.deepEqual(event.data.object, {
          id: "conn_1",
          patient_id: "bela",
          connection_id: "fhirsrc_1",
          total: 7,
          errors: 0,
          duration_ms: 5,
        });
        assert.deepEqual(
          [event.type, event.webhook_endpoint_id, event.attempts, event.delivered_at, event.next_attempt_at],
          ["records.sync.completed", id, 0, null, event.created_at],
        );
      }
      for (const { id } of [none, off]) assert.deepEqual(await eventsOf(id), []);
    });

    test("is there when what it tells of is, and never when that was rolled back", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      const failed = context.db.transaction().execute(async (tx) => {
        await recordEvent(context, tx, {
          type: "records.sync.failed",
          patient_id: "bela",
          object: { id: "conn_1", patient_id: "bela", connection_id: "fhirsrc_1", failure_code: "token_unavailable" },
        });
        throw new Error("a fault after it");
      });
      await assert.rejects(failed, /a fault after it/);
      assert.deepEqual(await eventsOf(id), []);
      assert.equal(await clinic.waiting("deliver", id), 0);
      await happens(1, "bela");
      assert.equal(await clinic.waiting("deliver", id), 1);
    });

    test("is recorded without waiting for another's transaction", async (t) => {
      // SQLite has one writer at a time whatever is written.
      if (!clinic.database.startsWith("postgres")) return t.skip("of Postgres");
      await clinic.mb.webhooks.create({ url: PORTAL });
      await happens(1, "bela");
      await context.db.transaction().execute(async (tx) => {
        const object = {
          id: "conn_1",
          patient_id: "bela",
          connection_id: "fhirsrc_1",
          failure_code: "token_unavailable",
        };
        await recordEvent(context, tx, { type: "records.sync.failed", patient_id: "bela", object });
        await happens(2, "bela");
      });
    });

    test("reads its object only for somebody", async () => {
      const object = async () => assert.fail("it was read for nobody");
      await context.db
        .transaction()
        .execute((tx) => recordEvent(context, tx, { type: "connection.failed", patient_id: "bela", object }));
    });

    test("goes with its patient, and after 30 days", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      await happens(1, "bela");
      await happens(2, "cato");
      await clinic.mb.patients.delete("cato");
      assert.deepEqual(
        (await eventsOf(id)).map(({ data }) => (data.object as { total: number }).total),
        [1],
      );
      pass(30 * DAY - 60);
      await lapse(context);
      assert.equal((await eventsOf(id)).length, 1);
      pass(61);
      await lapse(context);
      assert.deepEqual(await eventsOf(id), []);
    });

    test("is listed newest first, by whether it was delivered", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      for (const total of [1, 2, 3]) await happens(total, "bela");
      const [first] = await eventsOf(id);
      await context.db
        .updateTable("events")
        .set({ delivered_at: 1, next_attempt_at: null })
        .where("id", "=", first?.id ?? "")
        .execute();
      const totals = (list: { data: WebhookEventRecord[] }) =>
        list.data.map(({ data }) => (data.object as { total: number }).total);
      const page = await clinic.mb.webhooks.listEvents(id, { limit: 2 });
      assert.deepEqual([totals(page), page.has_more], [[3, 2], true]);
      const rest = await clinic.mb.webhooks.listEvents(id, { limit: 2, starting_after: page.next_cursor ?? "" });
      assert.deepEqual([totals(rest), rest.has_more], [[1], false]);
      assert.deepEqual(totals(await clinic.mb.webhooks.listEvents(id, { delivered: true })), [1]);
      assert.deepEqual(totals(await clinic.mb.webhooks.listEvents(id, { delivered: false })), [3, 2]);
    });
  });

  describe("what is told of", () => {
    const heard = async (id: string) =>
      (await eventsOf(id)).map((event) => {
        const { type, data } = event;
        const sent = {
          id: event.id,
          object: "event",
          type,
          api_version: "2026-04-25",
          created_at: event.created_at,
          data,
        };
        assert.deepEqual(webhookEvent.parse(sent), sent, type);
        return { type, object: data.object as Record<string, unknown> };
      });

    test("a connection that is made: its session, as the host would read it", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      const arrived = await patientBrowser(clinic, "dora").connect(await clinic.source());
      const session = await clinic.mb.patientSession.retrieve(arrived.searchParams.get("patient_session_id") ?? "");
      assert.deepEqual(await heard(id), [{ type: "patient_session.completed", object: session }]);
      assert.equal(session.connections[0]?.status, "active");
    });

    test("one that is declined: the attempt, then the session", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      const source = await clinic.source();
      const arrived = await patientBrowser(clinic, "elma").connect(source, { decision: "deny" });
      const session = await clinic.mb.patientSession.retrieve(arrived.searchParams.get("patient_session_id") ?? "");
      const [failed, completed, ...more] = await heard(id);
      assert.deepEqual(more, []);
      const [attempt] = session.connections;
      assert.deepEqual(failed, {
        type: "connection.failed",
        object: {
          ...attempt,
          resource_type: "connection",
          patient_id: "elma",
          patient_session_id: session.id,
          connection_id: source,
          failure_code: "user_denied",
        },
      });
      assert.deepEqual(completed, { type: "patient_session.completed", object: session });
      await context.db.transaction().execute((tx) => finishSession(context, tx, session));
      assert.equal((await heard(id)).length, 2, "a session ends once");
    });

    test("one that nobody came back from, and one that came back too late", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL });
      const browser = patientBrowser(clinic, "fina");
      const open = async () =>
        browser.portal(((await (await browser.start(await clinic.source())).json()) as { url: string }).url);
      await open();
      const late = await open();
      pass(3600);
      await browser.visit(late.href);
      await lapse(context);
      await lapse(context);
      const told = await heard(id);
      assert.deepEqual(
        told.map(({ type, object }) => [type, object.failure_code, object.patient_id]),
        [
          ["connection.failed", "session_expired", "fina"],
          ["connection.failed", "session_expired", "fina"],
        ],
      );
    });

    test("a session that is opened too often", async () => {
      const { id } = await clinic.mb.webhooks.create({ url: PORTAL, events: ["patient_session.completed"] });
      const browser = patientBrowser(clinic, "gita");
      const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
      for (let opened = 0; opened < 12; opened++) await browser.visit(url);
      assert.deepEqual(
        (await heard(id)).map(({ object }) => [object.patient_id, object.status]),
        [["gita", "complete"]],
      );
    });
  });

  test("a refresh token that died is told of as the connection, never as a token", async () => {
    const host = await openTokenHost({ database: await location() });
    const { context, database } = compose(host.options, { clock: () => Date.now() + 3600_000 });
    try {
      const { id } = await host.mb.webhooks.create({ url: PORTAL, events: ["connection.token_refresh_failed"] });
      const connection_id = await connected(host, "hana");
      host.hospital.onRefresh(() => ({ status: 400, body: { error: "invalid_grant" } }));
      host.pass(3600);
      await context.db.updateTable("connections").set({ last_refreshed_at: 1 }).execute();
      await refresh(context, { payload: { connection_id } });
      await refresh(context, { payload: { connection_id } });
      const { data } = await host.mb.webhooks.listEvents(id);
      const [found] = await host.mb.patients.getConnections("hana");
      assert.equal(found?.status, "refresh_failed");
      const { pull: _, ...connection } = found;
      assert.deepEqual(
        data.map(({ type, data }) => ({ type, object: data.object })),
        [{ type: "connection.token_refresh_failed", object: { ...connection, patient_id: "hana" } }],
      );
    } finally {
      await context.door.close();
      await database.close();
      await host.close();
    }
  });
});
