/** A grant that the hospital has given is kept or revoked, whatever happens on our side while it answers. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { openDatabase } from "#server/store/database.js";
import { patientBrowser } from "./support/clinic.ts";
import { type OddClinic, openOddClinic } from "./support/odd-clinic.ts";
import { visitOddPortal } from "./support/odd-server.ts";

let clinic: OddClinic;
beforeEach(async () => {
  clinic = await openOddClinic([{ name: "Grant Clinic" }]);
});
afterEach(() => clinic.close());

const connect = (user: string): Promise<URL> =>
  patientBrowser(clinic, user, visitOddPortal).connect(
    clinic.sourceOf(clinic.hospital.facilities[0] ?? assert.fail("a facility")),
  );
const revocations = (): number => clinic.hospital.asked("revoke").length;

test("T13: a patient who is deleted while the hospital answers leaves no grant there", async () => {
  clinic.hospital.behave({
    token: async (sound) => {
      await clinic.mb.patients.delete("alma");
      return { body: sound };
    },
  });
  const end = await connect("alma");
  assert.doesNotMatch(end.href, /success=true/);
  assert.ok(revocations() > 0, "what was given is taken back");
  await assert.rejects(clinic.mb.patients.retrieve("alma"), { code: "resource_not_found" });
});

test("close waits for the hospital's answer and keeps what it brings", async () => {
  let closing: Promise<void> | undefined;
  clinic.hospital.behave({
    token: async (sound) => {
      closing = clinic.mb.close();
      return { body: sound };
    },
  });
  const end = await connect("bela");
  await closing;
  assert.match(end.href, /success=true/);
  const database = openDatabase(clinic.database);
  const rows = await database.db.selectFrom("connections").select("status").execute();
  await database.close();
  assert.deepEqual(rows, [{ status: "active" }]);
});

test("T13: a connection whose tokens no longer open is ended all the same", async () => {
  clinic.hospital.behave();
  await connect("cato");
  const database = openDatabase(clinic.database);
  await database.db.updateTable("connections").set({ sealed_tokens: "v1.test.AAAA" }).execute();
  const [connection] = (await clinic.mb.patients.retrieve("cato")).connections;
  await clinic.mb.patients.disconnectConnection("cato", connection?.id ?? "");
  assert.equal((await clinic.mb.patients.retrieve("cato")).connections[0]?.status, "disconnected");
  await connect("cato");
  await database.db.updateTable("connections").set({ sealed_tokens: "v1.test.AAAA" }).execute();
  await database.close();
  assert.equal((await clinic.mb.patients.delete("cato")).deleted, true);
});
