/** How the app proves itself: what a token endpoint and a revocation endpoint really get to see, in each of the four ways. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { MbConnectOptions } from "@mb-connect/server";
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyResult, jwtVerify } from "jose";
import { type OddClinic, openOddClinic } from "./support/odd-clinic.ts";
import type { OddRequest } from "./support/odd-server.ts";

const CLIENT_ID = "app_1a2b-3c";
const SECRET = "a+b/c=d:e%f-g_h i";
const signingKeys = [
  { kid: "ec", ...generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "jwk" }) },
  { kid: "rsa", ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }) },
] as NonNullable<MbConnectOptions["signingKeys"]>;

const client_id = CLIENT_ID;
const client_secret = SECRET;
const places = [
  { name: "Public", app: { client_id } },
  { name: "Basic", app: { client_id, client_secret } },
  { name: "Encoded", app: { client_id, client_secret, basic_encoding: "rfc6749" } },
  { name: "Post", app: { client_id, client_secret, token_endpoint_auth_method: "client_secret_post" } },
  { name: "ES384", app: { client_id, token_endpoint_auth_method: "private_key_jwt" } },
  { name: "RS384", app: { client_id, token_endpoint_auth_method: "private_key_jwt", signing_kid: "rsa" } },
  {
    name: "Contradicting",
    app: { client_id, client_secret },
    configuration: { token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt"] },
  },
] as const;

/** The proof that a request carries, by where it is. */
const proofOf = ({ headers, form }: OddRequest) => ({
  authorization: headers.authorization,
  client_id: form.get("client_id"),
  client_secret: form.get("client_secret"),
  client_assertion_type: form.get("client_assertion_type"),
  assertion: form.get("client_assertion") !== null,
});
const NO_PROOF = {
  authorization: undefined,
  client_id: null,
  client_secret: null,
  client_assertion_type: null,
  assertion: false,
};
const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

describe("client authentication", () => {
  let clinic: OddClinic;
  before(async () => {
    clinic = await openOddClinic([...places], { signingKeys });
  });
  after(() => clinic.close());

  /** Connects, and disconnects: the requests at the token and the revocation endpoint. */
  async function requestsAt(name: string): Promise<[token: OddRequest, ...revocations: OddRequest[]]> {
    const end = await clinic.tryAt(name);
    assert.equal(end.success, true, end.reason ?? "");
    await clinic.mb.patients.disconnectConnection(end.user, end.connection?.id ?? "");
    const [token, ...others] = clinic.hospital.asked("token");
    const revocations = clinic.hospital.asked("revoke");
    assert.ok(token);
    assert.deepEqual([others.length, revocations.length], [0, 2]);
    return [token, ...revocations];
  }
  const published = async (): Promise<JSONWebKeySet> =>
    (await (await fetch(`${clinic.api}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  const verified = async (request: OddRequest): Promise<JWTVerifyResult> =>
    jwtVerify(request.form.get("client_assertion") ?? "", createLocalJWKSet(await published()));

  /** What the requests at a facility carry as proof, and nothing else. */
  const shows = (name: string, proof: Partial<ReturnType<typeof proofOf>>) => async (): Promise<void> => {
    for (const request of await requestsAt(name)) {
      const seen = proofOf(request);
      // Beside a header a client_id in the body is allowed, and says the same.
      if (proof.authorization !== undefined && seen.client_id === CLIENT_ID) seen.client_id = null;
      assert.deepEqual(seen, { ...NO_PROOF, ...proof });
    }
  };

  test(
    "T1: a public app sends its client_id in the body and nothing that looks like a proof",
    shows("Public", { client_id }),
  );
  test(
    "T2, T3: a secret goes into a Basic header as it is, unencoded, and never into the body",
    shows("Basic", { authorization: basic(CLIENT_ID, SECRET) }),
  );
  test(
    "T2: a profile has id and secret form-encoded first",
    // Each part on its own, and more of it than need be: `-` and `_` are read the same either way.
    shows("Encoded", { authorization: basic("app%5F1a2b%2D3c", "a%2Bb%2Fc%3Dd%3Ae%25f%2Dg%5Fh+i") }),
  );
  test("T1: client_secret_post sends the secret in the body alone", shows("Post", { client_id, client_secret }));
  test(
    "T1: the registration decides, also where the server's list says otherwise",
    shows("Contradicting", { authorization: basic(CLIENT_ID, SECRET) }),
  );

  for (const alg of ["ES384", "RS384"]) {
    test(`T4: private_key_jwt signs ${alg}, typ JWT, with a kid that is published, for at most five minutes`, async () => {
      const [token] = await requestsAt(alg);
      assert.deepEqual(proofOf(token), {
        ...NO_PROOF,
        client_id: proofOf(token).client_id,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        assertion: true,
      });
      const { protectedHeader, payload } = await verified(token);
      assert.deepEqual([protectedHeader.alg, protectedHeader.typ], [alg, "JWT"]);
      assert.equal(protectedHeader.kid, alg === "ES384" ? "ec" : "rsa");
      assert.equal(protectedHeader.jku, undefined);
      assert.deepEqual([payload.iss, payload.sub], [CLIENT_ID, CLIENT_ID]);
      const now = Date.now() / 1000;
      assert.ok(Number(payload.exp) > now && Number(payload.exp) <= now + 300);
      assert.equal(payload.nbf, undefined);
      assert.match(String(payload.jti), /^[\w-]{20,}$/);
    });
  }

  test("T4b: an assertion's aud is one string, the exact URL it is posted to, also at the revocation endpoint", async () => {
    const [token, ...revocations] = await requestsAt("ES384");
    const root = clinic.hospital.baseOf("ES384").replace(/fhir$/, "");
    assert.equal((await verified(token)).payload.aud, `${root}token`);
    for (const revocation of revocations) assert.equal((await verified(revocation)).payload.aud, `${root}revoke`);
  });

  test("T4: no two assertions share a jti", async () => {
    const requests = [...(await requestsAt("ES384")), ...(await requestsAt("RS384"))];
    const ids = await Promise.all(requests.map(async (request) => (await verified(request)).payload.jti));
    assert.equal(new Set(ids).size, 6);
  });
});
