/** How a pull goes, as the patient's page and the host's server are told: from no pull to a settled one, with an entity tag. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import request from "supertest";
import type { Database } from "#server/store/database.js";
import { openDatabase } from "#server/store/database.js";
import { connectionDetail, patientConnection } from "#shared/connection.js";
import { type Clinic, openClinic, patientBrowser } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";

const STARTED = Date.UTC(2026, 0, 5, 9);

forEachDatabase(({ name, location }) => {
  describe(`progress on ${name}`, () => {
    let clinic: Clinic;
    let database: Database;
    let id: string;

    before(async () => {
      clinic = await openClinic({ database: await location() });
      database = openDatabase(clinic.database);
      await patientBrowser(clinic, "alma").connect(await clinic.source());
      id = (await clinic.mb.patients.getConnections("alma"))[0]?.id ?? "";
    });
    after(async () => {
      await database?.close();
      await clinic?.close();
    });

    const list = (etag?: string) =>
      request(clinic.app)
        .get("/api/patient-connections")
        .set({ "x-user": "alma", ...(etag ? { "if-none-match": etag } : {}) });
    const pulled = async () => (await list()).body.data[0].pull;
    const noPull = () => database.db.deleteFrom("pulls").where("connection_id", "=", id).execute();
    const begin = async (state: "waiting" | "running" | "settled", failure: string | null = null): Promise<void> => {
      await noPull();
      const row = { connection_id: id, run: 1, state, reason: "connect", mode: "full", failure } as const;
      const times = { started_at: STARTED, settled_at: state === "settled" ? STARTED + 61_000 : null };
      await database.db
        .insertInto("pulls")
        .values({ ...row, ...(state === "waiting" ? {} : times) })
        .execute();
    };
    const counted = async (type: string, state: "running" | "ok" | "not_granted", records: number): Promise<void> => {
      const row = { connection_id: id, type, state, records, bytes: records * 900, notes: "{}", started_at: STARTED };
      await database.db.insertInto("pull_types").values(row).execute();
    };

    test("a connection without a pull has null, to the patient's page and to the host's server", async () => {
      await noPull();
      assert.equal(await pulled(), null);
      assert.equal((await clinic.mb.patients.retrieve("alma")).connections[0]?.pull, null);
    });

    test("P10: one that waits has nothing to show, and the connection is active all the same", async () => {
      await begin("waiting");
      const [one] = (await list()).body.data;
      assert.deepEqual(patientConnection.parse(one), one);
      assert.equal(one.status, "active");
      const nothing = { failure: null, records: 0, started_at: null, settled_at: null, types: [] };
      assert.deepEqual(one.pull, { state: "waiting", reason: "connect", ...nothing });
    });

    test("P10: one that runs tells how much of each type is here so far, by the page and by the library", async () => {
      await begin("running");
      await counted("Observation", "running", 312);
      await counted("Condition", "ok", 7);
      await counted("Procedure", "not_granted", 0);
      const pull = await pulled();
      assert.deepEqual([pull.state, pull.records, pull.started_at], ["running", 319, "2026-01-05T09:00:00.000Z"]);
      assert.deepEqual(
        pull.types.map((one: { type: string; state: string; records: number; bytes: number }) => [
          one.type,
          one.state,
          one.records,
          one.bytes,
        ]),
        [
          ["Condition", "ok", 7, 6_300],
          ["Observation", "running", 312, 280_800],
          ["Procedure", "not_granted", 0, 0],
        ],
      );
      const [connection] = await clinic.mb.patients.getConnections("alma");
      assert.deepEqual(connectionDetail.parse(connection).pull, pull);
    });

    test("P10: one that settled with no records at all is no failure; one that broke off says why", async () => {
      await begin("settled");
      const pull = await pulled();
      assert.deepEqual(
        [pull.state, pull.records, pull.failure, pull.settled_at],
        ["settled", 0, null, "2026-01-05T09:01:01.000Z"],
      );
      await begin("settled", "token_unavailable");
      assert.equal((await pulled()).failure, "token_unavailable");
    });

    test("what did not change is not sent again; a record more is", async () => {
      await begin("running");
      await counted("Observation", "running", 312);
      const first = await list();
      const { etag = "", "cache-control": caching } = first.headers;
      assert.equal(caching, "private, no-cache");
      const again = await list(etag);
      assert.deepEqual([again.status, again.text, again.headers.etag], [304, "", etag]);
      await database.db.updateTable("pull_types").set({ records: 313 }).where("connection_id", "=", id).execute();
      const more = await list(etag);
      assert.deepEqual([more.status, more.body.data[0].pull.records], [200, 313]);
      assert.notEqual(more.headers.etag, etag);
    });

    test("the tag holds where the host makes none of its own, and another patient's page has another", async () => {
      clinic.app.disable("etag");
      const { etag = "" } = (await list()).headers;
      assert.equal((await list(etag)).status, 304);
      const other = await list(etag).set("x-user", "bela");
      assert.deepEqual([other.status, other.body.data], [200, []]);
      clinic.app.enable("etag");
    });
  });
});
