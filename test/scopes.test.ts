/** Scopes: which are asked for, in which syntax, and what came of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";
import { compareScopes, requestedScopes, scopeSyntax } from "#server/smart/scopes.js";
import { DEFAULT_PROFILE, type SourceProfile } from "#server/smart/source-profile.js";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};

const profile = (changes: Partial<SourceProfile> = {}): SourceProfile => ({ ...DEFAULT_PROFILE, ...changes });

test("the syntax follows the capabilities, then the list, then v1", () => {
  const v1 = { capabilities: ["permission-v1"] };
  const v2 = { capabilities: ["permission-v2"] };
  assert.equal(scopeSyntax(configuration(v1)), "v1");
  assert.equal(scopeSyntax(configuration(v2)), "v2");
  assert.equal(scopeSyntax(configuration({ capabilities: ["permission-v1", "permission-v2"] })), "v2");
  assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/Condition.rs"] })), "v2");
  assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/Condition.read"] })), "v1");
  assert.equal(scopeSyntax(configuration({ scopes_supported: ["patient/*.*", "patient/*.read"] })), "v1");
  assert.equal(scopeSyntax(configuration()), "v1");
});

test("one request never mixes them, and an app's own list or syntax wins", () => {
  const asked = requestedScopes(configuration({ capabilities: ["permission-v2"] }), profile());
  assert.ok(asked.includes("patient/Condition.rs") && asked.includes("offline_access"));
  assert.ok(!asked.some((scope) => scope.endsWith(".read")));
  const own = requestedScopes(configuration(), profile({ scopes: ["openid", "openid", "patient/*.read"] }));
  assert.deepEqual(own, ["openid", "patient/*.read"]);
  const fixed = requestedScopes(configuration(), profile({ scope_syntax: "v2" }));
  assert.ok(fixed.includes("patient/Patient.rs"));
});

const table: [asked: string, granted: string | undefined, notGranted: string[], clinical: boolean][] = [
  ["openid patient/A.read patient/B.read", undefined, [], true],
  ["openid patient/A.read", "", ["A"], false],
  ["patient/A.read", "patient/A.rs", [], true],
  ["patient/A.rs", "patient/A.read", [], true],
  ["patient/A.rs", "patient/A.r patient/A.s", [], true],
  ["patient/A.rs", "patient/A.cruds", [], true],
  ["patient/A.read patient/B.read", "patient/*.read", [], true],
  ["patient/A.read patient/B.read", "patient/B.read openid", ["A"], true],
  ["patient/A.rs", "patient/A.rs?category=laboratory", [], true],
  ["patient/A.read", "patient/A.write openid", ["A"], false],
  ["patient/A.rs", "launch/patient openid fhirUser", ["A"], false],
];
for (const [asked, granted, notGranted, clinical] of table) {
  test(`${asked} → ${granted ?? "absent"}`, () => {
    const compared = compareScopes(asked.split(" "), granted);
    assert.deepEqual([compared.not_granted, compared.clinical], [notGranted, clinical]);
  });
}
