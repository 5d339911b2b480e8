/** Records as a host reads them: in a stable order, page by page, as the hospital wrote them, and noted in the audit. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { PatientRecord, RecordsQuery } from "@mb-connect/server";
import { isAbout, readAudit } from "#server/audit.js";
import { type Clinic, openClinic, patientBrowser } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { openShelf, type Shelf } from "./support/shelf.ts";

const DOSE = '{"resourceType":"Observation","id":"dose","valueQuantity":{"value":1.10,"big":12345678901234567890}}';

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

forEachDatabase((databases) => {
  describe("records", () => {
    let clinic: Clinic;
    let shelf: Shelf;
    before(async () => {
      clinic = await openClinic({ database: await databases.location() });
      shelf = await openShelf(clinic.options);
    });
    after(async () => {
      await shelf.close();
      await clinic.close();
    });

    const connect = async (patient_id: string): Promise<string> => {
      await patientBrowser(clinic, patient_id).connect(await clinic.source());
      const [connection] = await clinic.mb.patients.getConnections(patient_id);
      assert.ok(connection);
      return connection.id;
    };
    const conditions = (from: number, to: number, note = "") =>
      Array.from({ length: to - from }, (_, n) => ({ resourceType: "Condition", id: `c${from + n}`, note }));
    const idsOf = (records: readonly PatientRecord[]) => records.map(({ resource }) => resource.id);
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `c${from + n}`);

    test("a page holds a hundred, in the order in which they came; the next one goes on after its cursor", async () => {
      await shelf.store(await connect("ada"), conditions(0, 250));
      const first = await clinic.mb.patients.records("ada");
      assert.deepEqual([first.resource_type, first.has_more, idsOf(first.data)], ["list", true, numbers(0, 100)]);
      const second = await clinic.mb.patients.records("ada", { starting_after: first.next_cursor ?? "", count: 50 });
      assert.deepEqual([second.has_more, idsOf(second.data)], [true, numbers(100, 150)]);
      const last = await clinic.mb.patients.records("ada", { starting_after: second.next_cursor ?? "" });
      assert.deepEqual([last.has_more, last.next_cursor, idsOf(last.data)], [false, null, numbers(150, 250)]);
      const all = await collect(clinic.mb.patients.records("ada", { count: 30 }).autoPagingIterator());
      assert.deepEqual(idsOf(all), numbers(0, 250));
    });

    test("pages can be walked backwards from any record", async () => {
      const middle = (await clinic.mb.patients.records("ada", { count: 60 })).data.at(-1)?.cursor ?? "";
      const page = await clinic.mb.patients.records("ada", { ending_before: middle, count: 20 });
      assert.deepEqual([page.has_more, idsOf(page.data)], [true, numbers(39, 59)]);
      const start = await clinic.mb.patients.records("ada", { ending_before: page.next_cursor ?? "", count: 100 });
      assert.deepEqual([start.has_more, start.next_cursor, idsOf(start.data)], [false, null, numbers(0, 39)]);
      const back = clinic.mb.patients.records("ada", { ending_before: middle, count: 7 }).autoPagingIterator();
      assert.deepEqual(idsOf(await collect(back)), numbers(0, 59).reverse());
    });

    test("whoever reads while a pull stores, changes and repeats records misses none, and reads a changed one anew", async () => {
      const connection = await connect("ben");
      await shelf.store(connection, conditions(0, 120));
      const seen: PatientRecord[] = [];
      let next = 120;
      for await (const record of clinic.mb.patients.records("ben", { count: 10 }).autoPagingIterator()) {
        seen.push(record);
        if (seen.length % 10 === 0 && next < 160) {
          await shelf.store(connection, [...conditions(4, 40), ...conditions(next, next + 5)]);
          next += 5;
        }
        if (seen.length === 35) await shelf.store(connection, conditions(3, 4, "changed"));
      }
      assert.deepEqual([...new Set(idsOf(seen))].sort(), numbers(0, 160).sort());
      const again = seen.filter(({ resource }) => resource.id === "c3").map(({ resource }) => resource.note);
      assert.deepEqual(again, ["", "changed"]);
      assert.equal(seen.length, 161);
      const { data } = await clinic.mb.patients.records("ben", { starting_after: seen.at(-1)?.cursor ?? "" });
      assert.deepEqual(data, [], "nothing is left after the last cursor");
      await shelf.store(connection, conditions(200, 201));
      const later = await clinic.mb.patients.records("ben", { starting_after: seen.at(-1)?.cursor ?? "" });
      assert.deepEqual(idsOf(later.data), ["c200"]);
    });

    test("a record is as the hospital wrote it, with where it came from; what names another patient is never there", async () => {
      const connection = await connect("cleo");
      const patient =
        '{"resourceType":"Patient","id":"p","multipleBirthInteger":2.0,"identifier":[{"system":"urn:mrn","value":"7"}]}';
      await shelf.store(connection, [patient, DOSE]);
      await shelf.store(connection, [{ resourceType: "Practitioner", id: "dr" }], "include");
      await shelf.store(connection, [{ resourceType: "Observation", id: "of-somebody-else" }], "foreign");
      const { data } = await clinic.mb.patients.records("cleo");
      assert.deepEqual(idsOf(data), ["p", "dose", "dr"]);
      const [own, dose, doctor] = data;
      assert.equal(dose?.text, DOSE);
      assert.deepEqual(own?.resource.identifier, [
        { system: "urn:medblocks:patient-id", value: "cleo" },
        { system: "urn:mrn", value: "7" },
      ]);
      assert.match(own?.text ?? "", /"multipleBirthInteger":2\.0/);
      assert.deepEqual(JSON.parse(own?.text ?? ""), own?.resource);
      const { created_at, updated_at, ...source } = dose?.source ?? {};
      assert.deepEqual(source, {
        connection,
        connection_id: await clinic.source(),
        name: clinic.facility().name,
        mode: "match",
      });
      assert.ok(Math.abs(Date.parse(created_at ?? "") - Date.now()) < 60_000 && updated_at === created_at);
      assert.equal(doctor?.source.mode, "include");
    });

    test("type and since choose; a type that nobody has is an empty list", async () => {
      const connection = await connect("dora");
      await shelf.store(connection, [...conditions(0, 3), DOSE, { resourceType: "Goal", id: "g" }]);
      const read = async (query: RecordsQuery) => idsOf((await clinic.mb.patients.records("dora", query)).data);
      assert.deepEqual(await read({ type: "Observation, Goal" }), ["dose", "g"]);
      assert.deepEqual(await read({ type: ["Condition"] }), ["c0", "c1", "c2"]);
      assert.deepEqual(await read({ type: "Basic" }), []);
      shelf.pass(7200);
      const since = new Date(shelf.context.clock() - 1000).toISOString();
      await shelf.store(connection, conditions(1, 2, "amended"));
      assert.deepEqual(await read({ since }), ["c1"]);
      assert.deepEqual(await read({ since: "2020-01-01" }), ["c0", "c2", "dose", "g", "c1"]);
      assert.deepEqual(await read({ since, type: "Goal" }), []);
    });

    test("each refusal names the parameter and what it takes", async () => {
      const refused: [query: object, param: string, message: RegExp][] = [
        [{ type: "condition" }, "type", /FHIR resource types such as/],
        [{ type: [] }, "type", /FHIR resource types/],
        [{ type: 3 }, "type", /list of FHIR resource types/],
        [{ since: "yesterday" }, "since", /ISO 8601/],
        [{ since: "2026-01-01T10:00:00" }, "since", /offset/],
        [{ count: 0 }, "count", /1/],
        [{ count: 101 }, "count", /100/],
        [{ limit: 10 }, "limit", /not a known field/],
        [{ starting_after: "!" }, "starting_after", /as it was given/],
        [{ ending_before: Buffer.from("conn_1").toString("base64url") }, "ending_before", /this patient's records/],
        [{ starting_after: "MQ", ending_before: "MQ" }, "ending_before", /exclude one another/],
      ];
      for (const [query, param, message] of refused) {
        await assert.rejects(
          Promise.resolve(clinic.mb.patients.records("ada", query as RecordsQuery)),
          (thrown: { code?: string; param?: string; message: string }) => {
            assert.deepEqual([thrown.code, thrown.param], ["bad_request", param], JSON.stringify(query));
            assert.match(thrown.message, message);
            return true;
          },
        );
      }
      const nobody = Promise.resolve(clinic.mb.patients.records("nobody"));
      await assert.rejects(nobody, { code: "resource_not_found", param: "id" });
    });

    test("each page that is read stands in the audit, with how many of which types, and never whose in clear", async () => {
      await shelf.store(await connect("mrn-0815"), conditions(0, 15));
      const { db, vault } = shelf.context;
      const before = (await readAudit(db, null, 1000)).length;
      const query = { type: "Condition", count: 10 };
      await collect(clinic.mb.patients.records("mrn-0815", query).autoPagingIterator());
      await clinic.mb.patients.records("mrn-0815", { since: "2100-01-01" });
      const rows = (await readAudit(db, null, 1000)).slice(before);
      assert.deepEqual(
        rows.map(({ action, actor, subject, detail }) => [action, actor, subject, detail]),
        [
          ["records_read", "host", null, { count: 10, types: "Condition" }],
          ["records_read", "host", null, { count: 5, types: "Condition" }],
          ["records_read", "host", null, { count: 0, types: "all" }],
        ],
      );
      assert.ok(rows.every((row) => isAbout(vault, row, "mrn-0815")));
      assert.ok(!JSON.stringify(rows).includes("mrn-0815"));
    });

    test("no route of the browser's answers records", async () => {
      const browser = patientBrowser(clinic, "ada");
      for (const path of ["patients/ada/records", "records", "attachments"]) {
        assert.equal((await browser.visit(`${clinic.api}/${path}`)).status, 404, path);
      }
    });
  });
});
