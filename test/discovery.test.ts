/** Discovery: what is read of a server, what is remembered, and what a server may not change by itself. */
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { createDoor } from "#server/fetch.js";
import { readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";
import { createDiscovery } from "#server/smart/discovery.js";
import { acceptDiscovered, listRefused } from "#server/store/discovered.js";
import { testDatabases } from "./support/databases.ts";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const S256 = { code_challenge_methods_supported: ["S256"] };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};

test("D4: two endpoints are enough; what is odd beside them is left out", () => {
  const read = configuration({ capabilities: "all", scopes_supported: null, issuer: 7, jwks_uri: "" });
  assert.equal(read.issuer, null);
  assert.equal(read.jwks_uri, null);
  assert.deepEqual([read.capabilities, read.scopes_supported], [[], []]);
  for (const document of [null, [], "html", {}, { token_endpoint: "https://h.example/token" }]) {
    assert.equal(readConfiguration(document, "https://h.example/"), null);
  }
});

test("D4: an odd entry leaves its list otherwise as it is, and an empty issuer counts as none", () => {
  const odd = {
    issuer: "",
    code_challenge_methods_supported: ["S256", null],
    token_endpoint_auth_methods_supported: [{}, "client_secret_post"],
    capabilities: [7, "permission-v2"],
  };
  const read = configuration(odd);
  assert.equal(read.issuer, null);
  assert.deepEqual(read.code_challenge_methods_supported, ["S256"]);
  assert.deepEqual(read.token_endpoint_auth_methods_supported, ["client_secret_post"]);
  assert.deepEqual(read.capabilities, ["permission-v2"]);
});

test("D4: each list may be missing, and keys that nobody knows do no harm", () => {
  const lists = {
    capabilities: ["launch-standalone"],
    scopes_supported: ["openid"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["client_secret_basic"],
    id_token_signing_alg_values_supported: ["RS256"],
  };
  for (const missing of Object.keys(lists) as (keyof typeof lists)[]) {
    const { [missing]: _, ...others } = lists;
    assert.deepEqual(configuration({ ...others, surprise: { deep: [1] } }), configuration({ ...lists, [missing]: [] }));
  }
});

test("D2: a relative endpoint starts below the FHIR base, whose last segment stays", () => {
  const read = readConfiguration(
    { authorization_endpoint: "auth/authorize", token_endpoint: "/token", revocation_endpoint: "../revoke" },
    "https://h.example/tenant/fhir/",
  );
  assert.equal(read?.authorization_endpoint, "https://h.example/tenant/fhir/auth/authorize");
  assert.equal(read?.token_endpoint, "https://h.example/token");
  assert.equal(read?.revocation_endpoint, "https://h.example/tenant/revoke");
});

test("D10: brand bundles, management and associated endpoints change nothing, malformed ones neither", () => {
  const odd = {
    user_access_brand_bundle: 7,
    management_endpoint: {},
    associated_endpoints: "x",
    revocation_endpoint: [],
  };
  assert.deepEqual(configuration(odd), configuration());
  assert.deepEqual(configuration({ ...odd, associated_endpoints: [{ url: "https://else.example" }] }), configuration());
});

describe("over the wire", () => {
  const databases = testDatabases("sqlite");
  // Nothing but loopback is reached from here.
  const nowhere: LookupFunction = (_host, _options, done) => done(new Error("no such host"), "", 0);
  const door = createDoor({ allowLoopback: true, lookup: nowhere });
  let server: Server;
  let url: string;
  let asked: string[] = [];
  let answers: Record<string, RequestListener> = {};
  let now = 1_800_000_000_000;
  let reports: object[] = [];
  const logger = { error: (fields: object): void => void reports.push(fields) };

  const json =
    (body: unknown, headers: Record<string, string> = {}): RequestListener =>
    (_request, response) =>
      response.writeHead(200, headers).end(JSON.stringify(body));
  const status =
    (code: number, body = ""): RequestListener =>
    (_request, response) =>
      response.writeHead(code).end(body);
  const html = status(200, "<html>Sign in</html>");
  const oauthUris = (uris: Record<string, string>): object => ({
    resourceType: "CapabilityStatement",
    rest: [
      {
        security: {
          extension: [
            {
              url: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
              extension: Object.entries(uris).map(([name, valueUri]) => ({ url: name, valueUri })),
            },
          ],
        },
      },
    ],
  });
  const statement = json(
    oauthUris({ authorize: "https://old.example/authorize", token: "https://old.example/token", revoke: "revoke" }),
  );
  const wellKnown = (base: string): string => `${base}/.well-known/smart-configuration`;
  /** A server that says this, and a discovery of its own over a database of its own. */
  const openDiscovery = async () => {
    const { db } = await databases.open();
    return { db, discovery: createDiscovery({ door, db, logger, clock: () => now }) };
  };

  before(async () => {
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      (answers[request.url ?? ""] ?? status(404, "<html>"))(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
    reports = [];
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await door.close();
  });

  test("D1: the path follows the FHIR base with one slash, whether it ends in one or not", async () => {
    const accepts: unknown[] = [];
    answers = {
      "/t/7/fhir/.well-known/smart-configuration": (request, response) => {
        accepts.push(request.headers.accept);
        response.end(JSON.stringify(minimal));
      },
    };
    for (const base of [`${url}/t/7/fhir`, `${url}/t/7/fhir/`, `${url}/t/7/fhir//`]) {
      const { discovery } = await openDiscovery();
      await discovery.discover(base);
    }
    assert.deepEqual(asked, Array(3).fill("/t/7/fhir/.well-known/smart-configuration"));
    assert.deepEqual(accepts, Array(3).fill("application/json"));
  });

  test("D3: a 404 and what is no JSON fall back to the CapabilityStatement", async () => {
    answers = {
      "/old/metadata": statement,
      [wellKnown("/json404")]: status(404, "{}"),
      "/json404/metadata": statement,
      [wellKnown("/html")]: html,
      "/html/metadata": statement,
    };
    const { discovery } = await openDiscovery();
    for (const base of ["old", "json404", "html"]) {
      const found = await discovery.discover(`${url}/${base}`);
      assert.equal(found.authorization_endpoint, "https://old.example/authorize", base);
      assert.equal(found.token_endpoint, "https://old.example/token", base);
      assert.equal(found.revocation_endpoint, `${url}/${base}/revoke`);
    }
    await assert.rejects(discovery.discover(`${url}/nothing`), { reason: "discovery_no_endpoints" });
  });

  test("D3: a server that is down, busy or forbids never falls back", async () => {
    const { discovery } = await openDiscovery();
    for (const [code, body] of [
      [500, "<html>"],
      [503, ""],
      [429, ""],
      [403, "{}"],
    ] as const) {
      answers = { [wellKnown("/down")]: status(code, body), "/down/metadata": statement };
      asked = [];
      const reason = `discovery_http_${code}`;
      await assert.rejects(discovery.discover(`${url}/down`), { code: "oauth_error", reason });
      assert.deepEqual(asked, [wellKnown("/down")]);
    }
    answers = { [wellKnown("/cut")]: (_request, response) => response.destroy(), "/cut/metadata": statement };
    await assert.rejects(discovery.discover(`${url}/cut`), { reason: "discovery_unreachable" });
  });

  test("D3: a server that is down is taken at its last good answer, after a restart too", async () => {
    answers = { [wellKnown("/good")]: json(minimal) };
    const { db, discovery } = await openDiscovery();
    await discovery.discover(`${url}/good`);
    const restarted = createDiscovery({ door, db, logger, clock: () => now });
    now += 25 * 60 * 60_000;
    for (const broken of [status(503), ((_request, response) => response.destroy()) as RequestListener]) {
      answers = { [wellKnown("/good")]: broken };
      now += 2 * 60_000;
      for (const one of [discovery, restarted]) {
        assert.equal((await one.discover(`${url}/good`)).token_endpoint, minimal.token_endpoint);
      }
    }
    asked = [];
    await discovery.discover(`${url}/good`);
    assert.deepEqual(asked, [], "a server that is down is left in peace for a minute");
  });

  test("D3: a maintenance page sent as a good answer leaves the last good one in use, for a minute at a time", async () => {
    const { db, discovery } = await openDiscovery();
    for (const [index, page] of [html, json({}), json(null)].entries()) {
      const base = `/page${index}`;
      answers = { [wellKnown(base)]: json(minimal), [`${base}/metadata`]: html };
      const good = await discovery.discover(url + base);
      answers[wellKnown(base)] = page;
      now += 61 * 60_000;
      const restarted = createDiscovery({ door, db, logger, clock: () => now });
      for (const one of [discovery, restarted]) assert.deepEqual(await one.discover(url + base), good);
      asked = [];
      await discovery.discover(url + base);
      assert.deepEqual(asked, []);
      now += 61_000;
      answers[wellKnown(base)] = json({ ...minimal, token_endpoint: "https://h.example/v2/token" });
      assert.equal((await discovery.discover(url + base)).token_endpoint, "https://h.example/v2/token");
    }
  });

  test("D5: what a server lists is a hint, kept as it is even where it contradicts itself", async () => {
    const said = {
      capabilities: ["client-public", "permission-v1"],
      token_endpoint_auth_methods_supported: ["client_secret_basic"],
      scopes_supported: ["openid"],
    };
    answers = { [wellKnown("/odd")]: json({ ...minimal, ...said }) };
    const { discovery } = await openDiscovery();
    const { capabilities, token_endpoint_auth_methods_supported, scopes_supported } = await discovery.discover(
      `${url}/odd`,
    );
    assert.deepEqual({ capabilities, token_endpoint_auth_methods_supported, scopes_supported }, said);
  });

  test("D6: one answer serves many at once and for an hour; a failure is not remembered", async () => {
    answers = { [wellKnown("/good")]: json(minimal) };
    const { discovery } = await openDiscovery();
    await Promise.all([1, 2, 3].map(() => discovery.discover(`${url}/good`)));
    now += 59 * 60_000;
    await discovery.discover(`${url}/good`);
    assert.equal(asked.length, 1);
    now += 2 * 60_000;
    await discovery.discover(`${url}/good`);
    assert.equal(asked.length, 2);
    answers = { [wellKnown("/down")]: status(503) };
    await assert.rejects(discovery.discover(`${url}/down`));
    asked = [];
    await assert.rejects(discovery.discover(`${url}/down`));
    assert.equal(asked.length, 1);
  });

  test("D6: another process, or a restart, does not ask again what was asked within the hour", async () => {
    answers = { [wellKnown("/good")]: json(minimal) };
    const { db, discovery } = await openDiscovery();
    await discovery.discover(`${url}/good`);
    const restarted = createDiscovery({ door, db, logger, clock: () => now });
    assert.deepEqual(await restarted.discover(`${url}/good`), await discovery.discover(`${url}/good`));
    assert.equal(asked.length, 1);
  });

  test("D6: an answer that has not changed is not sent again: ETag, else Last-Modified", async () => {
    const lastModified = "Mon, 05 Jan 2026 10:00:00 GMT";
    for (const [validators, header, value] of [
      [{ etag: 'W/"7"' }, "if-none-match", 'W/"7"'],
      [{ "last-modified": lastModified }, "if-modified-since", lastModified],
    ] as [Record<string, string>, string, string][]) {
      const seen: unknown[] = [];
      answers = {
        [wellKnown("/tagged")]: (request, response) => {
          seen.push(request.headers[header]);
          if (request.headers[header] === value) response.writeHead(304).end();
          else response.writeHead(200, validators).end(JSON.stringify(minimal));
        },
      };
      const { discovery } = await openDiscovery();
      const first = await discovery.discover(`${url}/tagged`);
      for (let hours = 0; hours < 2; hours++) {
        now += 61 * 60_000;
        assert.deepEqual(await discovery.discover(`${url}/tagged`), first);
      }
      assert.deepEqual(seen, [undefined, value, value]);
    }
  });

  test("D6: an endpoint's refusal has the server asked anew, once a minute at the most", async () => {
    answers = { [wellKnown("/moved")]: json(minimal) };
    const { discovery } = await openDiscovery();
    await discovery.discover(`${url}/moved`);
    answers = { [wellKnown("/moved")]: json({ ...minimal, token_endpoint: "https://h.example/v2/token" }) };
    now += 61_000;
    const found = await Promise.all([1, 2, 3].map(() => discovery.rediscover(`${url}/moved`)));
    assert.ok(found.every(({ token_endpoint }) => token_endpoint === "https://h.example/v2/token"));
    assert.equal((await discovery.discover(`${url}/moved`)).token_endpoint, "https://h.example/v2/token");
    await discovery.rediscover(`${url}/moved`);
    assert.equal(asked.length, 2);
  });

  for (const [what, refused_for, change] of [
    ["its token endpoint", "token_endpoint_moved", { token_endpoint: "https://evil.example/token" }],
    ["its sign-in page", "authorization_endpoint_moved", { authorization_endpoint: "https://evil.example/authorize" }],
  ] as const) {
    test(`D6: a server that moves ${what} to another origin is not believed until an operator accepts it`, async () => {
      answers = { [wellKnown("/flip")]: json({ ...minimal, ...S256 }) };
      const { db, discovery } = await openDiscovery();
      const honest = await discovery.discover(`${url}/flip`);
      answers = { [wellKnown("/flip")]: json({ ...minimal, ...S256, ...change }) };
      now += 61 * 60_000;
      assert.deepEqual(await discovery.discover(`${url}/flip`), honest);
      const restarted = createDiscovery({ door, db, logger, clock: () => now });
      assert.deepEqual(await restarted.rediscover(`${url}/flip`), honest);
      assert.equal(reports.length, 2);
      assert.deepEqual(
        (await listRefused(db)).map((row) => [row.fhir_base_url, row.refused_for]),
        [[`${url}/flip`, refused_for]],
      );
      assert.equal(await acceptDiscovered(db, `${url}/flip/`), true);
      assert.equal(await acceptDiscovered(db, `${url}/flip/`), false);
      now += 61 * 60_000;
      assert.deepEqual(await discovery.discover(`${url}/flip`), { ...honest, ...change });
      assert.deepEqual(await listRefused(db), []);
    });
  }

  test("D6: a change that the server takes back is forgotten, and a path may change freely", async () => {
    answers = { [wellKnown("/flip")]: json(minimal) };
    const { db, discovery } = await openDiscovery();
    await discovery.discover(`${url}/flip`);
    answers = { [wellKnown("/flip")]: json({ ...minimal, token_endpoint: "https://evil.example/token" }) };
    now += 61 * 60_000;
    await discovery.discover(`${url}/flip`);
    answers = { [wellKnown("/flip")]: json({ ...minimal, token_endpoint: "https://h.example/oauth2/token" }) };
    now += 61 * 60_000;
    assert.equal((await discovery.discover(`${url}/flip`)).token_endpoint, "https://h.example/oauth2/token");
    assert.deepEqual(await listRefused(db), []);
  });

  test("S14: a server that advertised S256 and no longer does is not believed", async () => {
    answers = { [wellKnown("/weak")]: json({ ...minimal, ...S256 }) };
    const { db, discovery } = await openDiscovery();
    await discovery.discover(`${url}/weak`);
    for (const methods of [["plain"], undefined]) {
      answers = { [wellKnown("/weak")]: json({ ...minimal, code_challenge_methods_supported: methods }) };
      now += 61 * 60_000;
      const found = await discovery.discover(`${url}/weak`);
      assert.deepEqual(found.code_challenge_methods_supported, ["S256"]);
    }
    assert.deepEqual(
      (await listRefused(db)).map((row) => row.refused_for),
      ["s256_dropped"],
    );
  });

  test("an endpoint inside the network is refused", async () => {
    answers = { [wellKnown("/inward")]: json({ ...minimal, token_endpoint: "https://169.254.169.254/token" }) };
    const { discovery } = await openDiscovery();
    await assert.rejects(discovery.discover(`${url}/inward`), { reason: "discovery_blocked_endpoint" });
  });

  test("D6: a server that moves an endpoint inside the network is not believed, and nobody can accept it", async () => {
    answers = { [wellKnown("/inward")]: json(minimal) };
    const { db, discovery } = await openDiscovery();
    const good = await discovery.discover(`${url}/inward`);
    answers = { [wellKnown("/inward")]: json({ ...minimal, token_endpoint: "https://169.254.169.254/token" }) };
    now += 61 * 60_000;
    assert.deepEqual(await discovery.discover(`${url}/inward`), good);
    assert.equal(reports.length, 1);
    assert.deepEqual(
      (await listRefused(db)).map((row) => row.refused_for),
      ["endpoint_blocked"],
    );
    assert.equal(await acceptDiscovered(db, `${url}/inward`), false);
  });

  test("D9: keys and algorithms that the server does not name are read at its issuer, which may stand anywhere", async () => {
    const jwks_uri = "https://keys.example/jwks";
    const issuer = `${url}/issuer`;
    const named = { issuer, jwks_uri, id_token_signing_alg_values_supported: ["RS384"] };
    answers = {
      [wellKnown("/fhir")]: json({ ...minimal, issuer }),
      "/issuer/.well-known/openid-configuration": json(named),
    };
    const { discovery } = await openDiscovery();
    const found = await discovery.discover(`${url}/fhir`);
    assert.equal(found.jwks_uri, jwks_uri);
    assert.deepEqual(found.id_token_signing_alg_values_supported, ["RS384"]);

    answers[wellKnown("/own")] = json({ ...minimal, issuer, jwks_uri: "https://h.example/own" });
    const own = await discovery.discover(`${url}/own`);
    assert.equal(own.jwks_uri, "https://h.example/own", "what the server names itself stays");
    assert.deepEqual(own.id_token_signing_alg_values_supported, ["RS384"]);
  });

  test("D9: an issuer that answers 404, HTML, 500 or for another issuer is no fault", async () => {
    const issuer = `${url}/issuer`;
    const { discovery } = await openDiscovery();
    const wrong = json({ issuer: "https://else.example", jwks_uri: "https://else.example/jwks" });
    for (const [index, answer] of [status(404), html, status(500), wrong].entries()) {
      answers = {
        [wellKnown(`/fhir${index}`)]: json({ ...minimal, issuer }),
        "/issuer/.well-known/openid-configuration": answer,
      };
      const found = await discovery.discover(`${url}/fhir${index}`);
      assert.deepEqual([found.issuer, found.jwks_uri], [issuer, null]);
    }
  });
});
