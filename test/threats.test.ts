/** Attacks on the main path, over the real router and against the real hospital. Each is named by its number and by what it tries. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import Database from "better-sqlite3";
import { type Clinic, openClinic, type PatientBrowser, patientBrowser } from "./support/clinic.ts";

let clinic: Clinic;
before(async () => {
  clinic = await openClinic();
});
after(() => clinic.close());

let tokenCallsBefore = 0;
beforeEach(() => {
  tokenCallsBefore = clinic.tokenCalls();
});
const tokenCalls = (): number => clinic.tokenCalls() - tokenCallsBefore;

const sessionUrl = async (browser: PatientBrowser): Promise<string> =>
  ((await (await browser.start(await clinic.source())).json()) as { url: string }).url;

/** A browser that has been to the portal, and the callback that it was sent to. */
async function backFromPortal(user: string): Promise<{ browser: PatientBrowser; back: URL }> {
  const browser = patientBrowser(clinic, user);
  return { browser, back: await browser.portal(await sessionUrl(browser)) };
}

const location = (response: Response): string => response.headers.get("location") ?? "";

/** A page of our own: says nothing that it should not, and cannot be framed. */
async function ownPage(response: Response, status: number): Promise<void> {
  assert.equal(response.status, status);
  assert.equal(location(response), "");
  assert.match(response.headers.get("content-type") ?? "", /text\/html/);
  assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'.*frame-ancestors 'none'/);
  assert.match(response.headers.get("x-frame-options") ?? "", /deny/i);
  assert.match(response.headers.get("cache-control") ?? "", /no-store/);
  const html = await response.text();
  assert.match(html, /<html lang="en">/);
  assert.match(html, new RegExp(`href="${clinic.url}`));
  assert.doesNotMatch(html, /ps_|att_|conn_|fhirsrc_|alma|mallory/);
}

describe("the state", () => {
  test("S4: a code from another attempt is refused by the hospital, since the verifier is another", async () => {
    const { back: stolen } = await backFromPortal("mallory");
    const { browser, back } = await backFromPortal("alma");
    back.searchParams.set("code", stolen.searchParams.get("code") ?? "");
    assert.match(location(await browser.visit(back.href)), /error=token_exchange_failed/);
  });

  test("S3, S17: unknown, empty, doubled or in another shape: our own page, nothing taken", async () => {
    const { browser, back } = await backFromPortal("alma");
    const { searchParams } = back;
    for (const query of [
      "",
      "state=",
      "state=unknown&code=x",
      `${searchParams}&state=again`,
      `${searchParams}&code=again`,
      `state[]=${searchParams.get("state")}&code=x`,
    ]) {
      await ownPage(await browser.visit(`${clinic.api}/callback?${query}`), 400);
    }
    assert.equal(tokenCalls(), 0);
    assert.match(location(await browser.visit(back.href)), /success=true/);
  });

  test("S5: an answer that names another issuer ends before any token call", async () => {
    const { browser, back } = await backFromPortal("alma");
    back.searchParams.set("iss", "https://evil.example");
    assert.match(location(await browser.visit(back.href)), /error=oauth_error/);
    assert.equal(tokenCalls(), 0);
  });

  test("S17: an error beside a code wins", async () => {
    const { browser, back } = await backFromPortal("alma");
    back.searchParams.set("error", "access_denied");
    assert.match(location(await browser.visit(back.href)), /error=user_denied/);
    assert.equal(tokenCalls(), 0);
  });

  test("S3, S16: a HEAD, a prefetch or a preview takes no state; a POST is refused", async () => {
    const { browser, back } = await backFromPortal("alma");
    assert.equal((await browser.visit(back.href, { method: "HEAD" })).status, 200);
    assert.equal((await browser.visit(back.href, { headers: { "sec-purpose": "prefetch;prerender" } })).status, 200);
    assert.equal((await browser.visit(back.href, { headers: { purpose: "preview" } })).status, 200);
    const posted = await browser.visit(back.href, { method: "POST", body: "x" });
    assert.equal(posted.status, 405);
    assert.equal(tokenCalls(), 0);
    assert.match(location(await browser.visit(back.href)), /success=true/);
  });
});

describe("the browser", () => {
  test("S1: the callback pasted into another browser: no token call, and the right browser still ends well", async () => {
    const { browser, back } = await backFromPortal("alma");
    for (const other of [
      patientBrowser(clinic, "mallory"),
      patientBrowser(clinic, "alma"),
      patientBrowser(clinic, null),
    ]) {
      await ownPage(await other.visit(back.href), 403);
    }
    assert.equal(tokenCalls(), 0);
    assert.match(location(await browser.visit(back.href)), /success=true/);
  });

  test("S1: a session's link opened in a second browser stays shut", async () => {
    const browser = patientBrowser(clinic, "alma");
    const url = await sessionUrl(browser);
    await ownPage(await patientBrowser(clinic, "alma").visit(url), 403);
    assert.equal(new URL(location(await browser.visit(url))).origin, clinic.hospital.url);
  });

  test("S2: of two browsers that open a link of init, the first keeps it", async () => {
    const { url } = await clinic.mb.patientSession.init({
      patient_id: "alma",
      connection_id: await clinic.source(),
      return_url: clinic.returnUrl,
    });
    const [first, second] = [patientBrowser(clinic, "alma"), patientBrowser(clinic, "alma")];
    const head = await first.visit(url ?? "", { method: "HEAD" });
    assert.equal(head.headers.getSetCookie().length, 0, "a HEAD binds nothing");
    assert.equal((await second.visit(url ?? "")).status, 303);
    await ownPage(await first.visit(url ?? ""), 403);
  });

  test("S1: the cookie is host-bound, secure, closed to script and Lax; it is kept while it is there", async () => {
    const browser = patientBrowser(clinic, "alma");
    const first = await browser.start(await clinic.source());
    assert.match(
      first.headers.getSetCookie().join(),
      /^__Host-mb=[\w-]{43}; (?=.*Path=\/)(?=.*HttpOnly)(?=.*Secure)(?=.*SameSite=Lax)(?!.*Domain)/,
    );
    assert.deepEqual((await browser.start(await clinic.source())).headers.getSetCookie(), []);
  });
});

describe("the patient", () => {
  test("S2: a link that has ended or expired shows another patient no id of the one it was for", async () => {
    const browser = patientBrowser(clinic, "alma");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    await browser.visit((await browser.portal(url)).href);
    browser.cookies.set("user", "mallory");
    await ownPage(await browser.visit(url), 403);
    const session = await clinic.mb.patientSession.init({
      patient_id: "alma",
      connection_id: await clinic.source(),
      return_url: clinic.returnUrl,
    });
    clinic.pass(31 * 60);
    await ownPage(await patientBrowser(clinic, "mallory").visit(session.url ?? ""), 403);
  });

  test("S2: another patient logged in at the callback: no token call, a page without ids", async () => {
    const { browser, back } = await backFromPortal("alma");
    browser.cookies.set("user", "mallory");
    await ownPage(await browser.visit(back.href), 403);
    assert.equal(tokenCalls(), 0);
  });

  test("S2: another patient logged in at the same-site step: the code is dropped", async () => {
    const { url } = await clinic.mb.patientSession.init({
      patient_id: "alma",
      connection_id: await clinic.source(),
      return_url: clinic.returnUrl,
    });
    const browser = patientBrowser(clinic, "alma");
    const back = await browser.portal(url ?? "");
    browser.cookies.delete("user");
    const [, link = ""] = /href="([^"]*continue[^"]*)"/.exec(await (await browser.visit(back.href)).text()) ?? [];
    const stranger = patientBrowser(clinic, "alma");
    await ownPage(await stranger.visit(link), 403);
    browser.cookies.set("user", "mallory");
    await ownPage(await browser.visit(link), 403);
    browser.cookies.set("user", "alma");
    assert.match(location(await browser.visit(link)), /error=patient_access_denied/);
    assert.equal(tokenCalls(), 0);
  });

  test("S2: a link made for the attacker's own patient, sent to a victim who is logged in, leads nowhere", async () => {
    const { url } = await clinic.mb.patientSession.init({
      patient_id: "mallory",
      connection_id: await clinic.source(),
      return_url: clinic.returnUrl,
    });
    await ownPage(await patientBrowser(clinic, "alma").visit(url ?? ""), 403);
  });

  test("S2: the same link, and a victim who is not logged in: the portal's consent is worth nothing to the attacker", async () => {
    const { url } = await clinic.mb.patientSession.init({
      patient_id: "mallory",
      connection_id: await clinic.source(),
      return_url: clinic.returnUrl,
    });
    const victim = patientBrowser(clinic, null);
    const back = await victim.portal(url ?? "");
    const [, link = ""] = /href="([^"]*continue[^"]*)"/.exec(await (await victim.visit(back.href)).text()) ?? [];
    assert.match(location(await victim.visit(link)), /error=not_authenticated/);
    assert.equal(tokenCalls(), 0);
  });

  test("S18: a patientId that is not the login's, a login that is none, another's connection", async () => {
    const browser = patientBrowser(clinic, "alma");
    const foreign = await browser.start(await clinic.source(), { patientId: "mallory" });
    assert.equal(foreign.status, 403);
    assert.equal(((await foreign.json()) as { error: { code: string } }).error.code, "patient_access_denied");
    assert.equal((await patientBrowser(clinic, null).start(await clinic.source())).status, 401);
    await browser.connect(await clinic.source());
    const [connection] = (await clinic.mb.patients.retrieve("alma")).connections;
    const thief = await patientBrowser(clinic, "mallory").visit(`${clinic.api}/patient-connections/${connection?.id}`, {
      method: "DELETE",
      headers: { "content-type": "application/json", origin: clinic.url },
    });
    assert.equal(thief.status, 404);
    assert.equal((await clinic.mb.patients.retrieve("alma")).connections[0]?.status, "active");
  });
});

describe("the addresses", () => {
  const hostile = [
    "https://evil.example/connected",
    "https://localhost.evil.example/connected",
    "//evil.example/connected",
    "/connected",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "",
    "not a url",
    "http://user:pass@HOST/connected",
    "http://user@HOST/connected",
    "http://HOST@evil.example/connected",
    "http://HOST.evil.example/connected",
    "https://HOST/connected",
    "http://HOST/connected#fragment",
    "http://HOST/connected/",
    "http://HOST/connected/../admin",
    "http://HOST/other",
    "http://HOST/connected%2f..%2fadmin",
    "http://HOST\\@evil.example/connected",
  ];
  for (const template of hostile) {
    test(`S8: return_url ${template || "(empty)"} is refused`, async () => {
      const return_url = template.replace("HOST", new URL(clinic.url).host);
      const init = { patient_id: "alma", connection_id: await clinic.source(), return_url };
      await assert.rejects(clinic.mb.patientSession.init(init), { code: "bad_request", param: "return_url" });
    });
  }

  test("S17: a forged Host or forwarded header changes no address that is made", async () => {
    const browser = patientBrowser(clinic, "alma");
    const body = JSON.stringify({ connectionId: await clinic.source() });
    const forged = await raw("POST", "/api/patient-sessions", body, {
      host: "evil.example",
      "x-forwarded-host": "evil.example",
      origin: clinic.url,
      cookie: "user=alma",
    });
    assert.equal(forged.status, 200);
    const { url } = JSON.parse(forged.body) as { url: string };
    assert.equal(new URL(url).origin, clinic.url);
    const opened = await browser.visit(await sessionUrl(browser), { headers: { "x-forwarded-host": "evil.example" } });
    assert.equal(new URL(location(opened)).searchParams.get("redirect_uri"), `${clinic.api}/callback`);
  });

  test("S2: a session's id alone, a cut or a changed token opens nothing", async () => {
    const browser = patientBrowser(clinic, "alma");
    const url = await sessionUrl(browser);
    const [, id = "", signature = ""] = /(ps_\w+)\.([\w-]+)$/.exec(url) ?? [];
    for (const token of [
      id,
      `${id}.`,
      `${id}.${signature.slice(1)}`,
      `${id.slice(0, -1)}0.${signature}`,
      `x.${signature}`,
    ]) {
      await ownPage(await browser.visit(`${clinic.api}/connect/${token}`), 404);
    }
  });

  test("S9: text of a hospital's never reaches the return URL", async () => {
    const { browser, back } = await backFromPortal("alma");
    back.searchParams.delete("code");
    back.searchParams.set("error", "server_error");
    back.searchParams.set("error_description", "<b>canary-words</b>");
    const returned = location(await browser.visit(back.href));
    assert.match(returned, /error=oauth_error/);
    assert.doesNotMatch(decodeURIComponent(returned), /canary/);
  });
});

describe("the session route", () => {
  const attempts: [what: string, headers: Record<string, string>][] = [
    [
      "from another site",
      { "content-type": "application/json", origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    ],
    ["from a sibling site", { "content-type": "application/json", "sec-fetch-site": "same-site" }],
    [
      "by a name that was rebound to us",
      { "content-type": "application/json", origin: "http://evil.example", "sec-fetch-site": "same-origin" },
    ],
    ["from no page at all", { "content-type": "application/json" }],
    ["from a page without an origin", { "content-type": "application/json", origin: "null" }],
  ];
  for (const [what, headers] of attempts) {
    test(`S1: a POST ${what} is forbidden and creates nothing`, async () => {
      const browser = patientBrowser(clinic, "alma");
      const sessions = async () => (await clinic.mb.patients.listPatientSessions("alma", { limit: 100 })).data.length;
      await browser.start(await clinic.source());
      const before = await sessions();
      const body = JSON.stringify({ connectionId: await clinic.source() });
      const response = await browser.visit(`${clinic.api}/patient-sessions`, { method: "POST", headers, body });
      assert.equal(response.status, 403);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, "forbidden");
      assert.equal(await sessions(), before);
    });
  }

  test("S1: a form or a text body is refused", async () => {
    const browser = patientBrowser(clinic, "alma");
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
      const response = await browser.visit(`${clinic.api}/patient-sessions`, {
        method: "POST",
        headers: { "content-type": type, origin: clinic.url },
        body: JSON.stringify({ connectionId: await clinic.source() }),
      });
      assert.equal(response.status, 400);
      const ended = await browser.visit(`${clinic.api}/patient-connections/conn_1`, {
        method: "DELETE",
        headers: { "content-type": type, origin: clinic.url },
      });
      assert.equal(ended.status, 400, "a request that a form can make ends nothing either");
    }
  });
});

describe("what is stored", () => {
  test("S11: ciphertexts that changed places in the database open nothing: no token call, and no connection is used", async () => {
    const own = await openClinic();
    try {
      const [alma, mallory] = [patientBrowser(own, "alma"), patientBrowser(own, "mallory")];
      await alma.connect(await own.source());
      await mallory.connect(await own.source());
      const [connection] = (await own.mb.patients.retrieve("mallory")).connections;
      const backs: URL[] = [];
      for (const browser of [alma, mallory]) {
        const { url } = (await (await browser.start(await own.source(null, 1))).json()) as { url: string };
        backs.push(await browser.portal(url));
      }
      const file = new Database(own.database);
      for (const [table, column, among] of [
        ["attempts", "sealed_verifier", "status = 'pending'"],
        ["connections", "sealed_tokens", "1"],
      ]) {
        const rows = file.prepare(`select id, ${column} as sealed from ${table} where ${among} order by id`).all();
        const [one, other] = rows as { id: string; sealed: string }[];
        assert.ok(rows.length === 2 && one && other);
        const put = file.prepare(`update ${table} set ${column} = ? where id = ?`);
        put.run(other.sealed, one.id);
        put.run(one.sealed, other.id);
      }
      file.close();
      const before = own.hospital.requests.length;
      for (const [index, browser] of [alma, mallory].entries()) {
        assert.equal((await browser.visit(backs[index]?.href ?? "")).status, 500);
      }
      await own.mb.patients.disconnectConnection("mallory", connection?.id ?? "").catch(() => {});
      const posted = own.hospital.requests.slice(before).filter(({ method }) => method === "POST");
      assert.deepEqual(posted, [], "neither a code nor another's token went out");
      assert.equal((await own.mb.patients.retrieve("mallory")).connections[0]?.status, "disconnected");
    } finally {
      await own.close();
    }
  });
});

describe("the service", () => {
  test("S18: what is alma's is not there for anybody else: neither connection nor progress, by route or by call", async () => {
    await patientBrowser(clinic, "alma").connect(await clinic.source(null, 2));
    const [connection] = (await clinic.mb.patients.retrieve("alma")).connections;
    const mallory = patientBrowser(clinic, "mallory");
    for (const path of ["patient-connections?patientId=alma", "patient-connections?patient_id=alma"]) {
      const { data } = (await (await mallory.visit(`${clinic.api}/${path}`)).json()) as { data: { id: string }[] };
      assert.ok(!data.some(({ id }) => id === connection?.id));
    }
    const { disconnectConnection } = clinic.mb.patients;
    await assert.rejects(disconnectConnection("mallory", connection?.id ?? ""), { code: "resource_not_found" });
    for (const path of ["patient-sessions", "trail", `connections/${connection?.id}`, `records/${connection?.id}`]) {
      assert.equal((await mallory.visit(`${clinic.api}/${path}/${connection?.patient_session_id}`)).status, 404);
    }
  });

  test("S19: a burst at the link, at the callback and at the session route is answered 429 with Retry-After", async () => {
    const own = await openClinic();
    try {
      const browser = patientBrowser(own, "alma");
      const burst = async (ask: () => Promise<Response>): Promise<Response> => {
        const answers = await Promise.all(Array.from({ length: 130 }, ask));
        const refused = answers.filter(({ status }) => status === 429);
        assert.ok(refused.length >= 10 && refused.length < 130, `${refused.length} of 130`);
        for (const one of refused) assert.match(one.headers.get("retry-after") ?? "", /^\d+$/);
        return refused[0] as Response;
      };
      const visits = await burst(() => browser.visit(`${own.api}/callback?state=unknown&code=x`));
      assert.match(await visits.text(), /<h1>Too many tries<\/h1>/);
      assert.equal((await browser.visit(`${own.api}/connect/unknown`)).status, 429, "the two share one count");
      const sessions = await burst(() => browser.start("fhirsrc_none"));
      assert.equal(((await sessions.json()) as { error: { code: string } }).error.code, "throttled");
    } finally {
      await own.close();
    }
  });
});

interface RawAnswer {
  status: number;
  body: string;
}

/** A request with headers that fetch would not send. */
function raw(method: string, path: string, body: string, headers: Record<string, string>): Promise<RawAnswer> {
  const { port } = new URL(clinic.url);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: "127.0.0.1", port, method, path, headers: { "content-type": "application/json", ...headers } },
      (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
