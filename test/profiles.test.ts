/** Vendor files, the profiles that are merged out of them, and the registration that a source is reached with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { registrationFor } from "#server/smart/registration.js";

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
