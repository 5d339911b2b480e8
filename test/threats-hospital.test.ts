/** Attacks by a hospital's server: one that somebody hostile runs, or one that changed its mind. Over the real router. */
import assert from "node:assert/strict";
import type { LookupFunction } from "node:net";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { createDoor } from "#server/fetch.js";
import { readFhir } from "#server/fhir/client.js";
import { type Hospital, type HospitalClient, startHospital } from "../demo/hospital/server.ts";
import { type Host, type HospitalBeside, openHost, type PatientBrowser, patientBrowser } from "./support/clinic.ts";
import { type HostileServer, startHostileServer } from "./support/hostile-server.ts";
import { visitPortal } from "./support/portal.ts";

interface Both extends HospitalBeside {
  evil: HostileServer;
  honest: Hospital;
}

let host: Host<Both>;
let evil: HostileServer;
let honest: Hospital;
/** What a name resolves to; loopback, unless a test has it otherwise. */
const resolved = new Map<string, string>();
const lookup: LookupFunction = (hostname, _options, callback) =>
  callback(null, [{ address: resolved.get(hostname) ?? "127.0.0.1", family: 4 }] as never);

before(async () => {
  host = await openHost<Both>(
    async (redirect_uri) => {
      const client: HospitalClient = {
        client_id: "app",
        redirect_uris: [redirect_uri],
        token_endpoint_auth_method: "none",
      };
      [evil, honest] = await Promise.all([startHostileServer(), startHospital({ clients: [client] })]);
      return {
        evil,
        honest,
        facilities: [...evil.facilities, ...honest.facilities],
        close: async () => void (await Promise.all([evil.close(), honest.close()])),
      };
    },
    { lookup },
  );
});
after(() => host.close());
afterEach(() => {
  evil.metadata = {};
  evil.tokenAnswer = () => ({});
  evil.redirectReadsTo = null;
  evil.received.length = 0;
  resolved.clear();
  // What was discovered is kept for an hour; each test finds what it set.
  host.pass(25 * 60 * 60);
});

type AtHost = Host<HospitalBeside>;

const location = (response: Response): URL => new URL(response.headers.get("location") ?? "about:blank");

/** Opens a session at the hostile server: where the browser is sent. */
async function leave(browser: PatientBrowser, at: AtHost = host): Promise<URL> {
  const source = at.sourceOf({ name: "Nettleship Clinic", city: "Elmford" });
  const { url } = (await (await browser.start(source)).json()) as { url: string };
  return location(await browser.visit(url));
}

/** The callback's address with an answer of the hostile server's own. */
function answered(at: AtHost, sent: URL, parameters: Record<string, string>): string {
  return `${at.api}/callback?${new URLSearchParams({ state: sent.searchParams.get("state") ?? "", ...parameters })}`;
}

/** The last step of the session that a return URL names. */
async function lastStep(at: AtHost, returned: URL) {
  return (await at.mb.patientSession.trail(returned.searchParams.get("patient_session_id") ?? "")).at(-1);
}

describe("a mix-up", () => {
  const facility = () => {
    const found = honest.facilities.find(({ issParameter, fault }) => issParameter && !fault);
    assert.ok(found);
    return found;
  };

  /** The hostile page sends the browser on to the honest hospital, with this attempt's state and challenge. */
  const sentOn = (sent: URL): Promise<URL> => {
    const onward = new URL(`${facility().issuer}/authorize`);
    onward.search = sent.search;
    onward.searchParams.set("aud", facility().fhirBaseUrl);
    return visitPortal(onward);
  };

  const lies: [what: string, metadata: () => Record<string, unknown>][] = [
    ["its own issuer", () => ({})],
    ["no issuer", () => ({ issuer: undefined })],
    ["the honest issuer", () => ({ issuer: facility().issuer })],
  ];
  for (const [what, metadata] of lies) {
    test(`S5: a server that names ${what} and sends the patient on to an honest one gets neither code nor verifier`, async () => {
      evil.metadata = metadata();
      const browser = patientBrowser(host, "alma");
      const back = await sentOn(await leave(browser));
      assert.ok(back.searchParams.get("code"), "the honest hospital gave its code");
      const returned = location(await browser.visit(back.href));
      assert.equal(returned.searchParams.get("error"), "oauth_error");
      assert.equal((await lastStep(host, returned))?.outcome, "issuer_mismatch");
      assert.equal(evil.tokenCalls(), 0);
    });
  }

  test("S5: a server that names an honest sign-in page beside its own token endpoint gets neither code nor verifier", async () => {
    evil.metadata = { issuer: facility().issuer, authorization_endpoint: `${facility().issuer}/authorize` };
    const browser = patientBrowser(host, "alma");
    const sent = await leave(browser);
    const ended = sent.origin === host.url ? sent : location(await browser.visit((await sentOn(sent)).href));
    assert.equal(ended.searchParams.get("success"), "false");
    assert.equal(evil.tokenCalls(), 0);
  });

  test("S5: an answer without the issuer that the metadata promised ends before any token call", async () => {
    evil.metadata = { authorization_response_iss_parameter_supported: true };
    const browser = patientBrowser(host, "alma");
    const returned = location(await browser.visit(answered(host, await leave(browser), { code: "code" })));
    assert.equal(returned.searchParams.get("error"), "oauth_error");
    assert.equal((await lastStep(host, returned))?.outcome, "issuer_mismatch");
    assert.equal(evil.tokenCalls(), 0);
  });
});

describe("a resource server that is not the connection's", () => {
  test("S7: a read that is sent elsewhere is not followed, and the bearer is seen nowhere else", async (t) => {
    const other = await startHostileServer();
    t.after(() => other.close());
    evil.redirectReadsTo = `${other.origin}/fhir/Patient`;
    const browser = patientBrowser(host, "alma");
    // Without a patient in the token answer the FHIR server is asked.
    const returned = location(await browser.visit(answered(host, await leave(browser), { code: "code" })));
    assert.equal(returned.searchParams.get("error"), "oauth_error");
    const asked = evil.received.filter(({ path }) => path.startsWith("/fhir/Patient"));
    assert.equal(asked[0]?.headers.authorization, "Bearer access-canary");
    assert.deepEqual(other.received, []);
  });

  const outside = [
    "https://evil.example/fhir/Patient",
    "//evil.example/fhir/",
    "/Patient",
    "../Patient",
    "../fhir-2/Patient",
    "http:/x",
  ];
  for (const path of outside) {
    test(`S7: a reference to ${path} is not read with the bearer`, async () => {
      const door = createDoor({ allowLoopback: true });
      const access = { fhir_base_url: `${evil.origin}/fhir`, access_token: "access-canary" };
      await assert.rejects(readFhir(door, access, path), TypeError);
      assert.deepEqual(evil.received, []);
      await door.close();
    });
  }
});

describe("a server met for the first time", () => {
  let own: Host<HostileServer>;
  beforeEach(async () => {
    own = await openHost(() => startHostileServer(), { lookup });
  });
  afterEach(() => own.close());

  test("S6: a name that was public when it was discovered and leads inward at the token request gets no code", async () => {
    const rebound = `http://rebound.localhost:${new URL(own.hospital.origin).port}`;
    own.hospital.metadata = {
      issuer: undefined,
      authorization_endpoint: `${rebound}/authorize`,
      token_endpoint: `${rebound}/token`,
    };
    own.hospital.tokenAnswer = () => ({ patient: "p-1" });
    const browser = patientBrowser(own, "alma");
    for (const inward of ["169.254.169.254", "10.0.0.1", "192.168.0.1"]) {
      const sent = await leave(browser, own);
      assert.equal(sent.hostname, "rebound.localhost");
      resolved.set("rebound.localhost", inward);
      const returned = location(await browser.visit(answered(own, sent, { code: "code" })));
      assert.equal(returned.searchParams.get("error"), "token_exchange_failed");
      assert.equal((await lastStep(own, returned))?.outcome, "blocked_address");
    }
    assert.equal(own.hospital.tokenCalls(), 0);
    resolved.clear();
    const sent = await leave(browser, own);
    assert.equal(
      location(await browser.visit(answered(own, sent, { code: "code" }))).searchParams.get("success"),
      "true",
    );
  });

  for (const inward of [
    "http://169.254.169.254/token",
    "https://10.0.0.1/token",
    "https://[::ffff:7f00:1]/token",
    "ftp://hospital.example/",
  ]) {
    test(`S6: metadata that names ${inward} as its token endpoint is not used`, async () => {
      own.hospital.metadata = { token_endpoint: inward };
      const ended = await leave(patientBrowser(own, "alma"), own);
      assert.equal(ended.searchParams.get("error"), "oauth_error");
      assert.equal((await lastStep(own, ended))?.outcome, "discovery_blocked_endpoint");
    });
  }

  test("S14: one that offers plain alone is not signed in at", async () => {
    own.hospital.metadata = { code_challenge_methods_supported: ["plain"] };
    const ended = await leave(patientBrowser(own, "alma"), own);
    assert.equal(ended.searchParams.get("error"), "oauth_error");
    assert.equal((await lastStep(own, ended))?.outcome, "discovery_no_s256");
  });

  test("S14: one that drops S256 afterwards is not believed, and somebody is told", async () => {
    const browser = patientBrowser(own, "alma");
    assert.equal((await leave(browser, own)).searchParams.get("code_challenge_method"), "S256");
    own.hospital.metadata = { code_challenge_methods_supported: ["plain"] };
    own.pass(25 * 60 * 60);
    assert.equal((await leave(browser, own)).searchParams.get("code_challenge_method"), "S256");
    assert.match(JSON.stringify(own.logged), /s256_dropped/);
  });
});

test("S15: each attempt has a nonce of its own, and an id_token with that of an earlier one fails and is revoked", async () => {
  const browser = patientBrowser(host, "alma");
  const nonces: string[] = [];
  for (let count = 0; count < 3; count++) nonces.push((await leave(browser)).searchParams.get("nonce") ?? "");
  assert.equal(new Set(nonces).size, 3);
  const sent = await leave(browser);
  evil.tokenAnswer = async () => ({
    id_token: await evil.idToken(nonces[0] ?? ""),
    patient: "p-1",
    refresh_token: "refresh-canary",
  });
  const returned = location(await browser.visit(answered(host, sent, { code: "code" })));
  assert.equal(returned.searchParams.get("error"), "oauth_error");
  assert.equal((await lastStep(host, returned))?.outcome, "id_token_nonce");
  const revoked = evil.received.filter(({ path }) => path === "/revoke").map(({ form }) => form.token);
  assert.deepEqual(revoked, ["refresh-canary", "access-canary"]);
  assert.deepEqual((await host.mb.patients.retrieve("alma")).connections, []);
});
