/**
 * How events reach their receivers, on both databases: a real server hears them, answers in every way that one can, and the
 * clock is put forward where hours pass.
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ConnectError, mbConnect, type WebhookEventRecord, Webhooks, type WebhookWithSecret } from "@mb-connect/server";
import { sql } from "kysely";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { readAudit } from "#server/audit.js";
import type { Context } from "#server/context.js";
import { recordEvent } from "#server/events.js";
import { deliver } from "#server/flow/deliver.js";
import { compose } from "#server/mb-connect.js";
import { resealAll } from "#server/store/resealing.js";
import { createTokenVault } from "#server/store/token-vault.js";
import { type Clinic, openClinic, patientBrowser, until } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { freePort } from "./support/free-port.ts";
import { type Delivery, type Receiver, startReceiver } from "./support/receiver.ts";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

forEachDatabase((databases) => {
  let clinic: Clinic;
  let context: Context;
  let receiver: Receiver;
  let ahead = 0;
  let end: () => Promise<void>;
  before(async () => {
    clinic = await openClinic({ database: await databases.location() });
    await clinic.mb.patients.create({ id: "alma" });
    const composed = compose(clinic.options, { clock: () => Date.now() + ahead });
    context = composed.context;
    end = async () => {
      await composed.context.door.close();
      await composed.database.close();
      await clinic.close();
    };
  });
  beforeEach(async () => {
    for await (const { id } of clinic.mb.webhooks.list().autoPagingIterator()) await clinic.mb.webhooks.delete(id);
    await receiver?.close();
    receiver = await startReceiver();
    clinic.logged.length = 0;
  });
  after(async () => {
    await receiver?.close();
    await end();
  });
  const pass = (seconds: number): void => {
    ahead += seconds * 1000;
    clinic.pass(seconds);
  };
  const happens = (on: Context = context) =>
    on.db.transaction().execute((tx) =>
      recordEvent(on, tx, {
        type: "records.sync.completed",
        patient_id: "alma",
        object: { id: "conn_1", patient_id: "alma", connection_id: "fhirsrc_1", total: 312, errors: 0, duration_ms: 5 },
      }),
    );
  const listen = (more: object = {}) => clinic.mb.webhooks.create({ url: `${receiver.url}/hooks?from=mb`, ...more });
  const run = ({ id }: { id: string }) => deliver(context, { payload: { webhook_id: id } });
  const eventOf = async ({ id }: { id: string }): Promise<WebhookEventRecord> => {
    const { data } = await clinic.mb.webhooks.listEvents(id);
    const event = data.at(-1);
    assert.ok(event);
    return event;
  };
  const secondsToNext = async (webhook: { id: string }) =>
    Math.round((Date.parse((await eventOf(webhook)).next_attempt_at ?? "") - context.clock()) / 1000);
  const answering = (status: number, headers: Record<string, string> = {}) =>
    receiver.onDelivery((response) => response.writeHead(status, headers).end());
  const heard = () => receiver.deliveries.all;
  const ids = () => heard().map(({ headers }) => headers["webhook-id"]);
  const believe = ({ body, headers }: Delivery, { secret }: WebhookWithSecret) =>
    Webhooks.constructEvent(body, headers["medblocks-signature"], secret, { clock: context.clock });

  describe("an event that is heard", () => {
    test("is posted as JSON, signed so that a receiver can check it in either way", async () => {
      const webhook = await listen();
      await happens();
      await run(webhook);
      const [delivery, ...more] = heard();
      assert.ok(delivery && more.length === 0);
      assert.deepEqual([delivery.path, delivery.headers["content-type"]], ["/hooks?from=mb", "application/json"]);
      const event = believe(delivery, webhook);
      const recorded = await eventOf(webhook);
      assert.deepEqual(event, {
        id: recorded.id,
        object: "event",
        type: "records.sync.completed",
        api_version: "2026-04-25",
        created_at: recorded.created_at,
        data: recorded.data,
      });
      assert.equal(delivery.headers["webhook-id"], event.id);
      const timestamp = Number(delivery.headers["webhook-timestamp"]);
      assert.ok(Math.abs(timestamp - context.clock() / 1000) < 5);
      // Not by its `verify`, which knows no clock but the machine's.
      const signed = new StandardWebhook(webhook.secret).sign(event.id, new Date(timestamp * 1000), delivery.body);
      assert.equal(delivery.headers["webhook-signature"], signed);
      assert.deepEqual([recorded.attempts, recorded.last_status_code, recorded.next_attempt_at], [1, 200, null]);
      assert.ok(recorded.delivered_at);
      await run(webhook);
      assert.equal(heard().length, 1, "and not again");
    });

    test("counts as delivered with any 2xx, whatever else the answer holds", async () => {
      const webhook = await listen();
      for (const status of [200, 201, 202, 204, 299]) {
        answering(status);
        await happens();
        await run(webhook);
      }
      const { data } = await clinic.mb.webhooks.listEvents(webhook.id, { delivered: true });
      assert.deepEqual(
        data.map(({ last_status_code }) => last_status_code),
        [299, 204, 202, 201, 200],
      );
    });

    test("comes by the worker: a patient has connected, then their records have arrived", async () => {
      const webhook = await listen();
      await clinic.mb.worker.start();
      try {
        await patientBrowser(clinic, "bela").connect(await clinic.source());
        const told = (await receiver.deliveries.reach(2)).map((delivery) => believe(delivery, webhook));
        const [completed, synced] = told;
        assert.ok(completed?.type === "patient_session.completed" && synced?.type === "records.sync.completed");
        assert.equal(completed.data.object.patient_id, "bela");
        const [connection] = await clinic.mb.patients.getConnections("bela");
        assert.ok(connection?.pull && connection.pull.records > 100);
        const { duration_ms, ...rest } = synced.data.object;
        assert.deepEqual(rest, {
          id: connection.id,
          patient_id: "bela",
          connection_id: connection.connection_id,
          total: connection.pull.records,
          errors: 0,
        });
        assert.ok(duration_ms >= 0);
        await until(
          () => clinic.mb.webhooks.listEvents(webhook.id, { delivered: true }),
          ({ data }) => data.length === 2,
        );
      } finally {
        await clinic.mb.worker.stop();
        // Whose next pull would be told of in the tests to come.
        await clinic.mb.patients.delete("bela");
      }
    });

    test("is signed by both secrets for a day after a rotation, then by the new one alone", async () => {
      const before = await listen();
      const rotated = await clinic.mb.webhooks.rotateSecret(before.id);
      const hear = async (): Promise<Delivery> => {
        await happens();
        await run(before);
        const delivery = heard().at(-1);
        assert.ok(delivery);
        return delivery;
      };
      pass(DAY - MINUTE);
      const both = await hear();
      for (const webhook of [before, rotated]) believe(both, webhook);
      const standard = both.headers["webhook-signature"]?.split(" ") ?? [];
      const at = new Date(Number(both.headers["webhook-timestamp"]) * 1000);
      const expected = [rotated, before].map(({ secret }) =>
        new StandardWebhook(secret).sign(both.headers["webhook-id"] ?? "", at, both.body),
      );
      assert.deepEqual(standard, expected);
      pass(2 * MINUTE);
      const one = await hear();
      believe(one, rotated);
      assert.throws(() => believe(one, before), { code: "signature_mismatch" });
    });
  });

  test("a webhook's secrets are sealed anew with all else, and sign on", async () => {
    const before = await listen();
    const rotated = await clinic.mb.webhooks.rotateSecret(before.id);
    const [old] = clinic.options.sealingKeys;
    assert.ok(old);
    const newer = { kid: "newer", key: randomBytes(32).toString("base64url") };
    const done = await resealAll(context.db, createTokenVault([newer, old]));
    assert.ok(done.resealed >= 2 && done.unreadable === 0);
    const later = compose({ ...clinic.options, sealingKeys: [newer] }, { clock: context.clock });
    try {
      await happens();
      await deliver(later.context, { payload: { webhook_id: before.id } });
      const [delivery] = heard();
      assert.ok(delivery);
      for (const webhook of [before, rotated]) believe(delivery, webhook);
    } finally {
      await later.context.door.close();
      await later.database.close();
      await resealAll(context.db, createTokenVault([old, newer]));
    }
  });

  describe("an event that is not heard", () => {
    test("is tried nine times over 3.6 days, under one id and signed anew; then its webhook is disabled, which is told", async () => {
      const webhook = await listen({ description: "main" });
      const other = await clinic.mb.webhooks.create({ url: `${receiver.url}/other`, events: ["webhook.disabled"] });
      answering(500);
      await happens();
      const pauses: number[] = [];
      for (let attempts = 1; attempts < 9; attempts++) {
        await run(webhook);
        assert.deepEqual([heard().length, (await eventOf(webhook)).attempts], [attempts, attempts]);
        const pause = await secondsToNext(webhook);
        pauses.push(pause);
        pass(pause - 2);
        await run(webhook);
        assert.equal(heard().length, attempts, "never early");
        pass(3);
      }
      assert.deepEqual(pauses, [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR, DAY, DAY, DAY]);
      await happens();
      const [latest] = (await clinic.mb.webhooks.listEvents(webhook.id)).data;
      await run(webhook);
      assert.equal((await clinic.mb.webhooks.retrieve(webhook.id)).status, "disabled");
      assert.equal(new Set(ids().slice(0, 9)).size, 1);
      assert.equal(new Set(heard().map(({ headers }) => headers["medblocks-signature"])).size, 9);
      for (const delivery of heard().slice(-1)) believe(delivery, webhook);
      const first = await eventOf(webhook);
      assert.deepEqual(
        [first.attempts, first.last_status_code, first.next_attempt_at, first.delivered_at],
        [9, 500, null, null],
      );
      pass(7 * DAY);
      await run(webhook);
      assert.equal(heard().length, 9, "no more goes to a disabled one");

      answering(200);
      await run(other);
      const told = heard().at(-1);
      assert.ok(told);
      const { url: _, ...view } = await clinic.mb.webhooks.retrieve(webhook.id);
      const event = believe(told, other);
      assert.deepEqual([event.type, event.data.object], ["webhook.disabled", view]);
      const logged = clinic.logged.map((line) => JSON.stringify(line));
      const lines = logged.filter((line) => line.includes("A webhook was disabled"));
      assert.equal(lines.length, 1);
      assert.ok(lines[0]?.includes(webhook.id));
      for (const text of [...logged, told.body]) assert.ok(!text.includes(receiver.url) && !text.includes("whsec_"));
      const audit = (await readAudit(context.db, null, 1000)).filter(({ subject }) => subject === webhook.id);
      assert.deepEqual(
        audit.map(({ action, actor }) => `${actor} ${action}`),
        ["host webhook_created", "server webhook_disabled"],
      );

      // What it had not got to is kept, and comes when it is put to use again.
      await clinic.mb.webhooks.update(webhook.id, { status: "active" });
      await run(webhook);
      assert.equal(ids().at(-1), latest?.id);
      assert.equal(heard().length, 11);
    });

    test("is delivered by the attempt that is answered well", async () => {
      const webhook = await listen();
      const answers = [404, 503, 200];
      receiver.onDelivery((response) => response.writeHead(answers.shift() ?? 200).end());
      await happens();
      for (const seconds of [0, MINUTE + 1, 5 * MINUTE + 1]) {
        pass(seconds);
        await run(webhook);
      }
      const { attempts, delivered_at, last_status_code } = await eventOf(webhook);
      assert.deepEqual([attempts, last_status_code, delivered_at === null], [3, 200, false]);
    });

    test("is due at once when its webhook is put to use again", async () => {
      const webhook = await listen();
      answering(500);
      await happens();
      await run(webhook);
      await clinic.mb.webhooks.update(webhook.id, { status: "disabled" });
      await clinic.mb.webhooks.update(webhook.id, { status: "active" });
      answering(200);
      await run(webhook);
      assert.equal(heard().length, 2);
      const { attempts, delivered_at } = await eventOf(webhook);
      assert.deepEqual([attempts, delivered_at === null], [1, false]);
    });

    test("does not follow a redirect", async () => {
      const webhook = await listen();
      for (const status of [301, 302, 303, 307, 308]) {
        answering(status, { location: `${receiver.url}/elsewhere` });
        await happens();
        await run(webhook);
        const [event] = (await clinic.mb.webhooks.listEvents(webhook.id)).data;
        assert.deepEqual([event?.last_status_code, event?.delivered_at], [status, null]);
        assert.ok(event?.next_attempt_at);
      }
      assert.ok(heard().every(({ path }) => path === "/hooks?from=mb"));
    });

    test("waits as long as the receiver asks, a day at most, and never less than it would", async () => {
      const asked: [header: string, seconds: number][] = [
        ["600", 600],
        [new Date(context.clock() + 600_000).toUTCString(), 600],
        ["5", MINUTE],
        ["99999999999", DAY],
        ["tomorrow", MINUTE],
        ["-5", MINUTE],
      ];
      for (const [header, seconds] of asked) {
        const webhook = await listen();
        answering(429, { "retry-after": header });
        await happens();
        await run(webhook);
        assert.ok(Math.abs((await secondsToNext(webhook)) - seconds) <= 2, header);
        await clinic.mb.webhooks.delete(webhook.id);
      }
    });

    test("tells why where nothing answered, and leaves a receiver that is silent alone for half a minute", async () => {
      const webhook = await clinic.mb.webhooks.create({ url: `http://127.0.0.1:${await freePort()}/` });
      await happens();
      await happens();
      await run(webhook);
      const { data } = await clinic.mb.webhooks.listEvents(webhook.id);
      assert.deepEqual(
        data.map(({ attempts, last_status_code, last_error }) => [attempts, last_status_code, last_error]),
        [
          [0, null, null],
          [1, null, "unreachable"],
        ],
      );
      pass(31);
      await run(webhook);
      assert.equal((await clinic.mb.webhooks.listEvents(webhook.id)).data[0]?.attempts, 1);
    });

    test("is not read to its end where an answer has none, and one that takes longer than five seconds is none", async (t) => {
      // The five seconds are the machine's own, so they are waited for once.
      if (databases.name !== "sqlite") return t.skip("tried on SQLite");
      let written = 0;
      const endless = await startReceiver();
      const gone = new Promise<void>((resolve) =>
        endless.onDelivery((response) => {
          const chunk = Buffer.alloc(64 * 1024, "x");
          response.on("close", resolve);
          const more = (): void => {
            written += chunk.length;
            if (response.write(chunk)) setImmediate(more);
            else response.once("drain", more);
          };
          more();
        }),
      );
      const never = await startReceiver();
      let hungUp = 0;
      never.onDelivery((response) => {
        const asked = Date.now();
        response.on("close", () => {
          hungUp = Date.now() - asked;
        });
      });
      try {
        const [first, second] = [
          await clinic.mb.webhooks.create({ url: endless.url }),
          await clinic.mb.webhooks.create({ url: never.url }),
        ];
        await happens();
        await Promise.all([run(first), run(second), gone]);
        assert.deepEqual([(await eventOf(first)).last_status_code, (await eventOf(first)).attempts], [200, 1]);
        assert.ok((await eventOf(first)).delivered_at);
        // What lies in the sockets' buffers counts as taken.
        assert.ok(written < 16 * 1024 * 1024, `${written} bytes were taken`);
        const { last_error, last_status_code, delivered_at } = await eventOf(second);
        assert.deepEqual([last_error, last_status_code, delivered_at], ["timeout", null, null]);
        assert.ok(hungUp < 30_000, `it was waited for ${hungUp} ms`);
      } finally {
        await Promise.all([endless.close(), never.close()]);
      }
    });

    test("S6: never reaches an address that the name of its host has come to mean since", async () => {
      const inside = createServer();
      inside.listen(0, "127.0.0.1");
      await once(inside, "listening");
      let connections = 0;
      inside.on("connection", () => {
        connections += 1;
      });
      const { port } = inside.address() as { port: number };
      for (const address of ["127.0.0.1", "10.0.0.8", "169.254.169.254"]) {
        const options = {
          ...clinic.options,
          publicUrl: "https://app.example.com/api",
          homeUrl: "https://app.example.com/",
          returnUrls: ["https://app.example.com/back"],
          allowLoopback: false,
        };
        const guarded = compose(options, {
          clock: context.clock,
          lookup: (_host, _options, callback) => callback(null, [{ address, family: 4 }]),
        });
        const mb = mbConnect(options);
        try {
          const webhook = await mb.webhooks.create({ url: `https://hooks.example.com:${port}/` });
          await happens();
          await deliver(guarded.context, { payload: { webhook_id: webhook.id } });
          const { last_error, last_status_code, attempts } = await eventOf(webhook);
          assert.deepEqual([last_error, last_status_code, attempts], ["blocked_address", null, 1], address);
        } finally {
          await mb.close();
          await guarded.context.door.close();
          await guarded.database.close();
        }
      }
      inside.close();
      assert.equal(connections, 0);
    });
  });

  describe("an event once more", () => {
    test("comes under the same id when a worker is killed before it wrote that it was heard", async () => {
      const webhook = await listen();
      receiver.onDelivery(() => {});
      await happens();
      const { patient: _, logger: __, ...options } = clinic.options;
      const script = fileURLToPath(new URL("support/deliver-process.ts", import.meta.url));
      const child = fork(script, [JSON.stringify({ options, webhook_id: webhook.id, ahead })]);
      await receiver.deliveries.reach(1);
      child.kill("SIGKILL");
      await once(child, "exit");
      assert.deepEqual([(await eventOf(webhook)).attempts, (await eventOf(webhook)).delivered_at], [0, null]);
      answering(200);
      await run(webhook);
      assert.equal(heard().length, 2);
      assert.equal(new Set(ids()).size, 1);
      for (const delivery of heard()) believe(delivery, webhook);
      assert.ok((await eventOf(webhook)).delivered_at);
    });

    test("comes when it is asked for, whatever became of it, once a minute at most", async () => {
      const webhook = await listen();
      await happens();
      await clinic.mb.worker.start();
      try {
        await receiver.deliveries.reach(1);
        const { id } = await until(
          () => eventOf(webhook),
          ({ delivered_at }) => delivered_at !== null,
        );
        const again = await clinic.mb.events.redeliver(id);
        assert.deepEqual([again.id, again.attempts, again.delivered_at], [id, 0, null]);
        assert.equal(again.next_attempt_at, again.last_redelivered_at);
        await receiver.deliveries.reach(2);
        assert.deepEqual(ids(), [id, id]);
      } finally {
        await clinic.mb.worker.stop();
      }
      const { id } = await eventOf(webhook);
      const refusedAs = (code: string) => (thrown: unknown) => thrown instanceof ConnectError && thrown.code === code;
      await assert.rejects(clinic.mb.events.redeliver(id), refusedAs("throttled"));
      pass(61);
      await clinic.mb.webhooks.update(webhook.id, { status: "disabled" });
      await assert.rejects(clinic.mb.events.redeliver(id), refusedAs("bad_request"));
      await clinic.mb.webhooks.update(webhook.id, { status: "active" });
      await clinic.mb.events.redeliver(id);
      await run(webhook);
      assert.deepEqual(ids(), [id, id, id]);
      await assert.rejects(clinic.mb.events.redeliver("evt_none"), refusedAs("resource_not_found"));
    });
  });

  test("a webhook that is deleted while its last attempt fails: neither stops the other", async (t) => {
    if (databases.name !== "postgres") return t.skip("SQLite writes one after the other");
    const webhook = await listen();
    await happens();
    answering(500);
    const { id } = await eventOf(webhook);
    await context.db.updateTable("events").set({ attempts: 8 }).where("id", "=", id).execute();
    let attempt = Promise.resolve();
    await context.db.transaction().execute(async (tx) => {
      await tx.deleteFrom("webhooks").where("id", "=", webhook.id).execute();
      attempt = run(webhook);
      attempt.catch(() => {});
      const waiting = sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await until(
        () => waiting.execute(context.db),
        ({ rows }) => rows.length > 0,
      );
      await tx.deleteFrom("events").where("webhook_id", "=", webhook.id).execute();
    });
    await attempt;
    await assert.rejects(async () => await clinic.mb.webhooks.retrieve(webhook.id), { code: "resource_not_found" });
  });

  test("each webhook has its own pace: one that fails holds up no other", async () => {
    const broken = await clinic.mb.webhooks.create({ url: `${receiver.url}/broken` });
    const sound = await clinic.mb.webhooks.create({ url: `${receiver.url}/sound` });
    receiver.onDelivery((response, { path }) => response.writeHead(path === "/broken" ? 500 : 200).end());
    for (let count = 0; count < 5; count++) await happens();
    await clinic.mb.worker.start();
    try {
      await receiver.deliveries.reach(5, ({ path }) => path === "/sound");
      await receiver.deliveries.reach(5, ({ path }) => path === "/broken");
    } finally {
      await clinic.mb.worker.stop();
    }
    const delivered = async ({ id }: { id: string }) =>
      (await clinic.mb.webhooks.listEvents(id, { delivered: true })).data.length;
    assert.deepEqual([await delivered(broken), await delivered(sound)], [0, 5]);
    const order = heard().filter(({ path }) => path === "/sound");
    const sent = order.map(({ headers }) => headers["webhook-id"] ?? "");
    assert.deepEqual(sent, sent.toSorted(), "in the order in which they were made");
  });
});
