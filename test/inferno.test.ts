/**
 * What the client suite of the SMART App Launch test kit looks at (STU 2.2, the app-launch variants), asked of the requests
 * that a whole sign-in and a refresh make, for a public, a confidential symmetric and a confidential asymmetric client. As
 * with the kit's own simulated server: the id_token has no nonce and the FHIR base as its issuer, the configuration names
 * no keys, and a refresh brings no new refresh token.
 */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { MbConnectOptions } from "@mb-connect/server";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { access } from "#server/access.js";
import { compose } from "#server/mb-connect.js";
import { type OddClinic, type OddEnd, openOddClinic } from "./support/odd-clinic.ts";
import { type Behaviour, ODD_PATIENT, type OddRequest } from "./support/odd-server.ts";

const signingKeys = [
  { kid: "es", ...generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "jwk" }) },
] as NonNullable<MbConnectOptions["signingKeys"]>;

const VARIANTS = [
  { name: "Public Client", app: { client_id: "smart_public_client" } },
  {
    name: "Confidential Symmetric Client",
    app: { client_id: "smart_client_test_demo", client_secret: "demo_secret-with.odd+chars=" },
  },
  {
    name: "Confidential Asymmetric Client",
    app: { client_id: "smart_asymmetric_client", token_endpoint_auth_method: "private_key_jwt" },
  },
] as const;

describe("SMART App Launch client tests, STU 2.2", () => {
  let clinic: OddClinic;
  before(async () => {
    clinic = await openOddClinic(
      VARIANTS.map((variant) => ({ ...variant, configuration: { jwks_uri: undefined } })),
      { signingKeys },
    );
  });
  after(() => clinic.close());

  /** Asks for access to a connection when so many seconds have passed: it is refreshed first. */
  async function accessAfter(seconds: number, connection_id: string): Promise<void> {
    const { context, database } = compose(clinic.options, { clock: () => Date.now() + seconds * 1000 });
    await access(context, connection_id);
    await context.door.close();
    await database.close();
  }
  const simulated = (name: string): Behaviour => ({
    idToken: ({ nonce: _, ...sound }, sign) => sign({ ...sound, iss: clinic.hospital.baseOf(name) }),
    token: ({ refresh_token, ...sound }, { form }) => ({
      body: form.get("grant_type") === "refresh_token" ? sound : { ...sound, refresh_token, expires_in: 120 },
    }),
  });

  for (const { name, app } of VARIANTS) {
    describe(name, () => {
      let end: OddEnd;
      let requests: OddRequest[];
      let jwks: JSONWebKeySet;
      const at = (path: string): OddRequest[] => requests.filter((one) => one.path === path);
      before(async () => {
        jwks = (await (await fetch(`${clinic.api}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
        end = await clinic.tryAt(name, simulated(name));
        await accessAfter(120, end.connection?.id ?? "");
        requests = [...clinic.hospital.requests];
      });

      test("N1: Verify SMART Registration: redirect URI and keys can be given at registration", () => {
        const redirect = new URL(at("authorize")[0]?.query.get("redirect_uri") ?? "");
        assert.deepEqual([redirect.search, redirect.hash], ["", ""]);
        assert.ok(jwks.keys.length >= 1);
        for (const key of jwks.keys)
          assert.deepEqual([typeof key.kid, key.d, key.p, key.k], ["string", undefined, undefined, undefined]);
      });

      test("N1: Verify SMART App Launch: the app came through with the launch", () => {
        assert.deepEqual([end.success, end.identity], [true, "unverified"], end.reason ?? "");
        assert.equal(end.connection?.fhir_patient_id, ODD_PATIENT);
        assert.equal(end.connection?.renewable, 1);
      });

      test("N1: Verify SMART Authorization Requests", () => {
        assert.ok(at("authorize").length > 0);
        for (const { query } of at("authorize")) {
          assert.equal(query.get("response_type"), "code");
          assert.equal(query.get("client_id"), app.client_id);
          assert.equal(query.get("redirect_uri"), `${clinic.api}/callback`);
          assert.notEqual(query.get("state") ?? "", "");
          assert.equal(query.get("aud"), clinic.hospital.baseOf(name));
          assert.notEqual(query.get("code_challenge") ?? "", "");
          assert.equal(query.get("code_challenge_method"), "S256");
          assert.notEqual(query.get("scope") ?? "", "");
          assert.equal(query.get("launch"), null);
        }
      });

      test("N1: Verify SMART Token Requests", () => {
        const [authorization] = at("authorize");
        const codes = at("token").filter(({ form }) => form.get("grant_type") === "authorization_code");
        assert.equal(codes.length, 1);
        for (const { headers, form } of codes) {
          assert.match(headers["content-type"] ?? "", /^application\/x-www-form-urlencoded/);
          assert.match(form.get("code") ?? "", /^code-/);
          assert.equal(form.get("redirect_uri"), authorization?.query.get("redirect_uri"));
          const challenge = createHash("sha256")
            .update(form.get("code_verifier") ?? "")
            .digest("base64url");
          assert.equal(challenge, authorization?.query.get("code_challenge"));
        }
      });

      test("N1: Verify SMART Token Requests: a refresh brings the refresh token that was issued, twice where none came in its place", async () => {
        await accessAfter(3720, end.connection?.id ?? "");
        const refreshes = clinic.hospital
          .asked("token")
          .filter(({ form }) => form.get("grant_type") === "refresh_token");
        const [first, second] = refreshes.map(({ form }) => form.get("refresh_token"));
        assert.equal(refreshes.length, 2);
        assert.match(first ?? "", /^refresh-/);
        assert.equal(second, first);
      });

      test("N1: Verify SMART Token Use: a FHIR request carries an issued access token as Bearer", async () => {
        let issued: unknown;
        const { success } = await clinic.tryAt(name, {
          ...simulated(name),
          token({ patient: _, ...sound }) {
            issued = sound.access_token;
            return { body: sound };
          },
        });
        assert.equal(success, true);
        const used = clinic.hospital.asked("fhir/Patient").map(({ headers }) => headers.authorization);
        assert.deepEqual(used, [`Bearer ${issued}`]);
      });

      test(`N1: Verify SMART Token Requests: client authentication of a ${name}`, async () => {
        const seen = new Set<unknown>();
        assert.deepEqual(
          at("token").map(({ form }) => form.get("grant_type")),
          ["authorization_code", "refresh_token"],
        );
        for (const request of at("token")) {
          const { headers, form } = request;
          if ("client_secret" in app) {
            const [, encoded = ""] = /^Basic (.+)$/.exec(headers.authorization ?? "") ?? [];
            // Compared as it comes out of base64, with no other decoding.
            assert.equal(Buffer.from(encoded, "base64").toString(), `${app.client_id}:${app.client_secret}`);
          } else if ("token_endpoint_auth_method" in app) {
            assert.equal(form.get("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            const assertion = form.get("client_assertion") ?? "";
            const { typ, kid } = decodeProtectedHeader(assertion);
            assert.equal(typ, "JWT");
            assert.ok(jwks.keys.some((key) => key.kid === kid));
            const { payload } = await jwtVerify(assertion, createLocalJWKSet(jwks));
            assert.deepEqual([payload.iss, payload.sub], [app.client_id, app.client_id]);
            assert.equal(payload.aud, clinic.hospital.baseOf(name).replace(/fhir$/, "token"));
            assert.ok(payload.exp && payload.jti);
            assert.ok(!seen.has(payload.jti));
            seen.add(payload.jti);
          } else {
            assert.equal(form.get("client_id"), app.client_id);
            assert.equal(headers.authorization, undefined);
          }
        }
      });
    });
  }
});
