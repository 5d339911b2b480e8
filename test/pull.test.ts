/** The pull: what a worker brings from a FHIR server that does what it should, and what it asks for. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { forEachDatabase, type TestDatabases } from "./support/databases.ts";
import { type FhirServer, PATIENT, resource, searchset, startFhirServer } from "./support/fhir-server.ts";
import { openPullHost, type PullHost, scopesFor } from "./support/pull-host.ts";

type Opened = { server: FhirServer; host: PullHost };

async function open(
  t: TestContext,
  databases: TestDatabases,
  more: Parameters<typeof openPullHost>[1] = {},
): Promise<Opened> {
  const server = await startFhirServer();
  const host = await openPullHost(databases, more);
  t.after(async () => {
    await host.close();
    await server.close();
  });
  return { server, host };
}

const named = (records: { type: string; fhir_id: string }[]) =>
  records.map(({ type, fhir_id }) => `${type}/${fhir_id}`);

forEachDatabase((databases) => {
  test("records arrive: every page of every type, each resource in its own words", async (t) => {
    const { server, host } = await open(t, databases);
    const odd = `{ "resourceType":"Observation" ,"id":"odd","subject":{"reference":"Patient\\/p1"},\n "valueQuantity":{"value":1.10, "unit":"caf\\u00e9 é 😀 \\"x\\" \\\\"}, "note":[{"text":"} ] \\\\\\" {"}]}`;
    server.add(odd, ...Array.from({ length: 250 }, (_, n) => resource("Observation", `o${n}`)));
    server.add(resource("Condition", "c1"));
    const connection = await host.connect({ server, scopes: scopesFor("Patient", "Observation", "Condition") });
    const progress = await host.settled(connection);
    assert.equal(progress.records, 253);
    const states = progress.types.map(({ type, state, records }) => `${type} ${state} ${records}`);
    assert.deepEqual(states, ["Condition ok 1", "Observation ok 251", "Patient ok 1"]);
    const stored = await host.records(connection);
    assert.equal(stored.length, 253);
    assert.equal(stored.find(({ fhir_id }) => fhir_id === "odd")?.body, odd);
    assert.equal(server.asked("Observation").length, 3);
    assert.ok(server.requests.every(({ headers }) => headers.accept === "application/fhir+json"));
    assert.deepEqual(named(stored.filter(({ role }) => role !== "match")), []);
    void [PATIENT, searchset];
  });
});
