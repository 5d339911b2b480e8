/** The whole flow against a server that misbehaves in every way that a real one was seen to. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type OddClinic, openOddClinic } from "./support/odd-clinic.ts";
import { type Behaviour, ODD_PATIENT, type Reply } from "./support/odd-server.ts";

type Sound = Record<string, unknown>;
/** A sound token answer, sent otherwise. */
const sent = (change: (sound: Sound) => Reply): Behaviour => ({ token: change });
/** A sound token answer with members changed; undefined leaves one out. */
const changed = (members: Sound): Behaviour => sent((sound) => ({ body: { ...sound, ...members } }));

/** The same server under another name. */
const elsewhere = (url: string): string => url.replace("127.0.0.1", "localhost");

describe("a server that misbehaves", () => {
  let clinic: OddClinic;
  before(async () => {
    clinic = await openOddClinic([
      { name: "Sound" },
      { name: "Form", app: { token_quirks: { form_body: true } } },
      { name: "Typeless", app: { token_quirks: { missing_token_type: true } } },
      { name: "Secret", app: { client_secret: "s" } },
      {
        name: "Unlisted",
        app: { client_secret: "s" },
        configuration: { token_endpoint_auth_methods_supported: ["private_key_jwt"] },
      },
      { name: "Unnamed", configuration: { issuer: undefined } },
      { name: "Foreign tokens", configuration: (root) => ({ token_endpoint: elsewhere(`${root}/token`) }) },
      {
        name: "Known tokens",
        app: { token_hosts: ["localhost"] },
        configuration: (root) => ({ token_endpoint: elsewhere(`${root}/token`) }),
      },
      { name: "Foreign revocation", configuration: (root) => ({ revocation_endpoint: elsewhere(`${root}/revoke`) }) },
      { name: "No revocation", configuration: { revocation_endpoint: undefined } },
    ]);
  });
  after(() => clinic.close());

  const read: [how: string, place: string, behaviour: Behaviour][] = [
    ["as the standards have it", "Sound", {}],
    ["without an issuer in its configuration", "Unnamed", {}],
    ["in a 201", "Sound", sent((body) => ({ status: 201, body }))],
    ["as text/html", "Sound", sent((body) => ({ headers: { "content-type": "text/html" }, body }))],
    ["as text/plain", "Sound", sent((body) => ({ headers: { "content-type": "text/plain" }, body }))],
    [
      "without a content type's charset and with a byte order mark",
      "Sound",
      sent((sound) => ({ body: `\uFEFF${JSON.stringify(sound)}` })),
    ],
    ["with token_type in capitals", "Sound", changed({ token_type: "BEARER" })],
    [
      "with null for what it has not",
      "Sound",
      changed({ id_token: null, refresh_token: null, expires_in: null, scope: null }),
    ],
    ["with empty text for what it has not", "Sound", changed({ id_token: "", refresh_token: "", expires_in: "" })],
    ["with a scope that is a list", "Sound", changed({ scope: ["openid", "patient/Patient.rs"] })],
    ["with a life in text", "Sound", changed({ expires_in: "3600" })],
    ["with a life that is no number", "Sound", changed({ expires_in: "soon" })],
    [
      "with members of types that nobody expects",
      "Sound",
      changed({ fhirContext: 7, ah_practice: [], need_patient_banner: {}, patient_banner: null }),
    ],
    ["without token_type, where the profile knows", "Typeless", changed({ token_type: undefined })],
    [
      "form-encoded, where the profile knows",
      "Form",
      sent((sound) => ({
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(
          Object.entries(sound).map(([name, value]): [string, string] => [name, String(value)]),
        ).toString(),
      })),
    ],
  ];
  for (const [how, place, behaviour] of read) {
    test(`T7: a token answer ${how} connects`, async () => {
      const end = await clinic.tryAt(place, behaviour);
      assert.deepEqual([end.success, end.reason, end.connection?.fhir_patient_id], [true, null, ODD_PATIENT]);
    });
  }

  const html = { headers: { "content-type": "text/html" }, body: "<html>Sign in</html>" };
  const refused: [how: string, place: string, reason: string, behaviour: Behaviour][] = [
    ["HTML with 200", "Sound", "unreadable", { token: () => html }],
    ["HTML with 503", "Sound", "http_503", { token: () => ({ ...html, status: 503 }) }],
    ["a redirect", "Sound", "http_302", { token: () => ({ status: 302, headers: { location: "/0/elsewhere" } }) }],
    [
      "a temporary redirect that would repeat the POST",
      "Sound",
      "http_307",
      { token: () => ({ status: 307, headers: { location: "/0/elsewhere" } }) },
    ],
    ["nothing in the body", "Sound", "unreadable", { token: () => ({ body: "" }) }],
    ["a list", "Sound", "unreadable", { token: () => ({ body: [] }) }],
    ["no access_token", "Sound", "unreadable", changed({ access_token: undefined })],
    ["another token_type", "Sound", "unreadable", changed({ token_type: "mac" })],
    ["no token_type, where no profile knows", "Sound", "unreadable", changed({ token_type: undefined })],
    [
      "a form, where no profile knows",
      "Sound",
      "unreadable",
      { token: () => ({ body: "access_token=t&token_type=bearer" }) },
    ],
    ["an error with 200", "Sound", "invalid_grant", { token: () => ({ body: { error: "invalid_grant" } }) }],
    [
      "an error as text/plain",
      "Sound",
      "invalid_grant",
      { token: () => ({ status: 400, headers: { "content-type": "text/plain" }, body: { error: "invalid_grant" } }) },
    ],
    [
      "401 with a challenge and the error in the body",
      "Sound",
      "unauthorized_client",
      {
        token: () => ({
          status: 401,
          headers: { "www-authenticate": 'Basic realm="x", error="nope"' },
          body: { error: "unauthorized_client" },
        }),
      },
    ],
    [
      "an error code with markup in it",
      "Sound",
      "http_400",
      { token: () => ({ status: 400, body: { error: "<b>no</b>" } }) },
    ],
    ["nothing at all", "Sound", "unreachable", { token: () => "drop" }],
    ["more than a megabyte", "Sound", "too_large", { token: () => ({ body: "x".repeat(1_100_000) }) }],
  ];
  for (const [how, place, reason, behaviour] of refused) {
    test(`T7: a token endpoint that answers ${how} ends in token_exchange_failed, said as ${reason}`, async () => {
      const end = await clinic.tryAt(place, behaviour);
      assert.deepEqual([end.error, end.reason, end.connection], ["token_exchange_failed", reason, null]);
      assert.equal(clinic.hospital.asked("token").length, 1);
      assert.equal(clinic.hospital.asked("elsewhere").length, 0);
    });
  }

  test("T1: after invalid_client the trail says so where the server does not list the app's method", async () => {
    const invalid = { token: () => ({ status: 401, body: { error: "invalid_client" } }) };
    assert.equal((await clinic.tryAt("Secret", invalid)).reason, "invalid_client");
    assert.equal((await clinic.tryAt("Unlisted", invalid)).reason, "client_method_not_supported");
    assert.equal((await clinic.tryAt("Unlisted")).success, true);
  });

  test("T4b: a source that names another host's token endpoint beside its own sign-in page gets no patient, code or proof", async () => {
    const end = await clinic.tryAt("Foreign tokens");
    assert.deepEqual([end.error, end.reason], ["oauth_error", "token_endpoint_foreign"]);
    assert.deepEqual([clinic.hospital.asked("authorize"), clinic.hospital.asked("token")], [[], []]);
    const known = await clinic.tryAt("Known tokens");
    assert.deepEqual([known.reason, clinic.hospital.asked("token").length], [null, 1]);
  });

  test("T4b: no token and no proof goes to a revocation endpoint on another host", async () => {
    const end = await clinic.tryAt("Foreign revocation", changed({ scope: "openid" }));
    assert.deepEqual([end.revoked, clinic.hospital.asked("revoke")], ["unsupported", []]);
  });

  test("T6: the code request carries the same redirect_uri, the code and the verifier of the challenge", async () => {
    await clinic.tryAt("Sound");
    const [authorization] = clinic.hospital.asked("authorize");
    const [token] = clinic.hospital.asked("token");
    assert.ok(authorization && token);
    assert.equal(token.form.get("grant_type"), "authorization_code");
    assert.equal(token.form.get("redirect_uri"), authorization.query.get("redirect_uri"));
    assert.match(token.form.get("code") ?? "", /^code-/);
    const digest = await crypto.subtle.digest(
      "SHA-256",
      new TextEncoder().encode(token.form.get("code_verifier") ?? ""),
    );
    assert.equal(Buffer.from(digest).toString("base64url"), authorization.query.get("code_challenge"));
  });

  test("T8: what the answer says beside the tokens stands with the connection, without a token", async () => {
    const { connection } = await clinic.tryAt(
      "Sound",
      changed({
        ah_practice: "a-1.Practice-7",
        access_grant_expiration: "2031-01-01T00:00:00Z",
        need_patient_banner: true,
        fhirContext: [{ reference: "Organization/3" }],
        authorization_details: [{ secret: "no" }],
      }),
    );
    assert.deepEqual(JSON.parse(connection?.extras ?? ""), {
      ah_practice: "a-1.Practice-7",
      access_grant_expiration: "2031-01-01T00:00:00Z",
      need_patient_banner: true,
      fhirContext: [{ reference: "Organization/3" }],
    });
    assert.equal((await clinic.tryAt("Sound")).connection?.extras, null);
  });

  test("T11: access lives as the answer says, five minutes where it says nothing, a day at the most", async () => {
    for (const [expires_in, life] of [
      [undefined, 300],
      [16768.52, 16769],
      ["1800", 1800],
      [1e8, 86_400],
    ] as const) {
      assert.equal((await clinic.tryAt("Sound", changed({ expires_in }))).connection?.life, life);
    }
  });

  test("T12: introspection is never asked for, though the server offers it", async () => {
    assert.equal((await clinic.tryAt("Sound")).success, true);
    assert.deepEqual(clinic.hospital.asked("introspect"), []);
  });

  describe("T13: a grant that leads to no connection is revoked, the refresh token first", () => {
    const nothing = changed({ scope: "openid" });
    const answers: [string, Reply, string][] = [
      ["200", {}, "revoked"],
      ["204", { status: 204, body: "" }, "revoked"],
      ["401", { status: 401 }, "refused"],
      ["503 in HTML", { ...html, status: 503 }, "refused"],
      ["not at all", "drop", "refused"],
    ];
    for (const [how, revoke, outcome] of answers) {
      test(`T13: answered ${how}`, async () => {
        const end = await clinic.tryAt("Sound", { ...nothing, revoke });
        assert.deepEqual([end.error, end.reason, end.revoked], ["oauth_error", "no_data_access_granted", outcome]);
        const hints = clinic.hospital.asked("revoke").map(({ form }) => form.get("token_type_hint"));
        assert.deepEqual(hints, ["refresh_token", "access_token"]);
        assert.equal(end.connection, null);
      });
    }
    test("T13: also where the answer that brought the tokens cannot be read", async () => {
      const end = await clinic.tryAt("Sound", changed({ token_type: "mac" }));
      assert.deepEqual([end.error, end.reason], ["token_exchange_failed", "unreadable"]);
      const hints = clinic.hospital.asked("revoke").map(({ form }) => form.get("token_type_hint"));
      assert.deepEqual(hints, ["refresh_token", "access_token"]);
    });
    test("T13: not offered", async () => {
      assert.equal((await clinic.tryAt("No revocation", nothing)).revoked, "unsupported");
      assert.deepEqual(clinic.hospital.asked("revoke"), []);
    });
  });
});
