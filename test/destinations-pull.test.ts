/** From a hospital's FHIR server to a destination, with nobody asking: what a settled pull brought is handed on once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { destinations } from "#server/library/destinations.js";
import { until } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { newFolder, readFolder } from "./support/export-desk.ts";
import { resource, startFhirServer } from "./support/fhir-server.ts";
import { openPullHost } from "./support/pull-host.ts";

forEachDatabase((databases) => {
  test("a settled pull hands its records over, the next one what changed", async (t) => {
    const host = await openPullHost(databases);
    const server = await startFhirServer();
    t.after(() => Promise.all([host.close(), server.close()]));
    const folder = await newFolder(t);
    const calls = destinations(host.context, Promise.resolve());
    const { id } = await calls.create({ kind: "ndjson", folder });
    const exact =
      '{"resourceType":"Observation","id":"o1","subject":{"reference":"Patient/p1"},"valueQuantity":{"value":1.10}}';
    server.add(exact, resource("Condition", "c1"));
    const connection = await host.connect({ server, patient_id: "alma" });
    const first = await host.settled(connection);
    const ended = (count: number) =>
      until(
        async () => (await calls.runs(id)).data,
        (runs) => runs.length === count && runs.every(({ status }) => status === "ok"),
      );
    await ended(1);
    const lines = async () =>
      [...(await readFolder(folder, { id: connection, patient_id: "alma" })).files.values()].flat();
    const before = await lines();
    assert.equal(before.length, 3);
    assert.ok(before.includes(exact), "as the hospital wrote it");
    assert.ok(before.some((line) => line.includes('{"system":"urn:medblocks:patient-id","value":"alma"}')));
    server.add(resource("Condition", "c2"));
    await host.request(connection, "demand");
    await host.settled(connection, { after: first });
    const [second] = await ended(2);
    assert.deepEqual([second?.trigger, second?.records, (await lines()).length], ["delta", 1, 4]);
  });
});
