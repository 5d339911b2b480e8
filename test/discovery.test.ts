/** Discovery: what is read of a server, what is remembered, and what a server may not change by itself. */
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { createDoor } from "#server/fetch.js";
import { createDiscovery, readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};

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
