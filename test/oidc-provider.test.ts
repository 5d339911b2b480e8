/** The whole flow against an authorization server that nobody here wrote, with each way of proving who the app is. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { MbConnectOptions } from "@mb-connect/server";
import { access } from "#server/access.js";
import { compose } from "#server/mb-connect.js";
import { type Host, openHost, type PatientBrowser, patientBrowser } from "./support/clinic.ts";
import { type OidcFacility, type OidcHospital, startOidcHospital, visitOidcPortal } from "./support/oidc.ts";

const signingKeys = [
  { kid: "ec", ...generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "jwk" }) },
  { kid: "rsa", ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }) },
] as NonNullable<MbConnectOptions["signingKeys"]>;

type Credentials = Omit<MbConnectOptions["registrations"][number], "match">;

/** A facility as both sides know it: what the app is told of its registration, and what the server holds of it. */
interface Registered extends Pick<OidcFacility, "patientBy"> {
  app: Credentials;
  server?: Partial<OidcFacility["client"]>;
}

const PLAIN_SECRET = "a-secret_of.40-characters~with-no-need-of-code";
const ODD_SECRET = "100 % +odd/secret=:&?-with-all-that-form-encoding-changes";

const REGISTERED: Record<string, Registered> = {
  public: { app: { client_id: "public-app" }, patientBy: "token" },
  client_secret_basic: { app: { client_id: "basic-app", client_secret: PLAIN_SECRET }, patientBy: "token" },
  "client_secret_basic, form-encoded": {
    app: { client_id: "basic app/2", client_secret: ODD_SECRET, basic_encoding: "rfc6749" },
    patientBy: "search",
  },
  client_secret_post: {
    app: { client_id: "post app/3", client_secret: ODD_SECRET, token_endpoint_auth_method: "client_secret_post" },
    patientBy: "id_token",
    server: { id_token_signed_response_alg: "ES256" },
  },
  "private_key_jwt, ES384": {
    app: { client_id: "ec-app", token_endpoint_auth_method: "private_key_jwt" },
    patientBy: "token",
    server: { token_endpoint_auth_signing_alg: "ES384" },
  },
  "private_key_jwt, RS384": {
    app: { client_id: "rsa-app", token_endpoint_auth_method: "private_key_jwt", signing_kid: "rsa" },
    patientBy: "id_token",
    server: { token_endpoint_auth_signing_alg: "RS384" },
  },
};

const FORGOTTEN = "a secret that the server has changed";
const ALL: Record<string, Registered> = {
  ...REGISTERED,
  [FORGOTTEN]: {
    app: { client_id: "old-app", client_secret: "the-old-one" },
    patientBy: "token",
    server: { client_secret: "the-new-one" },
  },
};

function facilitiesAt(redirect_uri: string): OidcFacility[] {
  return Object.entries(ALL).map(([name, { app, server, patientBy }]) => {
    const { client_id, client_secret } = app;
    const token_endpoint_auth_method =
      app.token_endpoint_auth_method ?? (client_secret === undefined ? "none" : "client_secret_basic");
    const keys =
      token_endpoint_auth_method === "private_key_jwt"
        ? { jwks_uri: new URL(".well-known/jwks.json", redirect_uri).href }
        : {};
    const secret = client_secret === undefined ? {} : { client_secret };
    return { name, patientBy, client: { client_id, ...secret, token_endpoint_auth_method, ...keys, ...server } };
  });
}

describe("oidc-provider as the hospital", () => {
  let host: Host<OidcHospital>;
  before(async () => {
    host = await openHost((redirect_uri) => startOidcHospital(facilitiesAt(redirect_uri), redirect_uri), {
      options: {
        signingKeys,
        // Without it the server leaves offline_access out, and says nothing.
        registrations: Object.entries(ALL).map(([brand, { app }]) => ({
          match: { brand },
          extra_params: { prompt: "consent" },
          ...app,
        })),
      },
    });
  });
  after(() => host.close());

  const facility = (name: string) => {
    const found = host.hospital.facilities.find((one) => one.name === name);
    assert.ok(found, name);
    return found;
  };
  const source = (name: string): string => host.sourceOf(facility(name));
  const newPatient = (user: string): PatientBrowser => patientBrowser(host, user, visitOidcPortal);
  /** From a session to the callback's address, not yet visited. */
  const comeBack = async (browser: PatientBrowser, name: string): Promise<URL> => {
    const { url } = (await (await browser.start(source(name))).json()) as { url: string };
    return browser.portal(url);
  };
  const arrive = async (browser: PatientBrowser, callback: URL): Promise<URLSearchParams> => {
    const answer = await browser.visit(callback.href);
    return new URL(answer.headers.get("location") ?? `about:${answer.status}`).searchParams;
  };
  const stepsOf = async (query: URLSearchParams) =>
    new Map((await host.mb.patientSession.trail(query.get("patient_session_id") ?? "")).map((one) => [one.step, one]));
  const readPatients = async (name: string, token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${facility(name).fhirBaseUrl}/Patient`, { headers })).status;
  };

  /** An access token when so many seconds have passed. */
  const accessAfter = async (seconds: number, connection_id: string): Promise<string> => {
    const { context, database } = compose(host.options, { clock: () => Date.now() + seconds * 1000 });
    const { access_token } = await access(context, connection_id);
    await context.door.close();
    await database.close();
    return access_token;
  };

  for (const [index, [name, { app, patientBy }]] of Object.entries(REGISTERED).entries()) {
    test(`T1, T13: ${name}: connects, is renewed, and is revoked`, async () => {
      const user = `patient-${index}`;
      const { searchParams } = await newPatient(user).connect(source(name));
      assert.equal(searchParams.get("success"), "true", String(searchParams));
      assert.equal(searchParams.get("connection_id"), source(name));

      const [connection, ...others] = (await host.mb.patients.retrieve(user)).connections;
      assert.ok(connection);
      assert.deepEqual([connection.status, others.length], ["active", 0]);
      assert.deepEqual(connection.scopes.filter((scope) => /^(offline|patient)/.test(scope)).sort(), [
        "offline_access",
        "patient/Condition.rs",
        "patient/Patient.rs",
      ]);
      const steps = await stepsOf(searchParams);
      assert.equal(steps.get("exchange")?.detail?.identity, "verified");
      assert.equal(steps.get("exchange")?.detail?.renewable, true);
      assert.equal(steps.get("patient")?.outcome, patientBy);
      assert.equal(host.hospital.tokens(app.client_id, "RefreshToken").length, 1);
      const [access_token = ""] = host.hospital.tokens(app.client_id, "AccessToken");
      assert.equal(await readPatients(name, access_token), 200);

      const renewed = await accessAfter(3600, connection.id);
      assert.notEqual(renewed, access_token);
      assert.equal(await readPatients(name, renewed), 200);
      const again = await accessAfter(2 * 3600, connection.id);
      assert.equal(await readPatients(name, again), 200);

      await host.mb.patients.disconnectConnection(user, connection.id);
      assert.equal((await host.mb.patients.retrieve(user)).connections[0]?.status, "disconnected");
      assert.equal((await stepsOf(searchParams)).get("revoked")?.outcome, "revoked");
      assert.deepEqual(host.hospital.tokens(app.client_id, "RefreshToken"), []);
      for (const token of [access_token, renewed, again]) assert.equal(await readPatients(name, token), 401);
    });
  }

  test("C3: what it did not grant is told apart from what it did", async () => {
    const browser = newPatient("patient-partial");
    await browser.connect(source("public"));
    const answer = await browser.visit(`${host.api}/patient-connections`);
    const { data } = (await answer.json()) as { data: { not_granted: string[] }[] };
    assert.ok(data[0]?.not_granted.includes("Observation"));
    assert.ok(!data[0]?.not_granted.includes("Condition"));
  });

  test("a patient who says no comes back with user_denied, and no token was asked for", async () => {
    const asked = host.hospital.tokenAnswers.length;
    const { searchParams } = await newPatient("patient-no").connect(source("public"), { decision: "deny" });
    assert.equal(searchParams.get("success"), "false");
    assert.equal(searchParams.get("error"), "user_denied");
    assert.equal(host.hospital.tokenAnswers.length, asked);
  });

  test("S3: a callback that is visited again shows the same end and spends no second code", async () => {
    const browser = newPatient("patient-again");
    const callback = await comeBack(browser, "public");
    const asked = host.hospital.tokenAnswers.length;
    const first = await arrive(browser, callback);
    assert.equal(first.get("success"), "true");
    assert.equal(String(await arrive(browser, callback)), String(first));
    assert.equal(host.hospital.tokenAnswers.length, asked + 1);
  });

  test("S4: a code spent once opens nothing in another attempt", async () => {
    const browser = newPatient("patient-replay");
    const spent = await comeBack(browser, "client_secret_basic");
    assert.equal((await arrive(browser, spent)).get("success"), "true");
    const other = await comeBack(browser, "client_secret_basic");
    other.searchParams.set("code", spent.searchParams.get("code") ?? "");
    const query = await arrive(browser, other);
    assert.equal(query.get("error"), "token_exchange_failed");
    assert.equal((await stepsOf(query)).get("failed")?.outcome, "invalid_grant");
    assert.equal(host.hospital.tokenAnswers.at(-1), 400);
  });

  test("S4: a code brought by another browser's patient fails by the verifier", async () => {
    const [theirs, mine] = [newPatient("patient-theirs"), newPatient("patient-mine")];
    const stolen = await comeBack(theirs, "public");
    const callback = await comeBack(mine, "public");
    callback.searchParams.set("code", stolen.searchParams.get("code") ?? "");
    assert.equal((await arrive(mine, callback)).get("error"), "token_exchange_failed");
    assert.deepEqual((await host.mb.patients.retrieve("patient-mine")).connections, []);
  });

  test("S5: an answer in another issuer's name leads to no token request", async () => {
    for (const change of [
      (query: URLSearchParams) => query.set("iss", "https://other.example"),
      (query: URLSearchParams) => query.delete("iss"),
    ]) {
      const browser = newPatient("patient-mixed-up");
      const callback = await comeBack(browser, "public");
      const asked = host.hospital.tokenAnswers.length;
      change(callback.searchParams);
      const query = await arrive(browser, callback);
      assert.equal(query.get("error"), "oauth_error");
      assert.equal(host.hospital.tokenAnswers.length, asked);
    }
  });

  test("a registration that the server no longer knows fails, with the reason in the trail", async () => {
    const { searchParams } = await newPatient("patient-forgotten").connect(source(FORGOTTEN));
    assert.equal(searchParams.get("error"), "token_exchange_failed");
    assert.equal((await stepsOf(searchParams)).get("failed")?.outcome, "invalid_client");
  });
});
