/**
 * The pull against what real servers answered: every searchset of the vendors' sandboxes is played back and pulled through the
 * worker, and what is stored is compared with what counting by hand says.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { readVendors } from "#server/catalog/vendor.js";
import { readProfiles } from "#server/smart/source-profile.js";
import { forEachDatabase } from "./support/databases.ts";
import { openPullCase, statesOf } from "./support/pull-case.ts";
import { openPullHost, scopesFor } from "./support/pull-host.ts";
import { NEEDS_REAL_DATA, realData } from "./support/real-data.ts";
import { type Recording, startReplayServer } from "./support/replay-server.ts";

interface Counted {
  /** By type and id, the resource itself. */
  resources: Map<string, unknown>;
  /** By type, whether a further page was never recorded. */
  open: Map<string, boolean>;
}

type Json = Record<string, unknown>;

/** What a person would count in the recordings of a patient, with JSON.parse and nothing of ours. */
function countByHand(recordings: Recording[], patient: string): Counted {
  const resources = new Map<string, unknown>();
  const open = new Map<string, boolean>();
  for (const { asked, text } of recordings.filter((one) => one.patient === patient)) {
    const body = JSON.parse(text) as Json;
    if (asked === `Patient/${patient}`) resources.set(asked, body);
    if (body.resourceType !== "Bundle") continue;
    const type = asked.split(" ")[0] ?? "";
    const more = ((body.link ?? []) as Json[]).some(({ relation }) => relation === "next");
    open.set(type, more || (open.get(type) ?? false));
    for (const { resource } of (body.entry ?? []) as { resource: Json }[]) {
      if (resource.resourceType !== "OperationOutcome")
        resources.set(`${resource.resourceType}/${resource.id}`, resource);
    }
  }
  return { resources, open };
}

describe("real answers", NEEDS_REAL_DATA, () => {
  const profiles = readProfiles(readVendors());

  forEachDatabase((databases) => {
    for (const vendor of ["epic", "cerner", "meditech"]) {
      test(`every searchset of ${vendor}'s sandbox is stored: nothing lost, nothing doubled, nothing rewritten`, async (t) => {
        const server = await startReplayServer(vendor);
        const host = await openPullHost(databases);
        t.after(async () => {
          await host.close();
          await server.close();
        });
        const profile = profiles.of({ type: vendor, fhir_base_url: server.base, brand: null, name: vendor }, {});
        const fhir = { ...profile.fhir, rps: 1000 };
        let records = 0;
        for (const patient of server.patients) {
          const connection = await host.connect({ server, fhir_patient_id: patient, profile: { ...profile, fhir } });
          const progress = await host.settled(connection);
          const { resources, open } = countByHand(server.recordings, patient);
          const stored = await host.records(connection);
          const texts = server.recordings.filter((one) => one.patient === patient).map(({ text }) => text);
          assert.deepEqual(
            stored.map(({ type, fhir_id }) => `${type}/${fhir_id}`).sort(),
            [...resources.keys()].sort(),
          );
          for (const { type, fhir_id, body, role } of stored) {
            assert.equal(role, "match");
            assert.deepEqual(JSON.parse(body), resources.get(`${type}/${fhir_id}`));
            assert.ok(
              texts.some((text) => text.includes(body)),
              `${type}/${fhir_id} in its own words`,
            );
          }
          assert.equal(progress.records, resources.size);
          for (const [type, more] of open) {
            const count = stored.filter((one) => one.type === type).length;
            const state = more ? "partial" : count === 0 ? "empty" : "ok";
            assert.ok(
              statesOf(progress).includes(`${type} ${state} ${count}`),
              `${type} ${state} ${count}: ${statesOf(progress)}`,
            );
          }
          records += stored.length;
        }
        assert.ok(records > 150);
        t.diagnostic(`${server.patients.length} patients, ${server.recordings.length} answers, ${records} records`);
      });
    }

    test("each of the errors that real servers sent costs one type and leaves the rest", async (t) => {
      const { server, host } = await openPullCase(t, databases);
      const replies = readdirSync(realData("errors")).map((name) => {
        const said = JSON.parse(readFileSync(realData("errors", name), "utf8")) as Json;
        const { status = 401 } = (said._request ?? said.response ?? {}) as { status?: number };
        const body = (said.body ?? said) as Json;
        return { name, status, body: body._non_json_body ?? body };
      });
      const types = [
        "AllergyIntolerance",
        "CarePlan",
        "CareTeam",
        "Condition",
        "Device",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "Goal",
      ];
      assert.ok(replies.length <= types.length);
      server.rules.push(({ path }) => replies[types.indexOf(path)] ?? null);
      const connection = await host.connect({ server, scopes: scopesFor("Patient", ...types) });
      const progress = await host.settled(connection, { passing: 60 });
      assert.equal(progress.failure, null);
      const states = Object.fromEntries(
        progress.types.map(({ type, state }) => [replies[types.indexOf(type)]?.name ?? type, state]),
      );
      assert.deepEqual(states, {
        "cerner__error-404-on-nonexistent-patient-id.json": "unsupported",
        "cerner__error-request-unsupported-resource-type.json": "unsupported",
        "cerner__error-search-with-unsupported-param.json": "failed",
        "cerner__error-token-empty-scopes-v1-syntax-2026-05-02.json": "failed",
        "epic__error-404-on-nonexistent-patient-id.json": "unsupported",
        "epic__error-request-unsupported-resource-type.json": "unsupported",
        "epic__error-search-with-unsupported-param.json": "failed",
        "meditech-unauth-patient-read.json": "failed",
        "meditech-unauth-post-bundle.json": "failed",
        Patient: "ok",
      });
    });
  });
});
