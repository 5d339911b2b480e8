/**
 * The id_token, verified apart from the grant: bad ones, each to its end. One that contradicts the sign-in fails it and the
 * tokens are revoked; one that cannot be checked leaves the connection, and nothing in it is believed.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { type OddClinic, type OddPlace, openOddClinic } from "./support/odd-clinic.ts";
import { type Behaviour, ODD_PATIENT, type Reply, type Sign } from "./support/odd-server.ts";

const now = (): number => Math.floor(Date.now() / 1000);
/** Claims changed, signed as they should be; undefined leaves one out. */
const claiming = (claims: (sound: JWTPayload) => JWTPayload): Behaviour => ({
  idToken: (sound, sign) => sign({ ...sound, ...claims(sound) }),
});
const withHeader = (options: Parameters<Sign>[1]): Behaviour => ({ idToken: (sound, sign) => sign(sound, options) });
const keysAnswer = (reply: Reply): Behaviour => ({ keys: () => reply });

/** Nothing but the id_token could tell who the patient is. */
const onlyByIdToken = (behaviour: Behaviour): Behaviour => ({
  ...behaviour,
  token: ({ patient: _, ...sound }) => ({ body: sound }),
  fhir: { Patient: { status: 403 }, Coverage: { status: 403 }, ExplanationOfBenefit: { status: 403 } },
});

const PLACES: OddPlace[] = [
  ...["Sound", "Dead keys", "HTML keys", "Rotated", "Polite", "Changed"].map((name) => ({ name })),
  { name: "No keys", configuration: { jwks_uri: undefined } },
  { name: "No issuer", configuration: { issuer: undefined } },
  { name: "Strict", app: { require_nonce: true } },
  { name: "Strict without keys", app: { require_nonce: true }, configuration: { jwks_uri: undefined } },
  { name: "Slash", configuration: { issuer: "https://issuer.example" } },
  {
    name: "Alias",
    configuration: { issuer: "https://issuer.example" },
    app: { issuer_aliases: ["https://issuer.example/"] },
  },
  { name: "Elliptic", configuration: { id_token_signing_alg_values_supported: ["ES384"] } },
];

describe("an id_token that is verified, or contradicts", () => {
  let clinic: OddClinic;
  before(async () => {
    clinic = await openOddClinic(PLACES);
  });
  after(() => clinic.close());

  const verified: [what: string, place: string, behaviour: Behaviour][] = [
    ["a sound one", "Sound", {}],
    ["an audience that is a list of one", "Sound", claiming(({ aud }) => ({ aud: [String(aud)] }))],
    ["two audiences and our azp", "Sound", claiming(({ aud }) => ({ aud: [String(aud), "other"], azp: String(aud) }))],
    ["an end 80 s ago by our clock", "Sound", claiming(() => ({ exp: now() - 80 }))],
    ["a beginning 80 s from now by our clock", "Sound", claiming(() => ({ iat: now() + 80, nbf: now() + 80 }))],
    ["no kid, where the issuer has one key", "Sound", withHeader({ header: { kid: undefined as never } })],
    ["an issuer with a slash that the profile knows", "Alias", claiming(() => ({ iss: "https://issuer.example/" }))],
    ["the nonce, where it must", "Strict", {}],
  ];
  for (const [what, place, behaviour] of verified) {
    test(`I4: an id_token with ${what} is verified, and its fhirUser is believed`, async () => {
      const end = await clinic.tryAt(place, onlyByIdToken(behaviour));
      assert.deepEqual([end.success, end.identity, end.patientFrom], [true, "verified", "id_token"], end.reason ?? "");
      assert.equal(end.connection?.fhir_patient_id, ODD_PATIENT);
    });
  }

  const foreign: [what: string, place: string, reason: string, behaviour: Behaviour][] = [
    ["alg none", "Sound", "id_token_algorithm", { idToken: async (sound) => new UnsecuredJWT(sound).encode() }],
    ["HS256 made with the issuer's public key", "Sound", "id_token_algorithm", { idToken: signedWithPublicKey }],
    [
      "a signature by somebody else under the issuer's kid",
      "Sound",
      "id_token_signature",
      withHeader({ key: "foreign" }),
    ],
    [
      "a garbage signature",
      "Sound",
      "id_token_signature",
      { idToken: async (sound, sign) => garbled(await sign(sound)) },
    ],
    [
      "changed claims under a good signature",
      "Sound",
      "id_token_signature",
      { idToken: async (sound, sign) => altered(await sign(sound)) },
    ],
    ["another issuer", "Sound", "id_token_iss", claiming(() => ({ iss: "https://other.example" }))],
    ["an issuer that differs by a slash", "Sound", "id_token_iss", claiming(({ iss }) => ({ iss: `${iss}/` }))],
    [
      "an issuer that differs by a slash from a named one",
      "Slash",
      "id_token_iss",
      claiming(() => ({ iss: "https://issuer.example/" })),
    ],
    ["another app's audience", "Sound", "id_token_aud", claiming(() => ({ aud: "other-app" }))],
    [
      "another app's audience, and no keys to check it with",
      "No keys",
      "id_token_aud",
      claiming(() => ({ aud: "other-app" })),
    ],
    ["two audiences and no azp", "Sound", "id_token_azp", claiming(({ aud }) => ({ aud: [String(aud), "other"] }))],
    ["another app's azp", "Sound", "id_token_azp", claiming(() => ({ azp: "other" }))],
    ["another nonce", "Sound", "id_token_nonce", claiming(() => ({ nonce: "another" }))],
    ["a nonce that is no text", "Sound", "id_token_nonce", claiming(() => ({ nonce: 7 }))],
    [
      "another nonce, and no keys to check it with",
      "No keys",
      "id_token_nonce",
      claiming(() => ({ nonce: "another" })),
    ],
  ];
  for (const [what, place, reason, behaviour] of foreign) {
    test(`I1: an id_token with ${what} fails the attempt, and the tokens are revoked`, async () => {
      const end = await clinic.tryAt(place, behaviour);
      assert.deepEqual([end.error, end.reason, end.connection], ["oauth_error", reason, null]);
      const hints = clinic.hospital.asked("revoke").map(({ form }) => form.get("token_type_hint"));
      assert.deepEqual(hints, ["refresh_token", "access_token"]);
    });
  }

  test("I1: a nonce of an earlier sign-in fails the attempt", async () => {
    let earlier: unknown;
    const keep: Behaviour = {
      idToken(sound, sign) {
        earlier = sound.nonce;
        return sign(sound);
      },
    };
    assert.equal((await clinic.tryAt("Sound", keep)).identity, "verified");
    assert.equal(
      (
        await clinic.tryAt(
          "Sound",
          claiming(() => ({ nonce: String(earlier) })),
        )
      ).reason,
      "id_token_nonce",
    );
  });

  test("I3: a nonce may be absent, unless the profile requires it: then an id_token without it fails, as one that cannot be read and none do", async () => {
    const soft = await clinic.tryAt(
      "Sound",
      claiming(() => ({ nonce: undefined })),
    );
    assert.deepEqual([soft.success, soft.identity], [true, "unverified"]);
    const ends: [Behaviour, string][] = [
      [claiming(() => ({ nonce: undefined })), "id_token_nonce"],
      [{ idToken: async () => "not.a.jwt" }, "id_token_unreadable"],
      [{ idToken: async () => null }, "id_token_absent"],
    ];
    for (const [behaviour, reason] of ends) {
      for (const place of ["Strict", "Strict without keys"]) {
        const end = await clinic.tryAt(place, behaviour);
        assert.deepEqual([end.error, end.reason, end.connection], ["oauth_error", reason, null]);
      }
    }
    const end = await clinic.tryAt("Strict without keys");
    assert.deepEqual([end.success, end.identity], [true, "unverified"]);
  });

  test("I1: an algorithm that the server announces is verified", async () => {
    const keys = await generateKeyPair("ES384");
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: "ec" };
    const end = await clinic.tryAt("Elliptic", {
      idToken: (sound) => new SignJWT(sound).setProtectedHeader({ alg: "ES384", kid: "ec" }).sign(keys.privateKey),
      keys: ({ keys: sound }) => ({ body: { keys: [...sound, jwk] } }),
    });
    assert.deepEqual([end.success, end.identity], [true, "verified"]);
  });

  test("I1: keys are asked for once in five minutes, and again for a key that is new", async () => {
    const asked = (): number => clinic.hospital.asked("keys").length;
    assert.equal((await clinic.tryAt("Rotated")).identity, "verified");
    assert.equal(asked(), 1);
    assert.equal((await clinic.tryAt("Rotated")).identity, "verified");
    assert.equal(asked(), 0);

    const rotated = await rotation("new");
    // Just asked: an unknown kid is not taken as a reason to ask again at once.
    assert.equal((await clinic.tryAt("Rotated", rotated)).identity, "unverified");
    assert.equal(asked(), 0);
    clinic.pass(31);
    assert.equal((await clinic.tryAt("Rotated", rotated)).identity, "verified");
    assert.equal(asked(), 1);
  });

  test("I1: keys that changed under the same kid are asked for again before a signature is called false", async () => {
    assert.equal((await clinic.tryAt("Changed")).identity, "verified");
    clinic.pass(31);
    assert.equal((await clinic.tryAt("Changed", await rotation("odd"))).identity, "verified");
    assert.equal(clinic.hospital.asked("keys").length, 1);
  });

  test("I1: a failure to get the keys is not remembered", async () => {
    assert.equal((await clinic.tryAt("Polite", keysAnswer({ status: 503 }))).identity, "unverified");
    assert.equal((await clinic.tryAt("Polite")).identity, "verified");
  });
});

describe("an id_token that cannot be checked", () => {
  let clinic: OddClinic;
  before(async () => {
    clinic = await openOddClinic(PLACES);
  });
  after(() => clinic.close());

  const unchecked: [what: string, place: string, behaviour: Behaviour][] = [
    ["is not there", "Sound", { idToken: async () => null }],
    ["is no JWT", "Sound", { idToken: async () => "not.a.jwt" }],
    ["is no text", "Sound", { idToken: async () => ({ sub: "x" }) }],
    ["is encrypted", "Sound", { idToken: async () => "e30.AA.AA.AA.AA" }],
    ["carries no nonce", "Sound", claiming(() => ({ nonce: undefined }))],
    ["is signed with an algorithm that nobody announced", "Sound", { idToken: signedElliptic }],
    [
      "names a key that the issuer does not publish",
      "Sound",
      withHeader({ header: { kid: "unknown" }, key: "foreign" }),
    ],
    ["has an exp in text", "Sound", claiming(() => ({ exp: String(now() + 300) as never }))],
    ["has no exp", "Sound", claiming(() => ({ exp: undefined as never }))],
    ["has ended 100 s ago", "Sound", claiming(() => ({ exp: now() - 100 }))],
    ["begins 100 s from now", "Sound", claiming(() => ({ nbf: now() + 100 }))],
    ["was issued 100 s from now", "Sound", claiming(() => ({ iat: now() + 100 }))],
    ["has no issuer", "Sound", claiming(() => ({ iss: undefined as never }))],
    ["comes from a server that names no keys", "No keys", {}],
    ["comes from a server that names no issuer", "No issuer", {}],
    ["comes while the keys cannot be reached", "Dead keys", keysAnswer("drop")],
    [
      "comes while the keys are HTML",
      "HTML keys",
      keysAnswer({ headers: { "content-type": "text/html" }, body: "<html>" }),
    ],
  ];
  for (const [what, place, behaviour] of unchecked) {
    test(`I2: an id_token that ${what} leaves the connection, and its fhirUser is not believed`, async () => {
      const end = await clinic.tryAt(place, behaviour);
      const identity = /not there|no text/.test(what) ? "absent" : "unverified";
      assert.deepEqual(
        [end.success, end.identity, end.connection?.identity],
        [true, identity, identity],
        end.reason ?? "",
      );
      assert.deepEqual(clinic.hospital.asked("revoke"), []);
      const alone = await clinic.tryAt(place, onlyByIdToken(behaviour));
      assert.deepEqual([alone.error, alone.reason, alone.connection], ["oauth_error", "no_patient", null]);
    });
  }
});

/** The issuer signs with a new key and publishes it. */
async function rotation(kid: string): Promise<Behaviour> {
  const keys = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(keys.publicKey)), kid, alg: "RS256" };
  return {
    idToken: (sound) => new SignJWT(sound).setProtectedHeader({ alg: "RS256", kid }).sign(keys.privateKey),
    keys: () => ({ body: { keys: [jwk] } }),
  };
}

async function signedWithPublicKey(sound: JWTPayload, _sign: Sign, publicKey: JWK): Promise<string> {
  const secret = new TextEncoder().encode(JSON.stringify(publicKey));
  return new SignJWT(sound).setProtectedHeader({ alg: "HS256", kid: "odd" }).sign(secret);
}

async function signedElliptic(sound: JWTPayload): Promise<string> {
  const { privateKey } = await generateKeyPair("ES256");
  return new SignJWT(sound).setProtectedHeader({ alg: "ES256", kid: "odd" }).sign(privateKey);
}

function garbled(token: string): string {
  const [header, claims, signature = ""] = token.split(".");
  return [header, claims, Buffer.alloc(Buffer.from(signature, "base64url").length, 7).toString("base64url")].join(".");
}

function altered(token: string): string {
  const [header, claims = "", signature] = token.split(".");
  const changed = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), sub: "another" };
  return [header, Buffer.from(JSON.stringify(changed)).toString("base64url"), signature].join(".");
}
