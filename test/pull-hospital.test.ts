/** Records of the simulated hospital, pulled by the worker as it runs in a host's process: all of them, whatever its server does wrong. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Fault } from "../demo/hospital/facilities.ts";
import type { Facility } from "../demo/hospital/server.ts";
import { type Clinic, openClinic, patientBrowser, until } from "./support/clinic.ts";

const DIRECTORY = new Set(["Location", "Medication", "Organization", "Practitioner", "PractitionerRole"]);

describe("the simulated hospital's records", () => {
  let clinic: Clinic;
  let patients = 0;

  before(async () => {
    clinic = await openClinic();
    await clinic.mb.worker.start();
  });
  after(() => clinic?.close());

  const facility = (which: (facility: Facility) => boolean): Facility => {
    const found = clinic.hospital.facilities.find((one) => one.fault === null && one.brand === null && which(one));
    assert.ok(found, "a facility");
    return found;
  };

  /** Connects somebody and waits until their pull has settled; the hours that a server asks to wait for pass quickly. */
  async function pulled(at: Facility) {
    const patient = `pulled-${++patients}`;
    await patientBrowser(clinic, patient).connect(clinic.sourceOf(at));
    const [connection] = await until(
      () => {
        clinic.pass(5);
        return clinic.mb.patients.getConnections(patient);
      },
      ([one]) => one?.pull?.state === "settled",
    );
    const stored = new Map<string, string>();
    for await (const { resource, text } of clinic.mb.patients.records(patient).autoPagingIterator()) {
      const reference = `${resource.resourceType}/${resource.id}`;
      assert.ok(!stored.has(reference), `${reference} stands once`);
      stored.set(reference, text);
    }
    const states = new Map(connection?.pull?.types.map(({ type, state }) => [type, state]));
    return { patient, id: connection?.id ?? "", pull: connection?.pull, stored, states };
  }

  /** References to every record of Robin's, but for those of some types. */
  const expected = (at: Facility, ...without: string[]): string[] =>
    clinic.hospital
      .records(at, "robin")
      .filter(({ resourceType }) => !without.includes(resourceType))
      .map(({ resourceType, id }) => `${resourceType}/${id}`)
      .sort();
  const own = (stored: Map<string, string>): string[] =>
    [...stored.keys()].filter((reference) => !DIRECTORY.has(reference.split("/")[0] ?? "")).sort();

  for (const [what, which] of [
    ["asks for nothing more than the patient", ({ requires }) => Object.keys(requires).length === 0],
    ["wants a category", ({ requires }) => requires.Observation === "category"],
    ["wants a status or an intent", ({ requires }) => requires.CareTeam === "status"],
    ["adds an outcome to each answer", ({ outcomeInEach }) => outcomeInEach],
  ] as [string, (facility: Facility) => boolean][]) {
    test(`P2, P3, P4: all of them, once each, from a server that ${what}`, async () => {
      const at = facility(which);
      const { pull, stored } = await pulled(at);
      assert.deepEqual(own(stored), expected(at));
      assert.equal(pull?.records, stored.size);
      assert.equal(pull?.failure, null);
      assert.ok(
        [...stored.values()].some((text) => text.includes('"value":1.10,')),
        "decimals as they came",
      );
    });
  }

  for (const fault of ["expires_tokens", "throttles", "throttles_by_date", "overloaded", "cuts_short"] as Fault[]) {
    test(`P3, P5, P6: all of them from a server with the fault ${fault}`, async () => {
      const at = clinic.facility(fault);
      const { stored, states } = await pulled(at);
      assert.deepEqual(own(stored), expected(at));
      assert.ok(![...states.values()].some((state) => ["partial", "failed"].includes(state)), [...states].join(" "));
    });
  }

  for (const [fault, type, state] of [
    ["forbids_procedures", "Procedure", "not_granted"],
    ["lacks_goals", "Goal", "unsupported"],
    ["html_care_plans", "CarePlan", "failed"],
  ] as const) {
    test(`P5: all but one type from a server with the fault ${fault}, and the connection is none the worse`, async () => {
      const at = clinic.facility(fault);
      const { patient, stored, states } = await pulled(at);
      assert.deepEqual(own(stored), expected(at, type));
      assert.equal(states.get(type), state);
      assert.equal((await clinic.mb.patients.getConnections(patient))[0]?.status, "active");
    });
  }
});
