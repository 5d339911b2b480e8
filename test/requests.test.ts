/** The authorization request: what the browser is sent to the portal with, and what must not be sent at all. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readVendors } from "#server/catalog/vendor.js";
import { authorizationRequest } from "#server/smart/authorization-request.js";
import { readConfiguration, type SmartConfiguration } from "#server/smart/configuration.js";
import { requestedScopes } from "#server/smart/scopes.js";
import { DEFAULT_PROFILE, readProfiles, type SourceProfile } from "#server/smart/source-profile.js";
import { openDatabase } from "#server/store/database.js";
import { patientBrowser } from "./support/clinic.ts";
import { type OddClinic, type OddPlace, openOddClinic } from "./support/odd-clinic.ts";
import { visitOddPortal } from "./support/odd-server.ts";

const minimal = { authorization_endpoint: "https://h.example/authorize", token_endpoint: "https://h.example/token" };
const configuration = (more: object = {}): SmartConfiguration => {
  const read = readConfiguration({ ...minimal, ...more }, "https://h.example/fhir/");
  assert.ok(read);
  return read;
};
const PUBLIC = { client_id: "app", token_endpoint_auth_method: "none", basic_encoding: "raw" } as const;
const SECRET = { ...PUBLIC, token_endpoint_auth_method: "client_secret_basic", client_secret: "s" } as const;

interface Changes {
  configuration?: object;
  profile?: Partial<SourceProfile>;
  fhir_base_url?: string;
  client?: typeof PUBLIC | typeof SECRET;
}

const request = (changes: Changes = {}) =>
  authorizationRequest({
    configuration: configuration({ code_challenge_methods_supported: ["S256"], ...changes.configuration }),
    profile: { ...DEFAULT_PROFILE, ...changes.profile },
    registration: "vendor:x",
    client: changes.client ?? PUBLIC,
    redirect_uri: "https://app.example/api/callback",
    fhir_base_url: changes.fhir_base_url ?? "https://h.example/fhir/",
    plan: "whole",
  });
const parametersOf = async (changes: Changes = {}) => new URL((await request(changes)).url).searchParams;

test("A1, A7, A8: just the parameters of SMART; no launch, no max_age, no prompt", async () => {
  const sent = await parametersOf();
  assert.deepEqual([...sent.keys()].sort(), [
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
  assert.equal(sent.get("response_type"), "code");
  assert.equal(sent.get("client_id"), "app");
  assert.equal(sent.get("redirect_uri"), "https://app.example/api/callback");
  assert.equal(sent.get("code_challenge_method"), "S256");
});

test("A2: aud is the FHIR base as catalogued, byte for byte; a profile's own wins", async () => {
  for (const base of ["https://h.example/fhir", "https://h.example/fhir/", "https://H.example:443/FHIR//R4/"]) {
    assert.equal((await parametersOf({ fhir_base_url: base })).get("aud"), base);
  }
  assert.equal((await parametersOf({ profile: { aud_override: "urn:aud" } })).get("aud"), "urn:aud");
});

test("A3, A4: state and verifier are 256 bits and never twice the same", async () => {
  const made = await Promise.all(Array.from({ length: 1000 }, () => request()));
  for (const values of [
    made.map((one) => one.state),
    made.map((one) => one.secrets.code_verifier),
    made.map((one) => one.secrets.nonce),
  ]) {
    assert.equal(new Set(values).size, 1000);
    assert.ok(values.every((value) => Buffer.from(value, "base64url").length === 32));
  }
});

test("A4: a server without S256 is refused, but for a confidential client whose nonce is enforced", async () => {
  const strict = { require_nonce: true };
  for (const methods of [undefined, [], ["plain"]]) {
    const without = { configuration: { code_challenge_methods_supported: methods } };
    const refused = { code: "oauth_error", reason: "discovery_no_s256" };
    await assert.rejects(request(without), refused);
    await assert.rejects(request({ ...without, profile: strict }), refused);
    await assert.rejects(request({ ...without, client: SECRET }), refused);
    const sent = await parametersOf({ ...without, client: SECRET, profile: strict });
    assert.equal(sent.get("code_challenge_method"), "S256");
    assert.ok(sent.get("nonce"));
  }
  // A nonce goes with openid alone, and without one nothing is enforced.
  const scopes = { scopes: ["patient/*.read"], require_nonce: true };
  const without = { configuration: { code_challenge_methods_supported: [] }, client: SECRET, profile: scopes };
  await assert.rejects(request(without), { reason: "discovery_no_s256" });
});

test("A8: a nonce goes with openid only; a prompt where a profile sets one", async () => {
  assert.equal((await parametersOf({ profile: { scopes: ["patient/*.read"] } })).has("nonce"), false);
  const sent = await parametersOf({ profile: { extra_params: { prompt: "login", domain_hint: "patients" } } });
  assert.deepEqual([sent.get("prompt"), sent.get("domain_hint")], ["login", "patients"]);
});

test("A9: every vendor's request is far below the 6 kB from which a form would be needed", async () => {
  const profiles = readProfiles(readVendors());
  for (const { type } of readVendors().all) {
    const profile = profiles.of({ type, fhir_base_url: "https://h.example/fhir", brand: null, name: "x" }, {});
    const { url } = await request({ profile, fhir_base_url: `https://h.example/${"tenant/".repeat(20)}` });
    assert.ok(url.length < 3000, `${type}: ${url.length}`);
  }
});

test("A9: spaces are written + or %20, as the profile says", async () => {
  const plus = (await request()).url;
  const percent = (await request({ profile: { space_encoding: "%20", extra_params: { hint: "a+b c" } } })).url;
  assert.match(plus, /scope=launch%2Fpatient\+openid\+/);
  assert.match(percent, /scope=launch%2Fpatient%20openid%20/);
  assert.ok(!percent.includes("+"));
  assert.equal(new URL(percent).searchParams.get("hint"), "a+b c");
});

test("A10: the endpoint's own query is kept, and ours wins over it", async () => {
  const authorization_endpoint = "https://h.example/authorize?tenant=7&scope=all";
  const sent = await parametersOf({ configuration: { authorization_endpoint } });
  assert.equal(sent.get("tenant"), "7");
  assert.match(sent.getAll("scope").join("|"), /^launch\/patient openid/);
});

describe("through the router", () => {
  let moved: Record<string, unknown> = {};
  const places: OddPlace[] = [
    { name: "Moving", configuration: () => moved },
    { name: "Own Path", app: { redirect_path: "own-path" } },
    { name: "Other Path", app: { redirect_path: "other-path" } },
    { name: "Choosy", app: { scopes_fallback: ["launch/patient", "openid", "patient/Patient"] } },
    { name: "Plain", configuration: () => ({ code_challenge_methods_supported: ["plain"] }) },
    { name: "Sound" },
  ];
  let clinic: OddClinic;
  before(async () => {
    clinic = await openOddClinic(places);
  });
  after(() => clinic.close());

  const source = (name: string): string => clinic.sourceOf({ name, city: "Oddville" });
  const tokenCalls = (): number => clinic.hospital.asked("token").length;
  const open = async (user: string, name: string, through = visitOddPortal) => {
    const browser = patientBrowser(clinic, user, through);
    const { url } = (await (await browser.start(source(name))).json()) as { url: string };
    return { browser, callback: await browser.portal(url) };
  };

  test("D8: what the server says changes between the start and the callback: the old endpoint is still used", async () => {
    clinic.hospital.behave();
    const openLong = async (patient_id: string) => {
      const browser = patientBrowser(clinic, patient_id, visitOddPortal);
      const init = { patient_id, connection_id: source("Moving"), return_url: clinic.returnUrl, expires_in: 86_400 };
      const { url } = await clinic.mb.patientSession.init(init);
      return { browser, callback: await browser.portal(url ?? "") };
    };
    await openLong("first");
    clinic.pass(40 * 60);
    const before = await openLong("mover");
    moved = { token_endpoint: "elsewhere" };
    clinic.pass(40 * 60);
    const after = await openLong("late");
    const arrived = await before.browser.visit(before.callback.href);
    assert.match(arrived.headers.get("location") ?? "", /success=true/);
    assert.equal(clinic.hospital.asked("token").length, 1);
    assert.equal(clinic.hospital.asked("fhir/elsewhere").length, 0);
    await after.browser.visit(after.callback.href);
    assert.equal(clinic.hospital.asked("fhir/elsewhere").length, 1);
  });

  test("A6: a registration with a redirect path of its own is sent back there, and connects", async () => {
    clinic.hospital.behave();
    const { browser, callback } = await open("pat", "Own Path");
    assert.equal(callback.origin + callback.pathname, `${clinic.api}/callback/own-path`);
    const arrived = await browser.visit(callback.href);
    assert.match(arrived.headers.get("location") ?? "", /success=true/);
    const exchanged = clinic.hospital.asked("token")[0];
    assert.equal(exchanged?.form.get("redirect_uri"), `${clinic.api}/callback/own-path`);
  });

  test("A12: the code is exchanged within the callback's own request, since it lives for a minute", async () => {
    clinic.hospital.behave();
    const { browser, callback } = await open("ada", "Sound");
    assert.equal(tokenCalls(), 0);
    await browser.visit(callback.href);
    assert.equal(tokenCalls(), 1);
  });

  for (const [path, title] of [
    ["/callback", "the shared one"],
    ["/callback/other-path", "another issuer's"],
    ["/callback/nobodys", "nobody's"],
  ] as const) {
    test(`A6: an answer at another path than its own, ${title}, ends before any token request`, async () => {
      clinic.hospital.behave();
      const { browser, callback } = await open(`pat${path}`, "Own Path");
      const arrived = await browser.visit(`${clinic.api}${path}${callback.search}`);
      assert.match(arrived.headers.get("location") ?? "", /error=oauth_error/);
      assert.equal(tokenCalls(), 0);
    });
  }

  test("A6: an answer of a shared address at a registration's own path ends before any token request", async () => {
    clinic.hospital.behave();
    const { browser, callback } = await open("sam", "Sound");
    const arrived = await browser.visit(`${clinic.api}/callback/own-path${callback.search}`);
    assert.match(arrived.headers.get("location") ?? "", /error=oauth_error/);
    assert.equal(tokenCalls(), 0);
  });

  test("A4: a server that offers plain alone sends nobody to its portal, and the operator is told", async () => {
    const end = await clinic.tryAt("Plain");
    assert.deepEqual([end.success, end.error, end.reason], [false, "oauth_error", "discovery_no_s256"]);
    assert.equal(clinic.hospital.asked("authorize").length, 0);
    assert.ok(JSON.stringify(clinic.logged).includes("discovery_no_s256"));
  });

  test("C4: a refresh token makes a connection renewable, whether the scopes echo offline_access or not", async () => {
    const scope = "launch/patient openid patient/Patient.rs";
    const silent = await clinic.tryAt("Sound", { token: (sound) => ({ body: { ...sound, scope } }) });
    assert.deepEqual([silent.success, silent.connection?.renewable], [true, 1]);
    const echoed = await clinic.tryAt("Sound", { token: (sound) => ({ body: { ...sound, refresh_token: null } }) });
    assert.deepEqual([echoed.success, echoed.connection?.renewable], [true, 0]);
  });

  test("C2: a server that drops what it was not registered for leads to no empty success", async () => {
    const end = await clinic.tryAt("Sound", {
      token: (sound) => ({ body: { ...sound, scope: "launch/patient openid patient/Patient.rs" } }),
    });
    const [connection] = (await clinic.mb.patients.retrieve(end.user)).connections;
    assert.deepEqual(connection?.scopes, ["launch/patient", "openid", "patient/Patient.rs"]);
    const listed = await patientBrowser(clinic, end.user).visit(`${clinic.api}/patient-connections`);
    const { data } = (await listed.json()) as { data: { not_granted: string[] }[] };
    assert.ok(data[0]?.not_granted.includes("Condition"));
    assert.ok(!data[0]?.not_granted.includes("Patient"));
  });

  test("C6: no clinical scope at all is no success: the grant is revoked and the attempt fails", async () => {
    const token = (sound: object) => ({ body: { ...sound, scope: "launch/patient openid fhirUser" } });
    const end = await clinic.tryAt("Sound", { token });
    assert.deepEqual([end.success, end.error, end.reason], [false, "oauth_error", "no_data_access_granted"]);
    assert.equal(end.revoked, "revoked");
    assert.equal(end.connection, null);
    assert.equal(clinic.hospital.asked("revoke").length, 2);
  });

  test("C8: after invalid_scope the patient's next try asks for less, once; what then works is kept to", async () => {
    clinic.hospital.behave();
    const asked: string[] = [];
    /** A portal that takes just so many scopes. */
    const choosy =
      (most: number) =>
      async (authorizationUrl: string | URL): Promise<URL> => {
        const url = new URL(authorizationUrl);
        const scopes = (url.searchParams.get("scope") ?? "").split(" ");
        asked.push(scopes.length > 3 ? "whole" : scopes.join(" "));
        if (scopes.length <= most) return visitOddPortal(url);
        const back = new URL(url.searchParams.get("redirect_uri") ?? "");
        back.search = `?error=invalid_scope&state=${url.searchParams.get("state")}`;
        return back;
      };
    const less = "launch/patient openid patient/Patient.rs";
    const connect = async (user: string, most: number): Promise<string> =>
      (await patientBrowser(clinic, user, choosy(most)).connect(source("Choosy"))).search;
    assert.match(await connect("chloe", 3), /error=oauth_error/);
    assert.match(await connect("chloe", 3), /success=true/);
    assert.match(await connect("chloe", 3), /success=true/);
    assert.deepEqual(asked, ["whole", less, less]);
    asked.length = 0;
    for (const _ of [1, 2, 3]) assert.match(await connect("chad", 0), /error=oauth_error/);
    assert.deepEqual(asked, ["whole", less, "whole"]);
    asked.length = 0;
    await connect("cleo", 99);
    assert.deepEqual(asked, ["whole"], "another patient's refusal is not theirs");
  });

  test("a snapshot keeps no list of scopes that the server could give", async () => {
    const { db, close } = openDatabase(clinic.database);
    const rows = await db.selectFrom("attempts").select("snapshot").execute();
    await close();
    assert.ok(rows.length > 5);
    for (const { snapshot } of rows) assert.deepEqual(JSON.parse(snapshot).configuration?.scopes_supported ?? [], []);
  });

  test("the whole plan is what the portal is asked for", async () => {
    clinic.hospital.behave();
    await open("wanda", "Sound");
    const [sent] = clinic.hospital.asked("authorize");
    const says = configuration({ capabilities: ["permission-v2"] });
    assert.equal(sent?.query.get("scope"), requestedScopes(says, DEFAULT_PROFILE).join(" "));
    assert.equal(sent?.query.get("aud"), clinic.hospital.baseOf("Sound"));
  });
});
