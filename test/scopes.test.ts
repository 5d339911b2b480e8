/** Scopes: which are asked for, in which syntax, and what came of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readVendors } from "#server/catalog/vendor.js";
import { readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";
import { compareScopes, mayRead, RESOURCE_TYPES, requestedScopes, scopeSyntax } from "#server/smart/scopes.js";
import { DEFAULT_PROFILE, readProfiles, type SourceProfile } from "#server/smart/source-profile.js";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};
const V1 = { capabilities: ["permission-v1"] };
const V2 = { capabilities: ["permission-v2"] };
const BOTH = { capabilities: ["permission-v1", "permission-v2"] };
const profile = (changes: Partial<SourceProfile> = {}): SourceProfile => ({ ...DEFAULT_PROFILE, ...changes });
const profiles = readProfiles(readVendors());
const of = (type: string, more: object = {}): SourceProfile =>
  profiles.of({ type, fhir_base_url: "https://h.example/fhir", brand: null, name: "Harbor", ...more }, {});
const CONTEXT = "launch/patient openid fhirUser offline_access";

describe("what is asked for", () => {
  test("C1: the plan is the launch context and each resource type by its name, in the server's syntax", () => {
    for (const [says, right] of [
      [V1, "read"],
      [V2, "rs"],
    ] as const) {
      const asked = requestedScopes(configuration(says), profile());
      assert.equal(asked.slice(0, 4).join(" "), CONTEXT);
      assert.deepEqual(
        asked.slice(4),
        RESOURCE_TYPES.map((type) => `patient/${type}.${right}`),
      );
    }
  });

  const CLAIMS = (right: string) =>
    `patient/Patient.${right} patient/Coverage.${right} patient/ExplanationOfBenefit.${right}`;
  const exactly: [name: string, source: SourceProfile, says: object, scopes: string][] = [
    ["MEDITECH", of("meditech"), BOTH, "launch/patient openid fhirUser patient/*.read"],
    ["Blue Button", of("bluebutton"), V1, `openid profile ${CLAIMS("read")}`],
    ["Blue Button", of("bluebutton"), V2, `openid profile ${CLAIMS("rs")}`],
    ["HealthPartners", of("payer", { brand: "HealthPartners" }), V1, "openid fhirUser launch/patient patient/*.rs"],
    [
      "Humana",
      of("payer", { fhir_base_url: "https://fhir.humana.com/api/" }),
      V1,
      `${CONTEXT} ${CLAIMS("read")} internal`,
    ],
    [
      "Kaiser's sandbox",
      of("payer", { brand: "Kaiser", fhir_base_url: "https://sandbox.example/fhir" }),
      V2,
      `${CONTEXT} ${CLAIMS("rs")} sandbox`,
    ],
    ["a health plan", of("payer"), V2, `${CONTEXT} ${CLAIMS("rs")}`],
  ];
  for (const [name, source, says, scopes] of exactly) {
    test(`C7: ${name} is asked for just what it takes, ${JSON.stringify(says)}`, () => {
      assert.equal(requestedScopes(configuration(says), source).join(" "), scopes);
    });
  }

  test("C7, C9: Oracle Health is asked by name and once, without types that it does not know, and for Binary and Provenance", () => {
    const asked = requestedScopes(configuration(V2), of("cerner"));
    assert.equal(new Set(asked).size, asked.length);
    assert.ok(!asked.some((scope) => scope.includes("*")));
    for (const type of ["Binary", "DocumentReference", "DiagnosticReport", "Provenance"]) {
      assert.ok(asked.includes(`patient/${type}.rs`), type);
    }
    for (const type of ["Specimen", "MedicationDispense"]) assert.ok(!asked.includes(`patient/${type}.rs`), type);
  });

  test("C7: an allow-list lets through what stands in it, in either syntax", () => {
    const list = ["openid", "patient/Condition", "patient/Patient.read"];
    const asked = requestedScopes(configuration(V2), profile({ scope_allowlist: list }));
    assert.deepEqual(asked, ["openid", "patient/Patient.rs", "patient/Condition.rs"]);
  });

  test("D5: a scope that the server does not list is asked for all the same", () => {
    const asked = requestedScopes(
      configuration({ ...V1, scopes_supported: ["openid", "patient/Patient.read"] }),
      profile(),
    );
    assert.ok(asked.includes("patient/Condition.read"));
  });

  test("C8: the fallback is a short list in the same syntax, of the vendors that have one", () => {
    const less = requestedScopes(configuration(V2), of("nextgen"), "fallback");
    assert.deepEqual(less, ["launch/patient", "openid", "fhirUser", "patient/*.rs"]);
    for (const type of ["epic", "veradigm", "payer"]) {
      const whole = requestedScopes(configuration(V2), of(type));
      assert.notDeepEqual(requestedScopes(configuration(V2), of(type), "fallback"), whole, type);
    }
    const whole = requestedScopes(configuration(V2), profile());
    assert.deepEqual(requestedScopes(configuration(V2), profile(), "fallback"), whole);
  });
});

describe("the syntax", () => {
  test("C2: follows the capabilities, then the list, then v1", () => {
    assert.equal(scopeSyntax(configuration(V1)), "v1");
    assert.equal(scopeSyntax(configuration(V2)), "v2");
    assert.equal(scopeSyntax(configuration({ ...V1, scopes_supported: ["patient/Condition.rs"] })), "v1");
    assert.equal(scopeSyntax(configuration({ ...V2, scopes_supported: ["patient/Condition.read"] })), "v2");
    assert.equal(scopeSyntax(configuration(BOTH)), "v2");
    assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/Condition.rs"] })), "v2");
    assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/Condition.r?category=x"] })), "v2");
    assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/Condition.read"] })), "v1");
    assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/*.*", "patient/*.read"] })), "v1");
    assert.equal(scopeSyntax(configuration({ ...BOTH, scopes_supported: ["tools/list.read"] })), "v2");
    assert.equal(scopeSyntax(configuration()), "v1");
  });

  test("C2: what the app is registered for wins over what the server says", () => {
    const v1 = requestedScopes(configuration(V2), profile({ scope_syntax: "v1" }));
    assert.ok(v1.includes("patient/Patient.read"));
    const v2 = requestedScopes(configuration(V1), profile({ scope_syntax: "v2" }));
    assert.ok(v2.includes("patient/Patient.rs"));
    const own = requestedScopes(configuration(V1), profile({ scopes: ["openid", "openid", "patient/*.rs"] }));
    assert.deepEqual(own, ["openid", "patient/*.rs"]);
  });

  test("C2: no request mixes the two, whatever the server and the vendor", () => {
    const written = profile({ scopes: ["openid", "patient/A.read", "patient/B"], extra_scopes: ["patient/Binary"] });
    for (const source of [profile(), written, ...readVendors().all.map(({ type }) => of(type))]) {
      for (const says of [V1, V2, BOTH, {}]) {
        for (const plan of ["whole", "fallback"] as const) {
          const clinical = requestedScopes(configuration(says), source, plan).filter((scope) =>
            /^patient\//.test(scope),
          );
          const rights = new Set(clinical.map((scope) => scope.split(".")[1]));
          assert.equal(rights.size, 1, clinical.join(" "));
          assert.ok(rights.has("read") || rights.has("rs"), [...rights].join());
        }
      }
    }
  });
});

describe("what came of it", () => {
  const table: [asked: string, granted: string | undefined, notGranted: string[], clinical: boolean][] = [
    ["openid patient/A.read patient/B.read", undefined, [], true],
    ["openid patient/A.read", "", ["A"], false],
    ["openid patient/A.read", "   ", ["A"], false],
    ["patient/A.read", "patient/A.rs", [], true],
    ["patient/A.rs", "patient/A.read", [], true],
    ["patient/A.rs", "patient/A.r patient/A.s", [], true],
    ["patient/A.rs", "patient/A.s patient/A.r", [], true],
    ["patient/A.rs", "patient/A.r", ["A"], true],
    ["patient/A.rs", "patient/A.cruds", [], true],
    ["patient/A.rs", "patient/A.cud", ["A"], false],
    ["patient/A.read", "patient/A.*", [], true],
    ["patient/A.read patient/B.read", "patient/*.read", [], true],
    ["patient/A.rs patient/B.rs", "patient/*.s patient/A.r", ["B"], true],
    ["patient/A.read patient/B.read", "patient/B.read openid", ["A"], true],
    ["patient/B.read patient/A.read", "openid patient/A.read patient/B.read", [], true],
    ["patient/A.rs", "patient/A.rs?category=laboratory", [], true],
    ["patient/A.read", "patient/A.write openid", ["A"], false],
    ["patient/A.rs", "launch/patient openid fhirUser", ["A"], false],
    ["patient/*.rs", "patient/*.rs", [], true],
  ];
  for (const [asked, granted, notGranted, clinical] of table) {
    test(`C3: ${asked} → ${granted === undefined ? "absent" : `"${granted}"`}`, () => {
      const compared = compareScopes(asked.split(" "), granted);
      assert.deepEqual([compared.not_granted, compared.clinical], [notGranted, clinical]);
    });
  }

  test("C3: a wildcard that is granted type by type leaves the other types not granted", () => {
    const { not_granted } = compareScopes(
      ["openid", "patient/*.read"],
      "openid patient/Patient.read patient/Condition.rs",
    );
    assert.deepEqual(
      not_granted,
      RESOURCE_TYPES.filter((type) => !["Patient", "Condition"].includes(type)),
    );
  });

  test("C4: an absent scope is what was asked for; an empty one is nothing", () => {
    assert.deepEqual(compareScopes(["openid", "patient/A.rs"], undefined).granted, ["openid", "patient/A.rs"]);
    assert.deepEqual(compareScopes(["openid", "patient/A.rs"], "").granted, []);
  });

  test("C9: Provenance that was not granted is told as not granted, and may not be read", () => {
    const asked = requestedScopes(configuration(V2), profile());
    const { granted, not_granted } = compareScopes(
      asked,
      asked.filter((scope) => !scope.includes("Provenance")).join(" "),
    );
    assert.deepEqual(not_granted, ["Provenance"]);
    assert.equal(mayRead(granted, "Provenance"), false);
    assert.equal(mayRead(granted, "Condition"), true);
    assert.equal(mayRead(["patient/*.read"], "Provenance"), true);
  });
});
