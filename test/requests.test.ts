/** The authorization request: what the browser is sent to the portal with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorizationRequest } from "#server/smart/authorization-request.js";
import { readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";
import { DEFAULT_PROFILE } from "#server/smart/source-profile.js";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};

const client = { client_id: "app", token_endpoint_auth_method: "none", basic_encoding: "raw" } as const;
const request = (changes: { configuration?: object; profile?: object; fhir_base_url?: string } = {}) =>
  authorizationRequest({
    configuration: configuration({ code_challenge_methods_supported: ["S256"], ...changes.configuration }),
    profile: { ...DEFAULT_PROFILE, ...changes.profile },
    registration: "vendor:x",
    client,
    redirect_uri: "https://app.example/api/callback",
    fhir_base_url: changes.fhir_base_url ?? "https://h.example/fhir/",
    plan: "whole",
  });

test("carries just the parameters of SMART and aud byte for byte", async () => {
  const url = new URL((await request()).url);
  const names = [...url.searchParams.keys()].sort();
  assert.deepEqual(names, [
    "aud",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
  ]);
  assert.equal(url.searchParams.get("aud"), "https://h.example/fhir/");
  assert.equal(url.searchParams.get("code_challenge_method"), "S256");
  const other = new URL((await request({ profile: { aud_override: "urn:aud" } })).url);
  assert.equal(other.searchParams.get("aud"), "urn:aud");
});

test("keeps the endpoint's own query, and ours wins over it", async () => {
  const authorization_endpoint = "https://h.example/authorize?tenant=7&scope=all";
  const url = new URL((await request({ configuration: { authorization_endpoint } })).url);
  assert.equal(url.searchParams.get("tenant"), "7");
  assert.match(url.searchParams.getAll("scope").join("|"), /^launch\/patient openid/);
});

test("state and verifier are 256 bits and never twice the same", async () => {
  const made = await Promise.all(Array.from({ length: 50 }, () => request()));
  for (const values of [made.map((one) => one.state), made.map((one) => one.secrets.code_verifier)]) {
    assert.equal(new Set(values).size, 50);
    assert.ok(values.every((value) => value.length === 43));
  }
});

test("a server without S256 is refused to a public client", async () => {
  for (const code_challenge_methods_supported of [undefined, [], ["plain"]]) {
    await assert.rejects(request({ configuration: { code_challenge_methods_supported } }), {
      code: "oauth_error",
      reason: "discovery_no_s256",
    });
  }
});
