/** Which FHIR patient a grant is for: every route by which the patient is found, and every way in which none may be. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type OddClinic, openOddClinic } from "./support/odd-clinic.ts";
import { type Behaviour, ODD_PATIENT, type Reply, searchset } from "./support/odd-server.ts";

const REFUSED: Reply = { status: 403, body: "" };
const jwt = (claims: object): string =>
  `${[{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.x`;

/** A token answer without `patient`, an id_token with this fhirUser, and these answers of the FHIR server. */
const without = (fhirUser: unknown, fhir: Record<string, Reply> = {}, more: object = {}): Behaviour => ({
  token: ({ patient: _, ...sound }) => ({ body: { ...sound, ...more } }),
  idToken: (sound, sign) => sign({ ...sound, fhirUser }),
  fhir: { Patient: REFUSED, Coverage: REFUSED, ExplanationOfBenefit: REFUSED, ...fhir },
});
const patients = (...ids: string[]): Reply => ({ body: searchset(ids.map((id) => ({ resourceType: "Patient", id }))) });
const coverage = (...references: (string | undefined)[]): Reply => ({
  body: searchset(references.map((reference) => ({ resourceType: "Coverage", beneficiary: { reference } }))),
});

describe("the patient of a grant", () => {
  let clinic: OddClinic;
  let base: string;
  before(async () => {
    clinic = await openOddClinic([
      { name: "Plain" },
      { name: "By claim", app: { patient_from: ["token", "id_token", "access_token:local_patient_id", "search"] } },
      { name: "By token alone", app: { patient_from: ["token"] } },
    ]);
    base = clinic.hospital.baseOf("Plain");
  });
  after(() => clinic.close());

  const found: [how: string, route: string, id: string, behaviour: () => Behaviour][] = [
    ["the token answer's patient", "token", ODD_PATIENT, () => ({})],
    [
      "the token answer's patient before another fhirUser, who is the proxy",
      "token",
      ODD_PATIENT,
      () => ({ idToken: (sound, sign) => sign({ ...sound, fhirUser: "Patient/mother" }) }),
    ],
    ["a fhirUser below this FHIR base", "id_token", "p-9", () => without(`${base}/Patient/p-9`)],
    ["a relative fhirUser", "id_token", "p-9", () => without("Patient/p-9")],
    ["the one Patient of a search", "search", "p-3", () => without(undefined, { Patient: patients("p-3") })],
    ["the same Patient twice", "search", "p-3", () => without(undefined, { Patient: patients("p-3", "p-3") })],
    [
      "the one Patient beside an OperationOutcome",
      "search",
      "p-3",
      () =>
        without(undefined, {
          Patient: { body: searchset([{ resourceType: "OperationOutcome" }, { resourceType: "Patient", id: "p-3" }]) },
        }),
    ],
    [
      "the beneficiary of all Coverage, where Patient is refused",
      "beneficiary",
      "p-4",
      () => without(undefined, { Coverage: coverage("Patient/p-4", `${base}/Patient/p-4`) }),
    ],
    [
      "the patient of all ExplanationOfBenefit, where Coverage is refused too",
      "beneficiary",
      "p-5",
      () =>
        without(undefined, {
          ExplanationOfBenefit: {
            body: searchset([{ resourceType: "ExplanationOfBenefit", patient: { reference: "Patient/p-5" } }]),
          },
        }),
    ],
  ];
  for (const [how, route, id, behaviour] of found) {
    test(`T9: found by ${how}`, async () => {
      const end = await clinic.tryAt("Plain", behaviour());
      assert.deepEqual(
        [end.success, end.patientFrom, end.connection?.fhir_patient_id],
        [true, route, id],
        end.reason ?? "",
      );
      assert.equal(end.connection?.patient_from, route);
    });
  }

  const nobody: [how: string, behaviour: () => Behaviour][] = [
    ["a RelatedPerson as fhirUser", () => without(`${base}/RelatedPerson/r-1`)],
    ["a Person as fhirUser", () => without("Person/1")],
    ["a Practitioner as fhirUser", () => without("Practitioner/1")],
    ["a Patient on another host", () => without(`${base.replace("127.0.0.1", "127.0.0.9")}/Patient/p-9`)],
    ["a Patient of another base on this host", () => without(`${base}-other/Patient/p-9`)],
    ["a Patient above this base", () => without("../Patient/p-9")],
    ["a Patient's part", () => without("Patient/p-9/Observation")],
    ["a fhirUser that is no text", () => without({ reference: "Patient/p-9" })],
    ["a token answer's patient that is no FHIR id", () => without(undefined, {}, { patient: "../../etc" })],
    ["an empty search", () => without(undefined, { Patient: patients() })],
    ["a search answered in HTML", () => without(undefined, { Patient: { body: "<html>" } })],
    ["a search that is cut off", () => without(undefined, { Patient: "drop" })],
    [
      "entries that are no resources",
      () =>
        without(undefined, { Patient: { body: { resourceType: "Bundle", entry: [null, {}, { resource: null }] } } }),
    ],
    [
      "the claim of a vendor that this one is not",
      () => without(undefined, {}, { access_token: jwt({ local_patient_id: "v-1" }) }),
    ],
  ];
  for (const [how, behaviour] of nobody) {
    test(`T9: not found by ${how}; the grant is revoked`, async () => {
      const end = await clinic.tryAt("Plain", behaviour());
      assert.deepEqual(
        [end.error, end.reason, end.revoked, end.connection],
        ["oauth_error", "no_patient", "revoked", null],
      );
    });
  }

  const several: [how: string, fhir: () => Record<string, Reply>][] = [
    ["two Patients in one answer", () => ({ Patient: patients("p-1", "p-2") })],
    [
      "one Patient and a next page",
      () => ({ Patient: { body: searchset([{ resourceType: "Patient", id: "p-1" }], `${base}/Patient?page=2`) } }),
    ],
    [
      "one Patient and one without an id",
      () => ({ Patient: { body: searchset([{ resourceType: "Patient", id: "p-1" }, { resourceType: "Patient" }]) } }),
    ],
    ["two beneficiaries", () => ({ Coverage: coverage("Patient/p-1", "Patient/p-2") })],
    [
      "a beneficiary and one on another host",
      () => ({ Coverage: coverage("Patient/p-1", "https://other.example/fhir/Patient/p-1") }),
    ],
    ["a beneficiary and one that is not named", () => ({ Coverage: coverage("Patient/p-1", undefined) })],
  ];
  for (const [how, fhir] of several) {
    test(`T9: ${how} is not one patient; the attempt fails and nothing further is searched`, async () => {
      const end = await clinic.tryAt("Plain", without(undefined, fhir()));
      assert.deepEqual(
        [end.error, end.reason, end.revoked, end.connection],
        ["oauth_error", "several_patients", "revoked", null],
      );
      assert.equal(clinic.hospital.asked("fhir/ExplanationOfBenefit").length, 0);
    });
  }

  test("T9: where the profile says so, by a claim of the access token, before any search", async () => {
    const access_token = jwt({ local_patient_id: "v-1" });
    const end = await clinic.tryAt("By claim", without("Practitioner/1", {}, { access_token }));
    assert.deepEqual([end.patientFrom, end.connection?.fhir_patient_id], ["access_token", "v-1"]);
    assert.equal(clinic.hospital.asked("fhir/Patient").length, 0);
    for (const odd of ["opaque", jwt({ local_patient_id: 7 }), jwt({ local_patient_id: "a/b" }), jwt({})]) {
      const searched = await clinic.tryAt(
        "By claim",
        without(undefined, { Patient: patients("p-3") }, { access_token: odd }),
      );
      assert.deepEqual([searched.patientFrom, searched.connection?.fhir_patient_id], ["search", "p-3"]);
    }
  });

  test("T9: a route that the profile leaves out is not taken", async () => {
    const end = await clinic.tryAt("By token alone", without("Patient/p-9", { Patient: patients("p-3") }));
    assert.deepEqual([end.reason, clinic.hospital.asked("fhir/Patient").length], ["no_patient", 0]);
  });

  test("T10: a proxy's own name is not compared: the patient of the grant is whom the hospital says it is for", async () => {
    const proxy = (fhirUser: string): Behaviour => ({ idToken: (sound, sign) => sign({ ...sound, fhirUser }) });
    const end = await clinic.tryAt("Plain", proxy(`${base}/RelatedPerson/mother`));
    assert.deepEqual([end.success, end.identity, end.patientFrom], [true, "verified", "token"]);
    assert.equal(end.connection?.fhir_patient_id, ODD_PATIENT);
  });
});
