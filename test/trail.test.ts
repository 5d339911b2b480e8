/** The trail: for each way that an attempt can go, the steps that whoever must say why it did not work reads back. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TRAIL_REASONS, trailReason } from "#shared/trail-reasons.js";
import { type Clinic, openClinic, type PatientBrowser, patientBrowser } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { ROOT, readSources } from "./support/source-files.ts";

forEachDatabase(({ location }) => {
  let clinic: Clinic;
  before(async () => {
    clinic = await openClinic({ database: await location() });
  });
  after(() => clinic.close());

  const begin = async (browser: PatientBrowser, source?: string): Promise<string> =>
    ((await (await browser.start(source ?? (await clinic.source()))).json()) as { url: string }).url;
  const sessionOf = (url: string): string => /ps_\w{26}/.exec(url)?.[0] ?? "";
  const trailOf = (url: string) => clinic.mb.patientSession.trail(sessionOf(url));
  /** A line for each step: its name, what came of it, its code. */
  const lines = async (url: string): Promise<string[]> =>
    (await trailOf(url)).map(({ step, outcome, code }) => [step, outcome, code].filter(Boolean).join(" "));

  const LEAVING = ["created ok", "opened ok", "redirected ok"];
  const BACK = ["signed_in inferred", "consent inferred", "callback code"];

  test("a good day: every step, in its order and with its time, none with a code", async () => {
    const browser = patientBrowser(clinic, "alma");
    const url = await begin(browser);
    const back = await browser.portal(url);
    clinic.pass(60);
    await browser.visit(back.href);
    const trail = await trailOf(url);
    assert.deepEqual(await lines(url), [...LEAVING, ...BACK, "exchange ok", "patient token", "connected ok"]);
    assert.deepEqual(
      [...trail].sort((a, b) => a.at.localeCompare(b.at)),
      trail,
    );
    const [created, opened, , signedIn] = trail;
    assert.ok(Date.parse(signedIn?.at ?? "") - Date.parse(opened?.at ?? "") >= 60_000);
    assert.equal(created?.attempt_id, null);
    assert.ok(trail.slice(1).every(({ attempt_id, connection_id }) => attempt_id && connection_id));
    assert.ok(trail.every(({ actor, next }) => actor === null && next === null));
    assert.equal(trail[2]?.detail?.host, new URL(clinic.hospital.url).host);
  });

  const failures: [fault: Parameters<Clinic["source"]>[0], steps: string[], actor: string, next: string][] = [
    [
      "declines",
      [...LEAVING, "consent declined", "callback refused", "failed access_denied user_denied"],
      "patient",
      "retry",
    ],
    ["answers_html", ["created ok", "opened ok", "failed discovery_no_endpoints oauth_error"], "hospital", "retry"],
    ["dead_token_endpoint", [...LEAVING, ...BACK, "failed unreachable token_exchange_failed"], "hospital", "retry"],
    [
      "wrong_issuer",
      [...LEAVING, "signed_in inferred", "consent inferred", "callback refused", "failed issuer_mismatch oauth_error"],
      "hospital",
      "retry",
    ],
  ];
  for (const [fault, steps, actor, next] of failures) {
    test(`a hospital with the fault "${fault?.replaceAll("_", " ")}": where it ended, why, and who can act`, async () => {
      const browser = patientBrowser(clinic, "bela");
      const returned = await browser.connect(await clinic.source(fault));
      const url = returned.searchParams.get("patient_session_id") ?? "";
      assert.deepEqual(await lines(url), steps);
      const last = (await trailOf(url)).at(-1);
      assert.deepEqual([last?.actor, last?.next], [actor, next]);
    });
  }

  test("a callback with another error, with none, and with one of the hospital's own making", async () => {
    for (const [query, why] of [
      ["error=server_error", "server_error"],
      ["error=temporarily_unavailable&error_description=Ask+Dr+Canary", "temporarily_unavailable"],
      ["error=dr_canary_says_no", "unnamed_error"],
      ["error=%3Cscript%3E", "unnamed_error"],
      ["", "no_code"],
    ]) {
      const browser = patientBrowser(clinic, "cato");
      const url = await begin(browser);
      const back = await browser.portal(url);
      const iss = back.searchParams.get("iss");
      back.search = `${query}&state=${back.searchParams.get("state")}${iss === null ? "" : `&iss=${encodeURIComponent(iss)}`}`;
      await browser.visit(back.href);
      assert.deepEqual(await lines(url), [...LEAVING, "callback refused", `failed ${why} oauth_error`]);
      assert.doesNotMatch(JSON.stringify(await trailOf(url)), /canary|script/i);
    }
  });

  test("another browser and another patient, at the link and at the callback: said once each, and the attempt goes on", async () => {
    const browser = patientBrowser(clinic, "dora");
    const url = await begin(browser);
    for (let count = 0; count < 3; count++) await patientBrowser(clinic, "dora").visit(url);
    const back = await browser.portal(url);
    for (let count = 0; count < 3; count++) await patientBrowser(clinic, "dora").visit(back.href);
    browser.cookies.set("user", "mallory");
    for (let count = 0; count < 3; count++) await browser.visit(back.href);
    browser.cookies.set("user", "dora");
    await browser.visit(back.href);
    assert.deepEqual(await lines(url), [
      "created ok",
      "opened other_browser oauth_state_expired",
      "opened ok",
      "redirected ok",
      "callback other_browser oauth_state_expired",
      "callback other_patient patient_access_denied",
      ...BACK,
      "exchange ok",
      "patient token",
      "connected ok",
    ]);
  });

  test("a login that shows only at the second step, and one that never shows", async () => {
    const source = await clinic.source();
    for (const [user, end] of [
      ["edda", ["exchange ok", "patient token", "connected ok"]],
      [null, ["failed no_login not_authenticated"]],
    ] as const) {
      const init = { patient_id: "edda", connection_id: source, return_url: clinic.returnUrl };
      const { url } = await clinic.mb.patientSession.init(init);
      const browser = patientBrowser(clinic, null);
      const back = await browser.portal(url ?? "");
      const [, link = ""] = /href="([^"]*continue[^"]*)"/.exec(await (await browser.visit(back.href)).text()) ?? [];
      if (user) browser.cookies.set("user", user);
      await browser.visit(link);
      assert.deepEqual(await lines(url ?? ""), [
        ...LEAVING,
        "signed_in inferred",
        "consent inferred",
        "callback held",
        ...end,
      ]);
    }
  });

  test("a link opened too late, and a callback that comes too late", async () => {
    const browser = patientBrowser(clinic, "fita");
    const [opened, returned] = [await begin(browser), await begin(browser)];
    const back = await browser.portal(returned);
    clinic.pass(31 * 60);
    for (const url of [opened, opened, back.href, back.href]) await browser.visit(url);
    assert.deepEqual(await lines(opened), ["created ok", "opened link_expired session_expired"]);
    assert.deepEqual(await lines(returned), [...LEAVING, "failed link_expired session_expired"]);
    assert.equal((await clinic.mb.patientSession.retrieve(sessionOf(returned))).status, "expired");
  });

  test("what was granted is another patient's, or nothing: the grant is given back", async () => {
    const browser = patientBrowser(clinic, "gero");
    const source = await clinic.source(null, 3);
    await browser.connect(source);
    const url = await begin(browser, source);
    const back = await browser.portal(url, { username: "kit", password: "open-sesame-2" });
    await browser.visit(back.href);
    assert.deepEqual((await lines(url)).slice(-3), [
      "patient token",
      "revoked revoked",
      "failed patient_mismatch patient_mismatch",
    ]);
  });
});

describe("the words", () => {
  test("are those of the table, whatever a hospital makes up", () => {
    for (const word of [...Object.keys(TRAIL_REASONS), "http_503", "discovery_http_500"])
      assert.equal(trailReason(word), word);
    for (const word of ["", "constructor", "http_5030", "http_", "<b>", "invalid grant", "x".repeat(500)]) {
      assert.equal(trailReason(word), "unnamed_error");
    }
  });

  test("hold every reason that the server's sources name", () => {
    const named = readSources("server/src").flatMap(({ path }) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      return [
        ...[...text.matchAll(/\breason: "(\w+)"|(?:fail|endInFailure)\([^;]*?"\w+", "(\w+)"\)/g)].map(
          ([, one, other]) => one ?? other ?? "",
        ),
        ...[...text.matchAll(/discoveryFault\("(\w+)"\)/g)].map(([, word]) => `discovery_${word}`),
        ...[...text.matchAll(/\bmismatch\("(\w+)"\)/g)].map(([, word]) => `id_token_${word}`),
      ].map((word) => [path, word]);
    });
    assert.ok(named.length > 20, `${named.length} were found`);
    // Why a document is not here, or a pull was begun: words of other rows.
    const apart = ["server/src/flow/download.ts", "server/src/store/attachments.ts", "server/src/store/schema.ts"];
    // These are answered to a caller or logged, and no trail is told them.
    const elsewhere = [
      "patient_answer",
      "put_off",
      "host_pace",
      "not_renewable",
      "refresh_under_way",
      "grant_over",
      "absent",
    ];
    const unknown = named.filter(
      ([path = "", word = ""]) => !apart.includes(path) && !elsewhere.includes(word) && trailReason(word) !== word,
    );
    assert.deepEqual(unknown, []);
  });
});
