/** The simulated hospital, driven by hand as its specifications say: the straight way, and each way of being refused. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { createLocalJWKSet, type CryptoKey, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import type { Facility, Fault } from "../demo/hospital/facilities.ts";
import { type Hospital, type HospitalClient, startHospital } from "../demo/hospital/server.ts";
import { visitPortal } from "./support/portal.ts";

const REDIRECT = "http://localhost:3000/api/callback";
const SCOPES =
  "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Condition.rs patient/Procedure.rs";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const verifier = randomBytes(32).toString("base64url");
const challenge = createHash("sha256").update(verifier).digest("base64url");

const app = (client_id: string, more: Partial<HospitalClient> = {}): HospitalClient => ({
  client_id,
  redirect_uris: [REDIRECT],
  token_endpoint_auth_method: "none",
  ...more,
});

let hospital: Hospital;
let now = Date.now();
const rsa = await generateKeyPair("RS384");
const ec = await generateKeyPair("ES384");
const keys = [
  { ...(await exportJWK(rsa.publicKey)), kid: "rsa" },
  { ...(await exportJWK(ec.publicKey)), kid: "ec" },
];

before(async () => {
  hospital = await startHospital({
    clock: () => now,
    clients: [
      app("public"),
      app("other"),
      app("id-with_marks", { token_endpoint_auth_method: "client_secret_basic", client_secret: "a+b/c=%20:d" }),
      app("post", { token_endpoint_auth_method: "client_secret_post", client_secret: "hush" }),
      app("keys", { token_endpoint_auth_method: "private_key_jwt", jwks: { keys } }),
    ],
  });
});
after(() => hospital.close());

const facility = (fault: Fault | null = null, syntax: Facility["scopeSyntax"] = "both"): Facility => {
  const found = hospital.facilities.find((each) => each.fault === fault && each.scopeSyntax === syntax);
  assert.ok(found);
  return found;
};

/** An authorization URL; a parameter given as null is left out. */
function authorizeUrl(at: Facility, changes: Record<string, string | null> = {}): URL {
  const url = new URL(`${at.issuer}/authorize`);
  const parameters: Record<string, string | null> = {
    response_type: "code",
    client_id: "public",
    redirect_uri: REDIRECT,
    scope: SCOPES,
    state: "a-state",
    aud: at.fhirBaseUrl,
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, value);
  return url;
}

async function codeAt(at: Facility, changes: Record<string, string | null> = {}): Promise<string> {
  const code = (await visitPortal(authorizeUrl(at, changes))).searchParams.get("code");
  assert.ok(code);
  return code;
}

interface TokenAnswer {
  status: number;
  body: Record<string, string>;
  headers: Headers;
}

async function post(
  url: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(form), headers });
  const text = await response.text();
  const body = text ? (JSON.parse(text) as Record<string, string>) : {};
  return { status: response.status, body, headers: response.headers };
}

const exchange = (
  at: Facility,
  code: string,
  changes: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<TokenAnswer> => {
  const identity: Record<string, string> =
    headers.Authorization || "client_assertion" in changes ? {} : { client_id: "public" };
  const request = { grant_type: "authorization_code", code, redirect_uri: REDIRECT, code_verifier: verifier };
  return post(`${at.issuer}/token`, { ...request, ...identity, ...changes }, headers);
};

const refresh = (at: Facility, refresh_token: string | undefined, changes: Record<string, string> = {}) =>
  post(`${at.issuer}/token`, {
    grant_type: "refresh_token",
    refresh_token: refresh_token ?? "",
    client_id: "public",
    ...changes,
  });

const read = (at: Facility, path: string, access_token: string | undefined) =>
  fetch(`${at.fhirBaseUrl}/${path}`, { headers: { Authorization: `Bearer ${access_token}` } });

async function granted(at: Facility, changes: Record<string, string | null> = {}): Promise<Record<string, string>> {
  const answer = await exchange(at, await codeAt(at, changes));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

test("some two hundred facilities, each once, faults said in the name and in no other", () => {
  const names = hospital.facilities.map(({ name }) => name);
  assert.ok(names.length >= 200);
  assert.equal(new Set(names).size, names.length);
  for (const { name, fault, city, zip } of hospital.facilities) {
    assert.equal(name.startsWith("Test server: "), fault !== null, name);
    if (fault === null) assert.ok(city && zip, name);
  }
  const words = (of: string): string[] => of.toLowerCase().match(/[a-z']+/g) ?? [];
  const plain = new Set(
    hospital.facilities.filter(({ fault }) => !fault).flatMap(({ name, city }) => words(`${name} ${city}`)),
  );
  const shared = hospital.facilities
    .filter(({ fault }) => fault)
    .flatMap(({ name }) => words(name).filter((word) => plain.has(word)));
  assert.deepEqual(shared, []);
});

test("the brands bundle names every facility, and every portal's endpoint is among its organization's", async () => {
  interface Organization {
    resourceType: string;
    id: string;
    name: string;
    address: string;
    endpoint?: { reference: string }[];
    extension: { extension?: { url: string; valueReference?: { reference: string } }[] }[];
  }
  const response = await fetch(`${hospital.url}/brands.json`);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  const bundle = (await response.json()) as { type: string; entry: { resource: Organization }[] };
  assert.deepEqual(bundle, JSON.parse(JSON.stringify(hospital.brandBundle())));
  const resources = bundle.entry.map(({ resource }) => resource);
  const organizations = resources.filter(({ resourceType }) => resourceType === "Organization");
  const endpoints = new Map(
    resources.filter(({ address }) => typeof address === "string").map((each) => [`Endpoint/${each.id}`, each.address]),
  );
  for (const { name, fhirBaseUrl } of hospital.facilities) {
    const organization = organizations.find((each) => each.name === name);
    const portalEndpoint = organization?.extension
      .flatMap(({ extension = [] }) => extension)
      .find(({ url }) => url === "portalEndpoint")?.valueReference?.reference;
    assert.equal(endpoints.get(portalEndpoint ?? ""), fhirBaseUrl, name);
    assert.ok(
      organization?.endpoint?.some(({ reference }) => reference === portalEndpoint),
      name,
    );
  }
});

test("the straight way: discovery, sign-in, consent, tokens, records", async () => {
  const at = facility();
  const discovery = await fetch(`${at.fhirBaseUrl}/.well-known/smart-configuration`);
  const metadata = (await discovery.json()) as Record<string, string>;
  assert.equal(metadata.token_endpoint, `${at.issuer}/token`);
  const back = await visitPortal(authorizeUrl(at, { nonce: "a-nonce" }));
  assert.equal(back.origin + back.pathname, REDIRECT);
  assert.equal(back.searchParams.get("state"), "a-state");
  assert.equal(back.searchParams.get("iss"), at.issParameter ? at.issuer : null);
  const { status, body, headers } = await exchange(at, back.searchParams.get("code") ?? "");
  assert.equal(status, 200);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.deepEqual(
    { type: body.token_type, scope: body.scope, life: body.expires_in },
    { type: "Bearer", scope: SCOPES, life: 3600 },
  );

  const jwks = await (await fetch(metadata.jwks_uri ?? "")).json();
  const { payload } = await jwtVerify(body.id_token ?? "", createLocalJWKSet(jwks as never), {
    issuer: metadata.issuer,
    audience: "public",
    currentDate: new Date(now),
  });
  assert.equal(payload.nonce, "a-nonce");
  assert.equal(payload.fhirUser, `${at.fhirBaseUrl}/Patient/${body.patient}`);

  const patient = await read(at, `Patient/${body.patient}`, body.access_token);
  assert.equal(((await patient.json()) as { id: string }).id, body.patient);
  const search = await read(at, `Condition?patient=${body.patient}`, body.access_token);
  const bundle = (await search.json()) as { total: number; entry: { resource: { subject: { reference: string } } }[] };
  const conditions = hospital.records(at, "robin").filter(({ resourceType }) => resourceType === "Condition");
  assert.equal(bundle.total, conditions.length);
  assert.equal(bundle.entry[0]?.resource.subject.reference, `Patient/${body.patient}`);
});

test("the portal's pages name the app and what it asks for, and have the named buttons", async () => {
  const at = facility();
  const signIn = await fetch(authorizeUrl(at));
  const page = await signIn.text();
  assert.match(page, /Simulated hospital/);
  assert.match(page, /<label for="username">Username</);
  assert.match(page, /<button type="submit">Sign in</);
  const wrong = await fetch(`${at.issuer}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({
      visit: new URL(signIn.url).searchParams.get("visit") ?? "",
      username: "robin",
      password: "no",
    }),
  });
  assert.match(await wrong.text(), /do not belong together/);
});

test("denying goes back with access_denied and no code", async () => {
  const back = await visitPortal(authorizeUrl(facility()), { decision: "deny" });
  assert.equal(back.searchParams.get("error"), "access_denied");
  assert.equal(back.searchParams.get("state"), "a-state");
  assert.equal(back.searchParams.get("code"), null);
});

describe("an authorization request is refused", () => {
  for (const [what, changes] of Object.entries<Record<string, string | null>>({
    "for an app that is not known": { client_id: "nobody" },
    "for another redirect URI": { redirect_uri: `${REDIRECT}/` },
    "without a redirect URI": { redirect_uri: null },
  })) {
    test(`${what}, on the hospital's own page`, async () => {
      const response = await fetch(authorizeUrl(facility(), changes), { redirect: "manual" });
      assert.equal(response.status, 400);
      assert.equal(response.headers.get("location"), null);
    });
  }
  for (const [what, error, changes] of [
    ["with another response_type", "unsupported_response_type", { response_type: "token" }],
    ["without state", "invalid_request", { state: null }],
    ["without aud", "invalid_request", { aud: null }],
    ["with another server's aud", "invalid_request", { aud: "https://elsewhere.example/fhir" }],
    ["without PKCE", "invalid_request", { code_challenge: null, code_challenge_method: null }],
    ["with plain PKCE", "invalid_request", { code_challenge_method: "plain" }],
    ["with launch", "invalid_request", { launch: "x" }],
    ["with no scope that is known", "invalid_scope", { scope: "patient/Nonsense.read user/*.write" }],
  ] as [string, string, Record<string, string | null>][]) {
    test(`${what}: ${error}`, async () => {
      const back = await visitPortal(authorizeUrl(facility(), changes));
      assert.equal(back.origin + back.pathname, REDIRECT);
      assert.equal(back.searchParams.get("error"), error);
    });
  }
  test("with one slash too many at the end of aud: invalid_request", async () => {
    const back = await visitPortal(authorizeUrl(facility(), { aud: `${facility().fhirBaseUrl}/` }));
    assert.equal(back.searchParams.get("error"), "invalid_request");
  });
  test("with a parameter that stands twice: invalid_request", async () => {
    const url = authorizeUrl(facility());
    url.searchParams.append("scope", "openid");
    assert.equal((await visitPortal(url)).searchParams.get("error"), "invalid_request");
  });
});

describe("a code", () => {
  test("is worth nothing a second time, and the second time ends what the first brought", async () => {
    const at = facility();
    const code = await codeAt(at);
    const { body } = await exchange(at, code);
    assert.equal((await exchange(at, code)).body.error, "invalid_grant");
    assert.equal((await read(at, `Patient/${body.patient}`, body.access_token)).status, 401);
    assert.equal((await refresh(at, body.refresh_token)).body.error, "invalid_grant");
  });
  test("lives a minute", async () => {
    const at = facility();
    const code = await codeAt(at);
    now += 60_000;
    assert.equal((await exchange(at, code)).body.error, "invalid_grant");
  });
  for (const [what, changes] of Object.entries<Record<string, string>>({
    "another redirect URI": { redirect_uri: `${REDIRECT}?x` },
    "another verifier": { code_verifier: randomBytes(32).toString("base64url") },
    "no verifier": { code_verifier: "" },
    "another app": { client_id: "other" },
  })) {
    test(`is refused with ${what}`, async () => {
      const answer = await exchange(facility(), await codeAt(facility()), changes);
      assert.deepEqual([answer.status, answer.body.error], [400, "invalid_grant"]);
    });
  }
  test("of one facility is not known at another", async () => {
    const answer = await exchange(facility(null, "v2"), await codeAt(facility()));
    assert.equal(answer.body.error, "invalid_grant");
  });
  test("in a JSON body is not read", async () => {
    const body = JSON.stringify({ grant_type: "authorization_code", code: await codeAt(facility()) });
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${facility().issuer}/token`, { method: "POST", body, headers });
    assert.equal(response.status, 400);
  });
});

describe("an app proves who it is", () => {
  const basic = (id: string, secret: string) => ({
    Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
  });
  const claims = (): Record<string, unknown> => ({
    iss: "keys",
    sub: "keys",
    aud: `${facility().issuer}/token`,
    exp: Math.floor(now / 1000) + 240,
    jti: randomBytes(8).toString("hex"),
  });
  const assertion = (changes: object = {}, header: object = {}, key: CryptoKey = rsa.privateKey): Promise<string> =>
    new SignJWT({ ...claims(), ...changes })
      .setProtectedHeader({ alg: "RS384", typ: "JWT", kid: "rsa", ...header })
      .sign(key);
  const byKey = async (client_assertion: string): Promise<TokenAnswer> =>
    exchange(facility(), await codeAt(facility(), { client_id: "keys" }), {
      client_assertion,
      client_assertion_type: ASSERTION_TYPE,
    });

  test("by a Basic header that is compared as it is, not form-decoded", async () => {
    const at = facility();
    const id = { client_id: "id-with_marks" };
    assert.equal((await exchange(at, await codeAt(at, id), {}, basic("id-with_marks", "a+b/c=%20:d"))).status, 200);
    const encoded = basic("id-with_marks", encodeURIComponent("a+b/c=%20:d"));
    const refused = await exchange(at, await codeAt(at, id), {}, encoded);
    assert.deepEqual([refused.status, refused.body.error], [401, "invalid_client"]);
    assert.ok(refused.headers.get("www-authenticate"));
  });
  test("by a secret in the body", async () => {
    const at = facility();
    const code = () => codeAt(at, { client_id: "post" });
    assert.equal((await exchange(at, await code(), { client_id: "post", client_secret: "hush" })).status, 200);
    assert.equal((await exchange(at, await code(), { client_id: "post", client_secret: "hush!" })).status, 401);
    assert.equal((await exchange(at, await code(), { client_id: "post" })).status, 401);
    assert.equal((await exchange(at, await code(), {}, basic("post", "hush"))).status, 401);
  });
  test("in one way at a time", async () => {
    const both = basic("post", "hush");
    const answer = await exchange(
      facility(),
      await codeAt(facility(), { client_id: "post" }),
      { client_secret: "hush" },
      both,
    );
    assert.equal(answer.body.error, "invalid_request");
  });
  test("by a signed assertion, RS384 or ES384", async () => {
    assert.equal((await byKey(await assertion())).status, 200);
    assert.equal((await byKey(await assertion({}, { alg: "ES384", kid: "ec" }, ec.privateKey))).status, 200);
  });
  test("by keys that are fetched from its own address", async () => {
    const origin = createServer((_request, response) => void response.end(JSON.stringify({ keys })));
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    const jwks_uri = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/jwks.json`;
    hospital.register(app("fetched", { token_endpoint_auth_method: "private_key_jwt", jwks_uri }));
    const client_assertion = await assertion({ iss: "fetched", sub: "fetched" });
    const code = await codeAt(facility(), { client_id: "fetched" });
    const answer = await exchange(facility(), code, { client_assertion, client_assertion_type: ASSERTION_TYPE });
    origin.close();
    assert.equal(answer.status, 200);
  });
  for (const [what, changes, header] of [
    ["another audience", { aud: "https://elsewhere.example/token" }, {}],
    ["a list as audience", { aud: ["the-token-url"] }, {}],
    ["an hour to live", { exp: Math.floor(Date.now() / 1000) + 3600 }, {}],
    ["no end", { exp: undefined }, {}],
    ["no jti", { jti: undefined }, {}],
    ["another issuer", { iss: "public" }, {}],
    ["no typ", {}, { typ: undefined }],
    ["an unknown kid", {}, { kid: "none" }],
    ["a weaker algorithm", {}, { alg: "RS256" }],
  ] as [string, object, object][]) {
    test(`an assertion with ${what} does not hold`, async () => {
      const key = "alg" in header ? (await generateKeyPair("RS256")).privateKey : rsa.privateKey;
      const list = "aud" in changes && Array.isArray(changes.aud) ? { aud: [`${facility().issuer}/token`] } : {};
      const answer = await byKey(await assertion({ ...changes, ...list }, header, key));
      assert.deepEqual([answer.status, answer.body.error], [401, "invalid_client"]);
    });
  }
  test("an assertion does not hold twice, nor with another's signature", async () => {
    const once = await assertion();
    assert.equal((await byKey(once)).status, 200);
    assert.equal((await byKey(once)).status, 401);
    const forged = await assertion({}, {}, (await generateKeyPair("RS384")).privateKey);
    assert.equal((await byKey(forged)).status, 401);
  });
});

describe("access", () => {
  test("is renewed by a refresh token that changes each time; the old one ends everything", async () => {
    const at = facility();
    const first = await granted(at);
    const second = await refresh(at, first.refresh_token);
    assert.equal(second.status, 200);
    assert.notEqual(second.body.refresh_token, first.refresh_token);
    assert.equal((await refresh(at, first.refresh_token)).body.error, "invalid_grant");
    assert.equal((await refresh(at, second.body.refresh_token)).body.error, "invalid_grant");
    assert.equal((await read(at, `Patient/${first.patient}`, second.body.access_token)).status, 401);
  });
  test("may shrink at a refresh and never grows", async () => {
    const at = facility();
    const { refresh_token } = await granted(at);
    assert.equal((await refresh(at, refresh_token, { scope: "patient/Device.rs" })).body.error, "invalid_scope");
    const less = await refresh(at, refresh_token, { scope: "patient/Patient.rs" });
    assert.equal(less.body.scope, "patient/Patient.rs");
  });
  test("lasts an hour", async () => {
    const at = facility();
    const { access_token, patient } = await granted(at);
    now += 3_600_000;
    assert.equal((await read(at, `Patient/${patient}`, access_token)).status, 401);
  });
  test("ends when it is revoked; a token that is not known is revoked just as well", async () => {
    const at = facility();
    const { access_token, refresh_token = "", patient } = await granted(at);
    const revoke = (token: string) => post(`${at.issuer}/revoke`, { token, client_id: "public" });
    assert.equal((await revoke("unknown")).status, 200);
    assert.equal((await read(at, `Patient/${patient}`, access_token)).status, 200);
    assert.equal((await revoke(refresh_token)).status, 200);
    assert.equal((await read(at, `Patient/${patient}`, access_token)).status, 401);
    assert.equal((await refresh(at, refresh_token)).body.error, "invalid_grant");
  });
  test("covers the granted scopes, the patient's own record, and one facility", async () => {
    const at = facility();
    const { access_token, patient } = await granted(at);
    assert.equal((await read(at, `Observation?patient=${patient}`, access_token)).status, 403);
    assert.equal((await read(at, "Condition?patient=somebody-else", access_token)).status, 403);
    assert.equal((await read(at, "Patient/somebody-else", access_token)).status, 404);
    assert.equal((await read(facility(null, "v2"), `Patient/${patient}`, access_token)).status, 401);
    assert.equal((await fetch(`${at.fhirBaseUrl}/Patient`)).status, 401);
    assert.equal((await fetch(`${at.fhirBaseUrl}/metadata`)).status, 200);
  });
  test("is somebody else's when somebody else signs in", async () => {
    const at = facility();
    const back = await visitPortal(authorizeUrl(at), { username: "kit", password: "open-sesame-2" });
    const other = await exchange(at, back.searchParams.get("code") ?? "");
    assert.notEqual(other.body.patient, (await granted(at)).patient);
  });
});

describe("scopes", () => {
  for (const [syntax, scope] of [
    ["v1", "openid patient/Patient.read"],
    ["v2", "openid patient/Patient.rs"],
    ["both", "openid patient/Patient.read patient/Patient.rs"],
  ] as [Facility["scopeSyntax"], string][]) {
    test(`a facility of ${syntax} syntax drops what it does not know`, async () => {
      const asked = "openid patient/Patient.read patient/Patient.rs patient/Patient.write system/*.rs";
      assert.equal((await granted(facility(null, syntax), { scope: asked })).scope, scope);
    });
  }
});

describe("a facility with a fault", () => {
  const scope = "launch/patient openid offline_access patient/Patient.rs patient/Procedure.rs";
  test("declines", async () => {
    const back = await visitPortal(authorizeUrl(facility("declines")));
    assert.equal(back.searchParams.get("error"), "access_denied");
  });
  test("names another issuer", async () => {
    const at = facility("wrong_issuer");
    assert.notEqual((await visitPortal(authorizeUrl(at))).searchParams.get("iss"), at.issuer);
  });
  test("hangs up at its token endpoint", async () => {
    const at = facility("dead_token_endpoint");
    await assert.rejects(exchange(at, await codeAt(at)));
  });
  test("gives no refresh token", async () => {
    const { refresh_token, access_token } = await granted(facility("no_refresh_token"), { scope });
    assert.equal(refresh_token, undefined);
    assert.ok(access_token);
  });
  test("grants fewer scopes", async () => {
    const body = await granted(facility("fewer_scopes"), { scope });
    assert.equal(body.scope, "launch/patient openid offline_access patient/Patient.rs");
  });
  test("answers HTML", async () => {
    const response = await fetch(`${facility("answers_html").fhirBaseUrl}/.well-known/smart-configuration`);
    assert.match(response.headers.get("content-type") ?? "", /text\/html/);
  });
  test("never answers, and is cut off when the hospital closes", async () => {
    const closing = await startHospital();
    const silent = closing.facilities.find(({ fault }) => fault === "never_answers");
    const asked = fetch(`${silent?.fhirBaseUrl}/.well-known/smart-configuration`);
    const refused = assert.rejects(asked);
    const arrived = () => closing.requests.some(({ path }) => path.endsWith("/smart-configuration"));
    while (!arrived()) await fetch(`${closing.url}/favicon.ico`);
    await closing.close();
    await refused;
  });
});

test("the journal keeps what was asked, exactly", async () => {
  const at = facility();
  const from = hospital.requests.length;
  await exchange(at, await codeAt(at), { client_id: "public" });
  const tokenRequests = hospital.requests.slice(from).filter(({ path }) => path.endsWith("/token"));
  assert.equal(tokenRequests.length, 1);
  assert.equal(tokenRequests[0]?.form?.code_verifier, verifier);
  const asked = hospital.requests.slice(from).find(({ path }) => path.endsWith("/authorize"));
  assert.equal(asked?.query.aud, at.fhirBaseUrl);
});
