/** The library's calls, on both databases. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connectionDetail } from "#shared/connection.js";
import { patient, patientDetail } from "#shared/patient.js";
import { patientSession } from "#shared/patient-session.js";
import { fhirSource } from "#shared/source.js";
import { type Clinic, openClinic, patientBrowser } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";

forEachDatabase(({ location }) => {
  let clinic: Clinic;
  before(async () => {
    clinic = await openClinic({ database: await location() });
  });
  after(() => clinic.close());
  const { source } = { source: () => clinic.source() };
  const init = async (more: object = {}) =>
    clinic.mb.patientSession.init({
      patient_id: "alma",
      connection_id: await source(),
      return_url: clinic.returnUrl,
      ...more,
    });

  describe("patientSession", () => {
    test("init takes every field and answers the session in the wire's shape", async () => {
      const session = await init({
        patient_email: "alma@example.org",
        patient_name: "Alma Example",
        metadata: { visit: 7, tags: ["a"] },
        return_button_label: "Back to the clinic",
        expires_in: 120,
      });
      assert.deepEqual(patientSession.parse(session), session);
      assert.equal(session.status, "open");
      assert.deepEqual(session.metadata, { visit: 7, tags: ["a"] });
      assert.equal(session.return_button_label, "Back to the clinic");
      assert.equal(Date.parse(session.expires_at) - Date.parse(session.created_at), 120_000);
      const { name, email } = await clinic.mb.patients.retrieve("alma");
      assert.deepEqual([name, email], ["Alma Example", "alma@example.org"]);
      assert.deepEqual(await clinic.mb.patientSession.retrieve(session.id), session);
    });

    test("the life of a session is half an hour when nothing is said", async () => {
      const session = await init();
      assert.equal(Date.parse(session.expires_at) - Date.parse(session.created_at), 1_800_000);
    });

    test("what is wrong is refused by name", async () => {
      const refused: [change: object, param: string][] = [
        [{ patient_id: undefined }, "patient_id"],
        [{ patient_id: "" }, "patient_id"],
        [{ patient_id: "x".repeat(201) }, "patient_id"],
        [{ patient_id: "a\nb" }, "patient_id"],
        [{ return_url: undefined }, "return_url"],
        [{ connection_id: undefined }, "connection_id"],
        [{ connection_id: "conn_1" }, "connection_id"],
        [{ recommended_connection_ids: [await source()] }, "connection_id"],
        [{ expires_in: 59 }, "expires_in"],
        [{ expires_in: 86_401 }, "expires_in"],
        [{ expires_in: 61.5 }, "expires_in"],
        [{ patient_email: "no address" }, "patient_email"],
        [{ metadata: "text" }, "metadata"],
        [{ colour: "blue" }, "colour"],
      ];
      for (const [change, param] of refused) {
        await assert.rejects(init(change), { name: "ConnectError", code: "bad_request", param });
      }
      await assert.rejects(init({ connection_id: `fhirsrc_${"0".repeat(26)}` }), { code: "resource_not_found" });
      await assert.rejects(clinic.mb.patientSession.init(null as never), { code: "bad_request" });
    });

    test("a name given later replaces the name, one not given leaves it", async () => {
      await init({ patient_id: "bela", patient_name: "First" });
      await init({ patient_id: "bela", patient_email: "bela@example.org" });
      await init({ patient_id: "bela", patient_name: "Second" });
      const { name, email } = await clinic.mb.patients.retrieve("bela");
      assert.deepEqual([name, email], ["Second", "bela@example.org"]);
    });

    test("an unknown session is resource_not_found, for its trail too", async () => {
      await assert.rejects(clinic.mb.patientSession.retrieve("ps_nothing"), { code: "resource_not_found" });
      await assert.rejects(clinic.mb.patientSession.trail("ps_nothing"), { code: "resource_not_found" });
    });
  });

  describe("patients", () => {
    test("create, retrieve, replace, delete", async () => {
      const created = await clinic.mb.patients.create({ id: "cato", name: "Cato", metadata: { a: 1 } });
      assert.deepEqual(patient.parse(created), created);
      await assert.rejects(clinic.mb.patients.create({ id: "cato" }), {
        code: "external_id_already_exists",
        param: "id",
      });
      const replaced = await clinic.mb.patients.update("cato", { email: "cato@example.org" });
      assert.deepEqual([replaced.name, replaced.email, replaced.metadata], [null, "cato@example.org", null]);
      await assert.rejects(clinic.mb.patients.update("cato", { nick: "C" } as never), {
        code: "bad_request",
        param: "nick",
      });
      assert.deepEqual(await clinic.mb.patients.delete("cato"), {
        id: "cato",
        resource_type: "patient",
        deleted: true,
      });
      for (const call of [
        () => clinic.mb.patients.retrieve("cato"),
        () => clinic.mb.patients.update("cato", {}),
        () => clinic.mb.patients.delete("cato"),
        () => clinic.mb.patients.getConnections("cato"),
        () => clinic.mb.patients.listPatientSessions("cato").then((list) => list),
      ]) {
        await assert.rejects(call(), { code: "resource_not_found" });
      }
    });

    test("a patient who is deleted leaves nothing here and no grant at the hospital", async () => {
      const returned = await patientBrowser(clinic, "dora").connect(await source());
      const revocations = () => clinic.hospital.requests.filter(({ path }) => path.endsWith("/revoke")).length;
      const before = revocations();
      await clinic.mb.patients.delete("dora");
      assert.equal(revocations(), before + 2);
      const session = returned.searchParams.get("patient_session_id") ?? "";
      await assert.rejects(clinic.mb.patientSession.retrieve(session), { code: "resource_not_found" });
    });

    test("list walks page by page, or from end to end, each patient once", async () => {
      const ids = Array.from({ length: 23 }, (_, index) => `list-${String(index).padStart(2, "0")}`);
      for (const id of ids) await clinic.mb.patients.create({ id });
      const first = await clinic.mb.patients.list({ limit: 5 });
      assert.equal(first.data.length, 5);
      assert.ok(first.has_more && first.next_cursor);
      const second = await clinic.mb.patients.list({ limit: 5, starting_after: first.next_cursor });
      assert.ok(second.data.every(({ id }) => id > (first.data.at(-1)?.id ?? "")));
      const all: string[] = [];
      for await (const { id } of clinic.mb.patients.list({ limit: 5 }).autoPagingIterator()) all.push(id);
      assert.equal(new Set(all).size, all.length);
      assert.ok(ids.every((id) => all.includes(id)));
      for (const limit of [0, 101, 1.5]) {
        await assert.rejects(async () => clinic.mb.patients.list({ limit }), { code: "bad_request", param: "limit" });
      }
      await assert.rejects(async () => clinic.mb.patients.list({ starting_after: "!" }), { param: "starting_after" });
    });

    test("sessions of a patient, newest first, page by page", async () => {
      const made: string[] = [];
      for (let count = 0; count < 7; count++) made.unshift((await init({ patient_id: "edda" })).id);
      const all: string[] = [];
      for await (const { id } of clinic.mb.patients.listPatientSessions("edda", { limit: 3 }).autoPagingIterator()) {
        all.push(id);
      }
      assert.deepEqual(all, made);
    });

    test("connections, newest first; a disconnect is theirs alone", async () => {
      const browser = patientBrowser(clinic, "fita");
      await browser.connect(await clinic.source(null, 6));
      await browser.connect(await clinic.source(null, 7));
      const connections = await clinic.mb.patients.getConnections("fita");
      assert.deepEqual(
        connections.map((one) => connectionDetail.parse(one)),
        connections,
      );
      assert.deepEqual(
        connections.map(({ connection_id }) => connection_id),
        [await clinic.source(null, 7), await clinic.source(null, 6)],
      );
      const detail = await clinic.mb.patients.retrieve("fita");
      assert.deepEqual(patientDetail.parse(detail), detail);
      assert.deepEqual(detail.connections, connections);
      const id = connections[0]?.id ?? "";
      await assert.rejects(clinic.mb.patients.disconnectConnection("alma", id), { code: "resource_not_found" });
      assert.deepEqual(await clinic.mb.patients.disconnectConnection("fita", id), {
        id,
        resource_type: "connection",
        disconnected: true,
      });
      assert.deepEqual(
        (await clinic.mb.patients.getConnections("fita")).map(({ status }) => status),
        ["disconnected", "active"],
      );
      await browser.connect(await clinic.source(null, 7));
      assert.equal((await clinic.mb.patients.getConnections("fita"))[0]?.status, "active", "connected anew, same row");
    });
  });

  describe("connections", () => {
    test("list searches what is offered, retrieve knows each source", async () => {
      const list = await clinic.mb.connections.list({ q: clinic.facility().name, limit: 3 });
      assert.deepEqual(
        list.data.map((one) => fhirSource.parse(one)),
        list.data,
      );
      assert.equal(list.data[0]?.name, clinic.facility().name);
      assert.deepEqual(await clinic.mb.connections.retrieve(list.data[0]?.id ?? ""), { ...list.data[0], matches: [] });
      await assert.rejects(clinic.mb.connections.retrieve("fhirsrc_nothing"), { code: "resource_not_found" });
      const all = new Set<string>();
      for await (const { id } of clinic.mb.connections.list({ q: "hospital", limit: 50 }).autoPagingIterator())
        all.add(id);
      assert.ok(all.size > 50);
    });
  });
});
