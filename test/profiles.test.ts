/** Vendor files, the profiles that are merged out of them, and the registration that a source is reached with. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { mbConnect } from "@mb-connect/server";
import { readVendors, VENDOR_FILES } from "#server/catalog/vendor.js";
import { registrationFor } from "#server/smart/registration.js";
import { readProfiles } from "#server/smart/source-profile.js";

const vendors = readVendors();
const profiles = readProfiles(vendors);
const nowhere = { type: null, fhir_base_url: "https://h.example/fhir", brand: null, name: "Harbor Clinic" };

/** A source of nobody in particular. */
const DEFAULTS = {
  scope_syntax: null,
  scopes: null,
  extra_scopes: [],
  scope_allowlist: null,
  scopes_fallback: null,
  aud_override: null,
  extra_params: {},
  space_encoding: "+",
  basic_encoding: "raw",
  issuer_aliases: [],
  require_nonce: false,
  token_quirks: { missing_token_type: false, form_body: false },
  token_hosts: [],
  patient_from: ["token", "id_token", "search"],
  refresh: { scope: "omit", min_interval_s: 60, per_minute: null, idle_days: 30 },
  fhir: { accept: "application/fhir+json", query_from_token: {}, page_size: 100, concurrency: 4, rps: 10 },
  search_overrides: {},
  everything: false,
  renewable_expected: true,
};
const CONTEXT = ["launch/patient", "openid", "fhirUser", "offline_access"];
const CLAIMS = [...CONTEXT, "patient/Patient", "patient/Coverage", "patient/ExplanationOfBenefit"];
const WILD = ["launch/patient", "openid", "fhirUser", "patient/*"];
const patient = (types: string) => types.split(" ").map((type) => `patient/${type}`);

/** A real address or brand of each vendor → what its profile has otherwise than the default. */
const MERGED: Record<string, [source: { type: string; fhir_base_url?: string; brand?: string }, otherwise: object]> = {
  Epic: [
    { type: "epic" },
    {
      extra_scopes: ["patient/Binary"],
      scopes_fallback: [
        ...CONTEXT,
        ...patient("Patient AllergyIntolerance Condition Immunization MedicationRequest Observation Procedure"),
      ],
      search_overrides: { CarePlan: ["category=38717003", "category=734163000"] },
    },
  ],
  "Oracle Health": [
    { type: "cerner" },
    {
      extra_scopes: ["patient/Binary"],
      scope_allowlist: [
        ...CONTEXT,
        ...patient(
          "Patient AllergyIntolerance Binary CarePlan CareTeam Condition Coverage Device DiagnosticReport DocumentReference Encounter FamilyMemberHistory Goal Immunization Location MedicationAdministration MedicationRequest Observation Organization Practitioner Procedure Provenance QuestionnaireResponse RelatedPerson ServiceRequest",
        ),
      ],
      refresh: { ...DEFAULTS.refresh, idle_days: 90 },
      fhir: { ...DEFAULTS.fhir, page_size: 50 },
    },
  ],
  athenahealth: [
    { type: "athena" },
    {
      extra_scopes: ["patient/Binary"],
      refresh: { ...DEFAULTS.refresh, scope: "granted", per_minute: 50 },
      fhir: { ...DEFAULTS.fhir, query_from_token: { "ah-practice": "ah_practice" }, rps: 5 },
      search_overrides: { MedicationRequest: ["intent=order", "intent=plan"] },
    },
  ],
  eClinicalWorks: [{ type: "eclinicalworks" }, { extra_scopes: ["patient/Binary"] }],
  NextGen: [{ type: "nextgen" }, { scopes_fallback: WILD }],
  MEDITECH: [{ type: "meditech" }, { scopes: WILD, scope_syntax: "v1", renewable_expected: false, everything: true }],
  Veradigm: [
    { type: "veradigm" },
    {
      scopes_fallback: [...CONTEXT, "patient/*"],
      patient_from: ["token", "id_token", "access_token:local_patient_id", "search"],
      renewable_expected: false,
    },
  ],
  VA: [
    { type: "va" },
    {
      scope_syntax: "v1",
      scopes: [
        "launch/patient",
        "openid",
        "profile",
        "offline_access",
        ...patient(
          "AllergyIntolerance Appointment Binary Condition Device DiagnosticReport DocumentReference Encounter Immunization Location Medication MedicationRequest Observation Organization Patient Practitioner PractitionerRole Procedure",
        ),
      ],
      refresh: { ...DEFAULTS.refresh, scope: "granted" },
      fhir: { ...DEFAULTS.fhir, concurrency: 2, rps: 1 },
    },
  ],
  "Blue Button": [
    { type: "bluebutton" },
    {
      scopes: ["openid", "profile", ...patient("Patient Coverage ExplanationOfBenefit")],
      scope_allowlist: ["openid", "profile", ...patient("Patient Coverage ExplanationOfBenefit")],
      patient_from: ["token", "search"],
    },
  ],
  "a health plan": [{ type: "payer" }, { scopes: CLAIMS, scopes_fallback: WILD }],
  Humana: [
    { type: "payer", fhir_base_url: "https://fhir.humana.com/api/" },
    { scopes: CLAIMS, scopes_fallback: WILD, extra_scopes: ["internal"] },
  ],
  HealthPartners: [
    { type: "payer", brand: "HealthPartners" },
    { scopes: ["openid", "fhirUser", "launch/patient", "patient/*"], scope_syntax: "v2", renewable_expected: false },
  ],
  Kaiser: [
    { type: "payer", brand: "Kaiser Permanente" },
    {
      scopes: CLAIMS,
      scopes_fallback: WILD,
      search_overrides: { ExplanationOfBenefit: ["_include=*"] },
      fhir: { ...DEFAULTS.fhir, concurrency: 1, rps: 2 },
    },
  ],
  "Kaiser's sandbox": [
    { type: "payer", brand: "Kaiser Permanente", fhir_base_url: "https://sandbox.example.org/fhir" },
    {
      scopes: CLAIMS,
      scopes_fallback: WILD,
      extra_scopes: ["sandbox"],
      search_overrides: { ExplanationOfBenefit: ["_include=*"] },
      fhir: { ...DEFAULTS.fhir, concurrency: 1, rps: 2 },
    },
  ],
  Anthem: [
    { type: "payer", fhir_base_url: "https://patient360c.anthem.com/P360Member/api/fhir" },
    { scopes: ["openid", "fhirUser", "launch/patient", "patient/*"], scope_syntax: "v1" },
  ],
  Aetna: [
    { type: "payer", fhir_base_url: "https://apif1.aetna.com/fhir/v1/patientaccess" },
    { scopes: WILD, scope_syntax: "v1", renewable_expected: false },
  ],
  Excellus: [
    { type: "payer", fhir_base_url: "https://fhir.excellusbcbs.com/fhir" },
    { scopes: CLAIMS, scopes_fallback: WILD, token_hosts: ["fhir.excellusbcbs.com"] },
  ],
};

describe("the merged profile", () => {
  test("of a source of nobody in particular is the default", () => {
    assert.deepEqual(profiles.of(nowhere, {}), DEFAULTS);
    assert.deepEqual(profiles.of({ ...nowhere, type: "not-in-any-file" }, {}), DEFAULTS);
  });

  for (const [name, [source, otherwise]] of Object.entries(MERGED)) {
    test(`C1: of ${name}`, () => {
      assert.deepEqual(profiles.of({ ...nowhere, ...source }, {}), { ...DEFAULTS, ...otherwise });
    });
  }

  test("the app's registration wins over the vendor's file, member by member in groups", () => {
    const source = { ...nowhere, type: "athena" };
    const own = profiles.of(source, { extra_scopes: [], refresh: { idle_days: 7 }, extra_params: { prompt: "login" } });
    assert.deepEqual(own.extra_scopes, []);
    assert.deepEqual(own.refresh, { scope: "granted", min_interval_s: 60, per_minute: 50, idle_days: 7 });
    assert.deepEqual(own.extra_params, { prompt: "login" });
    assert.equal(profiles.of(source, {}).refresh.idle_days, 30);
  });

  test("a host that only looks like a payer's gets none of its changes", () => {
    for (const fhir_base_url of ["https://nothumana.com/api", "https://humana.com.evil.example/api"]) {
      assert.deepEqual(profiles.of({ ...nowhere, type: "payer", fhir_base_url }, {}).extra_scopes, []);
    }
  });
});

describe("vendor files", () => {
  const folder = mkdtempSync(join(tmpdir(), "mb-vendors-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let copies = 0;
  /** A copy of the package's vendor files, with these files beside them. */
  const copied = (files: Record<string, unknown>): URL => {
    const copy = join(folder, String(++copies));
    cpSync(VENDOR_FILES, copy, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(copy, name), typeof content === "string" ? content : JSON.stringify(content));
    }
    return pathToFileURL(`${copy}/`);
  };
  const harbor = {
    type: "harbor",
    name: "Harbor EHR",
    names: ["Harbor"],
    hosts: ["harbor-ehr.example"],
    setup_requirements: "Register with Harbor.",
    profile: { extra_scopes: ["harbor/all"], extra_params: { tenant: "x" } },
  };

  test("a vendor is told by the name that a list gives, else by its domain, else by its addresses' form", () => {
    const rows: [published: string | null, address: string | null, type: string | null][] = [
      ["Epic Systems Corporation", null, "epic"],
      ["Medical Information Technology, Inc. (MEDITECH)", null, "meditech"],
      ["athenahealth, Inc.", null, "athena"],
      ["Cerner Corporation", null, "cerner"],
      ["eClinicalWorks, LLC", null, "eclinicalworks"],
      [null, "https://fhir-myrecord.cerner.com/r4/x", "cerner"],
      [null, "https://cerner.com.evil.example/r4", null],
      [null, "https://notcerner.com/r4", null],
      [null, "https://fhir.hospital.example/api/FHIR/R4", "epic"],
      [null, "https://apif1.aetna.com/fhir/v1/patientaccess", "payer"],
      [null, "https://mtrestapis-live01.atchhosp.org:443/v1/uscore/R4", "meditech"],
      ["Epicurean Diets", "https://h.example/fhir", "epicurean-diets"],
      [null, "https://h.example/fhir", null],
    ];
    for (const [published, address, type] of rows) {
      assert.equal(vendors.read(published, address).type, type, `${published} ${address}`);
    }
  });

  test("every vendor that a profile tells of says what to set up and what its invalid_client means", () => {
    for (const { type, profile, setup_requirements, invalid_client } of vendors.all) {
      const known = Object.keys(profile).some((field) => !["scopes_fallback", "everything"].includes(field));
      assert.ok(!known || (setup_requirements && invalid_client), type);
    }
  });

  test("adding a vendor is one file: its sources are told by it, and its profile is theirs", () => {
    const vendorFiles = copied({ "harbor.json": harbor });
    const added = readVendors(vendorFiles);
    assert.deepEqual(added.read(null, "https://fhir.harbor-ehr.example/r4"), { vendor: "Harbor EHR", type: "harbor" });
    assert.deepEqual(readProfiles(added).of({ ...nowhere, type: "harbor" }, {}).extra_scopes, ["harbor/all"]);
  });

  test("a broken file stops the start, and says which file and what", () => {
    const faults: [content: unknown, said: RegExp][] = [
      ["{", /harbor\.json: is no JSON/],
      [{ ...harbor, names: [] }, /harbor\.json: names: /],
      [{ ...harbor, nonsense: 1 }, /harbor\.json: .*nonsense/],
      [{ ...harbor, hosts: ["cerner.com"] }, /the domain cerner\.com stands twice/],
      [{ ...harbor, type: "epic" }, /the type epic stands twice/],
      [{ ...harbor, profile: { scope_sintax: "v1" } }, /harbor: profile: .*scope_sintax/],
      [{ ...harbor, profile: { extra_params: { state: "x" } } }, /harbor: profile\.extra_params\.state/],
      [{ ...harbor, profile: { scopes: ["patient/A.read", "patient/B.rs"] } }, /profile\.scopes: mixes/],
      [{ ...harbor, overrides: [{ match: {}, profile: {} }] }, /overrides\.0\.match/],
      [{ ...harbor, overrides: [{ match: { brand: "(" }, profile: {} }] }, /overrides\.0\.match\.brand/],
      [{ ...harbor, overrides: [{ match: { brand: "a" }, profile: { scopes: [] } }] }, /overrides\.0\.profile\.scopes/],
    ];
    const options = {
      publicUrl: "https://app.example/api",
      homeUrl: "https://app.example",
      appName: "Example",
      patient: () => null,
      database: join(folder, "never-opened.db"),
      sealingKeys: [{ kid: "a", key: Buffer.alloc(32, 1).toString("base64url") }],
      returnUrls: ["https://app.example/done"],
      registrations: [{ match: { vendor: "epic" }, client_id: "app" }],
    };
    for (const [content, said] of faults) {
      const files = { "harbor.json": content };
      assert.throws(() => mbConnect(options, { vendors: copied(files) }), said);
    }
  });
});

test("a registration for the endpoint wins over the brand's, and that over the vendor's", () => {
  const registration = (key: string) => [key, { key, credentials: {}, profile: {} }] as never;
  const registrations = new Map<string, never>([
    registration("vendor:epic"),
    registration("brand:https://mercy.example"),
    registration("endpoint:https://h.example/fhir"),
  ]);
  const source = { fhir_base_url: null, brand_identifier: null, brand: null, name: "n", vendor: "Epic", type: null };
  const key = (more: object) => (registrationFor(registrations, { ...source, ...more }) as { key: string } | null)?.key;
  assert.equal(key({}), "vendor:epic");
  assert.equal(key({ vendor: null }), undefined);
  assert.equal(key({ vendor: "x", type: "epic" }), "vendor:epic");
  assert.equal(key({ brand_identifier: "https://mercy.example" }), "brand:https://mercy.example");
  const both = { brand_identifier: "https://mercy.example", fhir_base_url: "https://H.example/fhir/" };
  assert.equal(key(both), "endpoint:https://h.example/fhir");
});
