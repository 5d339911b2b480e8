/** The parts of the SMART client that need no server of ours around them: discovery, scopes, token answers, registrations. */
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { createDoor } from "#server/fetch.js";
import { authorizationRequest } from "#server/smart/authorization-request.js";
import { createDiscovery, readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";
import { registrationFor } from "#server/smart/registration.js";
import { compareScopes, requestedScopes, scopeSyntax } from "#server/smart/scopes.js";
import { sourceProfile } from "#server/smart/source-profile.js";
import { normaliseTokenResponse } from "#server/smart/token-response.js";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};

describe("discovery", () => {
  test("two endpoints are enough; what is odd beside them is left out", () => {
    const read = configuration({ capabilities: "all", scopes_supported: null, issuer: 7, jwks_uri: "" });
    assert.equal(read.issuer, null);
    assert.equal(read.jwks_uri, null);
    assert.deepEqual([read.capabilities, read.scopes_supported], [[], []]);
    for (const document of [null, [], "html", {}, { token_endpoint: "https://h.example/token" }]) {
      assert.equal(readConfiguration(document, "https://h.example/"), null);
    }
  });

  test("a relative endpoint starts below the FHIR base, whose last segment stays", () => {
    const read = readConfiguration(
      { authorization_endpoint: "auth/authorize", token_endpoint: "/token" },
      "https://h.example/tenant/fhir/",
    );
    assert.equal(read?.authorization_endpoint, "https://h.example/tenant/fhir/auth/authorize");
    assert.equal(read?.token_endpoint, "https://h.example/token");
  });

  describe("over the wire", () => {
    const door = createDoor({ allowLoopback: true });
    let server: Server;
    let url: string;
    let asked: string[] = [];
    const statement = {
      resourceType: "CapabilityStatement",
      rest: [
        {
          security: {
            extension: [
              {
                url: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                extension: [
                  { url: "authorize", valueUri: "https://old.example/authorize" },
                  { url: "token", valueUri: "https://old.example/token" },
                ],
              },
            ],
          },
        },
      ],
    };
    const answers: Record<string, RequestListener> = {
      "/old/metadata": (_request, response) => response.end(JSON.stringify(statement)),
      "/html/.well-known/smart-configuration": (_request, response) => response.end("<html>Sign in</html>"),
      "/html/metadata": (_request, response) => response.end(JSON.stringify(statement)),
      "/down/.well-known/smart-configuration": (_request, response) => response.writeHead(503).end(),
      "/down/metadata": (_request, response) => response.end(JSON.stringify(statement)),
      "/good/.well-known/smart-configuration": (_request, response) => response.end(JSON.stringify(minimal)),
      "/inward/.well-known/smart-configuration": (_request, response) =>
        response.end(JSON.stringify({ ...minimal, token_endpoint: "https://169.254.169.254/token" })),
    };
    before(async () => {
      server = createServer((request, response) => {
        asked.push(request.url ?? "");
        (answers[request.url ?? ""] ?? ((_r, away) => away.writeHead(404).end("<html>")))(request, response);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(async () => {
      server.close();
      await door.close();
    });

    test("the path follows the FHIR base with one slash, whether it ends in one or not", async () => {
      for (const base of [`${url}/good`, `${url}/good/`, `${url}/good//`]) {
        asked = [];
        await createDiscovery(door, Date.now).discover(base);
        assert.deepEqual(asked, ["/good/.well-known/smart-configuration"]);
      }
    });

    test("a 404 or an HTML page falls back to the CapabilityStatement; a server that is down does not", async () => {
      const discovery = createDiscovery(door, Date.now);
      for (const base of ["old", "html"]) {
        assert.equal((await discovery.discover(`${url}/${base}`)).token_endpoint, "https://old.example/token");
      }
      asked = [];
      await assert.rejects(discovery.discover(`${url}/down`), { code: "oauth_error", reason: "discovery_http_503" });
      assert.deepEqual(asked, ["/down/.well-known/smart-configuration"]);
      await assert.rejects(discovery.discover(`${url}/nothing`), { reason: "discovery_no_endpoints" });
      await assert.rejects(discovery.discover(`${url}/inward`), { reason: "discovery_blocked_endpoint" });
    });

    test("one answer serves many at once and for an hour; a failure is not remembered", async () => {
      let now = 0;
      const discovery = createDiscovery(door, () => now);
      asked = [];
      await Promise.all([1, 2, 3].map(() => discovery.discover(`${url}/good`)));
      now += 59 * 60_000;
      await discovery.discover(`${url}/good`);
      assert.equal(asked.length, 1);
      now += 2 * 60_000;
      await discovery.discover(`${url}/good`);
      assert.equal(asked.length, 2);
      await assert.rejects(discovery.discover(`${url}/down`));
      asked = [];
      await assert.rejects(discovery.discover(`${url}/down`));
      assert.equal(asked.length, 1);
    });
  });
});

describe("the authorization request", () => {
  const profile = sourceProfile(null, {});
  const client = { client_id: "app", token_endpoint_auth_method: "none", basic_encoding: "raw" } as const;
  const request = (changes: { configuration?: object; profile?: object; fhir_base_url?: string } = {}) =>
    authorizationRequest({
      configuration: configuration({ code_challenge_methods_supported: ["S256"], ...changes.configuration }),
      profile: { ...profile, ...changes.profile },
      registration: "vendor:x",
      client,
      redirect_uri: "https://app.example/api/callback",
      fhir_base_url: changes.fhir_base_url ?? "https://h.example/fhir/",
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
});

describe("scopes", () => {
  const profile = sourceProfile(null, {});

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
    const asked = requestedScopes(configuration({ capabilities: ["permission-v2"] }), profile);
    assert.ok(asked.includes("patient/Condition.rs") && asked.includes("offline_access"));
    assert.ok(!asked.some((scope) => scope.endsWith(".read")));
    const own = requestedScopes(
      configuration(),
      sourceProfile(null, { scopes: ["openid", "openid", "patient/*.read"] }),
    );
    assert.deepEqual(own, ["openid", "patient/*.read"]);
    const fixed = requestedScopes(configuration(), sourceProfile(null, { scope_syntax: "v2" }));
    assert.ok(fixed.includes("patient/Patient.rs"));
    assert.ok(!requestedScopes(configuration(), sourceProfile("bluebutton", {})).includes("fhirUser"));
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
});

describe("a token answer", () => {
  const normalise = async (body: unknown, init: ResponseInit = {}, missingTokenType = false) => {
    const response = new Response(typeof body === "string" ? body : JSON.stringify(body), init);
    const result = await normaliseTokenResponse(response, { missingTokenType });
    return { status: result.response.status, body: await result.response.json(), id_token: result.aside.id_token };
  };

  test("optional members that are null or empty are dropped, an empty scope is kept", async () => {
    const raw = {
      access_token: "t",
      token_type: "Bearer",
      refresh_token: null,
      id_token: "",
      expires_in: null,
      scope: "",
    };
    assert.deepEqual((await normalise(raw)).body, { access_token: "t", token_type: "Bearer", scope: "" });
    assert.deepEqual((await normalise({ scope: null })).body, {});
    assert.deepEqual((await normalise({ scope: ["a", "b"] })).body, { scope: "a b" });
  });

  test("a life in words, in fractions or below zero is read or dropped", async () => {
    assert.deepEqual((await normalise({ expires_in: "3600" })).body, { expires_in: 3600 });
    assert.deepEqual((await normalise({ expires_in: 16768.5 })).body, { expires_in: 16768.5 });
    for (const expires_in of ["soon", -1, 0]) assert.deepEqual((await normalise({ expires_in })).body, {});
  });

  test("201, a byte order mark and a wrong content type are read; an error in a 200 is an error", async () => {
    assert.equal((await normalise({ access_token: "t" }, { status: 201 })).status, 200);
    assert.equal(
      (await normalise(`\uFEFF{"access_token":"t"}`, { headers: { "content-type": "text/html" } })).status,
      200,
    );
    assert.equal((await normalise({ error: "invalid_grant" })).status, 400);
    const challenge = await normalise(
      { error: "invalid_client" },
      { status: 401, headers: { "www-authenticate": "Basic" } },
    );
    assert.deepEqual([challenge.status, challenge.body], [401, { error: "invalid_client" }]);
  });

  test("HTML, an array and cut JSON are no answer", async () => {
    for (const body of ["<html>", "[]", '{"access_token":"t"', ""]) assert.equal((await normalise(body)).status, 502);
  });

  test("the id_token is set aside, and a missing token_type is Bearer only where the profile says so", async () => {
    const aside = await normalise({ access_token: "t", id_token: "a.b.c" });
    assert.deepEqual([aside.body, aside.id_token], [{ access_token: "t" }, "a.b.c"]);
    assert.deepEqual((await normalise({}, {}, true)).body, { token_type: "Bearer" });
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
