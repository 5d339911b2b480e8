/** The main path on both databases: from a session to the portal and back, well and badly, and the truth behind each return. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseReturnUrl } from "@mb-connect/server";
import { type Clinic, openClinic, patientBrowser, until } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { visitPortal } from "./support/portal.ts";

forEachDatabase(({ location }) => {
  let clinic: Clinic;
  before(async () => {
    clinic = await openClinic({ database: await location() });
  });
  after(() => clinic.close());

  /** What `patients.retrieve` says of a patient's connections. */
  const connectionsOf = async (patient: string) => (await clinic.mb.patients.retrieve(patient)).connections;
  const outcome = (url: URL) => {
    const result = parseReturnUrl(url);
    assert.ok(result, url.href);
    return result;
  };

  describe("from the tag to the return URL", () => {
    test("allowed: success, and the session and the patient say the same", async () => {
      const source = await clinic.source();
      const result = outcome(await patientBrowser(clinic, "alma").connect(source));
      assert.deepEqual(result, {
        success: true,
        patient_id: "alma",
        patient_session_id: result.patient_session_id,
        connection_id: source,
      });
      const session = await clinic.mb.patientSession.retrieve(result.patient_session_id);
      const [connection] = await connectionsOf("alma");
      assert.equal(session.status, "complete");
      assert.equal(session.url, null);
      assert.deepEqual(
        session.connections.map(({ id, status, connection_id }) => ({ id, status, connection_id })),
        [{ id: connection?.id, status: "active", connection_id: source }],
      );
      assert.ok(connection?.scopes.some((scope) => scope.startsWith("patient/Condition.")));
      assert.equal(connection?.patient_session_id, session.id);
    });

    test("denied: user_denied, a complete session with an attempt and no connection", async () => {
      const url = await patientBrowser(clinic, "bela").connect(await clinic.source(), { decision: "deny" });
      assert.match(url.search, /error=user_denied&error_description=Patient\+canceled\+the\+connection/);
      const session = await clinic.mb.patientSession.retrieve(outcome(url).patient_session_id);
      assert.equal(session.status, "complete");
      assert.deepEqual(
        session.connections.map(({ id, status, failure_code }) => ({ id, status, failure_code })),
        [{ id: null, status: "failed", failure_code: "user_denied" }],
      );
      assert.deepEqual(await connectionsOf("bela"), []);
    });

    const faults = [
      ["declines", "user_denied"],
      ["dead_token_endpoint", "token_exchange_failed"],
      ["answers_html", "oauth_error"],
      ["wrong_issuer", "oauth_error"],
    ] as const;
    for (const [fault, error] of faults) {
      test(`a hospital that ${fault.replaceAll("_", " ")}: ${error}, told by the trail`, async () => {
        const tokenCalls = clinic.tokenCalls();
        const result = outcome(await patientBrowser(clinic, "cato").connect(await clinic.source(fault)));
        assert.equal(result.success === false && result.error, error);
        const trail = await clinic.mb.patientSession.trail(result.patient_session_id);
        const last = trail.at(-1);
        assert.equal(last?.step, "failed");
        assert.equal(last?.code, error);
        assert.ok(last?.actor && last.next && last.outcome);
        if (fault !== "dead_token_endpoint") assert.equal(clinic.tokenCalls(), tokenCalls);
        assert.deepEqual(await connectionsOf("cato"), []);
      });
    }

    test("without a refresh token the connection is active all the same", async () => {
      const result = outcome(await patientBrowser(clinic, "dora").connect(await clinic.source("no_refresh_token")));
      assert.equal(result.success, true);
      const [connection] = await connectionsOf("dora");
      assert.equal(connection?.status, "active");
      const trail = await clinic.mb.patientSession.trail(result.patient_session_id);
      assert.equal(trail.find(({ step }) => step === "exchange")?.detail?.renewable, false);
    });

    test("fewer scopes than asked: connected, and the patient's own page is told what is missing", async () => {
      const browser = patientBrowser(clinic, "edda");
      assert.equal(outcome(await browser.connect(await clinic.source("fewer_scopes"))).success, true);
      const { data } = (await (await browser.visit(`${clinic.api}/patient-connections`)).json()) as {
        data: { not_granted: string[]; status: string; name: string }[];
      };
      assert.equal(data[0]?.status, "active");
      assert.equal(data[0]?.name, clinic.facility("fewer_scopes").name);
      assert.ok(data[0] && data[0].not_granted.length > 0);
    });

    test("connecting again renews the same connection, its id kept", async () => {
      const browser = patientBrowser(clinic, "fita");
      const source = await clinic.source(null, 1);
      await browser.connect(source);
      const [first] = await connectionsOf("fita");
      await browser.connect(source);
      const renewed = await connectionsOf("fita");
      assert.deepEqual(
        renewed.map(({ id }) => id),
        [first?.id],
      );
      assert.notEqual(renewed[0]?.patient_session_id, first?.patient_session_id);
      assert.equal(renewed[0]?.created_at, first?.created_at);
    });

    test("T10: another person's records at the same source are refused, and the old connection stays", async () => {
      const browser = patientBrowser(clinic, "gero");
      const source = await clinic.source(null, 2);
      await browser.connect(source);
      const [first] = await connectionsOf("gero");
      const revocations = () => clinic.hospital.requests.filter(({ path }) => path.endsWith("/revoke")).length;
      const before = revocations();
      const result = outcome(await browser.connect(source, { username: "kit", password: "open-sesame-2" }));
      assert.equal(result.success === false && result.error, "patient_mismatch");
      assert.ok(revocations() > before, "the new grant is revoked");
      const [standing] = await connectionsOf("gero");
      assert.deepEqual(
        [standing?.id, standing?.status, standing?.updated_at],
        [first?.id, "active", first?.updated_at],
      );
    });

    test("two hospitals in two tabs of one browser both connect", async () => {
      const browser = patientBrowser(clinic, "hana");
      const sources = [await clinic.source(null, 3), await clinic.source(null, 4)];
      const sessions = [];
      for (const source of sources) sessions.push((await (await browser.start(source)).json()) as { url: string });
      const callbacks = [];
      for (const { url } of sessions) callbacks.push(await browser.portal(url));
      const returns = [];
      for (const url of callbacks.reverse()) returns.push(await browser.visit(url.href));
      for (const response of returns) assert.match(response.headers.get("location") ?? "", /success=true/);
      assert.equal((await connectionsOf("hana")).length, 2);
    });

    test("a failed attempt leaves the link's session ended, and a new session works", async () => {
      const browser = patientBrowser(clinic, "ines");
      const source = await clinic.source();
      await browser.connect(source, { decision: "deny" });
      assert.equal(outcome(await browser.connect(source)).success, true);
    });
  });

  describe("a link past its time", () => {
    test("expired before it is opened: session_expired at its own return URL", async () => {
      const browser = patientBrowser(clinic, "jana");
      const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
      clinic.pass(31 * 60);
      const response = await browser.visit(url);
      const result = outcome(new URL(response.headers.get("location") ?? ""));
      assert.equal(result.success === false && result.error, "session_expired");
      assert.equal((await clinic.mb.patientSession.retrieve(result.patient_session_id)).status, "expired");
    });

    test("expired while the patient was at the portal: no token call", async () => {
      const browser = patientBrowser(clinic, "jana");
      const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
      const back = await browser.portal(url);
      clinic.pass(31 * 60);
      const tokenCalls = clinic.tokenCalls();
      const response = await browser.visit(back.href);
      assert.match(response.headers.get("location") ?? "", /error=session_expired/);
      assert.equal(clinic.tokenCalls(), tokenCalls);
    });

    test("opened again after it is complete: session_expired, nothing else changed", async () => {
      const browser = patientBrowser(clinic, "kaja");
      const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
      await browser.visit((await browser.portal(url)).href);
      const response = await browser.visit(url);
      assert.match(response.headers.get("location") ?? "", /error=session_expired/);
      assert.equal((await connectionsOf("kaja"))[0]?.status, "active");
    });

    test("the session shows its url while it is open, and an unvisited attempt as pending", async () => {
      const browser = patientBrowser(clinic, "lena");
      const session = await clinic.mb.patientSession.init({
        patient_id: "lena",
        connection_id: await clinic.source(),
        return_url: clinic.returnUrl,
        expires_in: 60,
      });
      assert.ok(session.url);
      assert.equal((await clinic.mb.patientSession.retrieve(session.id)).url, session.url);
      await browser.visit(session.url);
      const open = await clinic.mb.patientSession.retrieve(session.id);
      assert.deepEqual([open.status, open.connections[0]?.status], ["open", "pending"]);
      clinic.pass(61);
      const over = await clinic.mb.patientSession.retrieve(session.id);
      assert.deepEqual(
        [over.status, over.url, over.connections[0]?.status, over.connections[0]?.failure_code],
        ["expired", null, "failed", "session_expired"],
      );
    });
  });

  describe("a host that writes its own route around init", () => {
    const init = async (patient_id: string, more = {}) => {
      const connection_id = await clinic.source();
      const session = await clinic.mb.patientSession.init({
        patient_id,
        connection_id,
        return_url: clinic.returnUrl,
        ...more,
      });
      return session.url ?? assert.fail("an open session has a url");
    };

    test("a Lax login is there at the callback: straight on", async () => {
      const browser = patientBrowser(clinic, "mira");
      const response = await browser.visit((await browser.portal(await init("mira"))).href);
      assert.match(response.headers.get("location") ?? "", /success=true/);
    });

    test("S10: a Strict login is absent at the callback and present after one same-site step", async () => {
      const browser = patientBrowser(clinic, "nils");
      const url = await init("nils");
      const back = await browser.portal(url);
      browser.cookies.delete("user");
      const tokenCalls = clinic.tokenCalls();
      const page = await browser.visit(back.href);
      const html = await page.text();
      assert.equal(page.status, 200);
      assert.match(page.headers.get("cache-control") ?? "", /no-store/);
      assert.equal(clinic.tokenCalls(), tokenCalls, "no code is spent before the login is seen");
      const [, link = ""] = /href="([^"]*callback\/continue[^"]*)"/.exec(html) ?? [];
      assert.ok(!html.includes(back.searchParams.get("code") ?? "?"));
      const id = /ps_\w{26}/.exec(url)?.[0] ?? "";
      const [, held] = await clinic.sealedOf(id);
      assert.match(held ?? "", /^v1\.test\./);
      assert.ok(!held?.includes(back.searchParams.get("code") ?? "?"));
      browser.cookies.set("user", "nils");
      const response = await browser.visit(link.replaceAll("&#38;", "&"));
      assert.match(response.headers.get("location") ?? "", /success=true/);
    });

    test("a login that lapsed at the portal: not_authenticated, and no token call", async () => {
      const browser = patientBrowser(clinic, "olga");
      const back = await browser.portal(await init("olga"));
      browser.cookies.delete("user");
      const html = await (await browser.visit(back.href)).text();
      const [, link = ""] = /href="([^"]*callback\/continue[^"]*)"/.exec(html) ?? [];
      const tokenCalls = clinic.tokenCalls();
      const response = await browser.visit(link);
      assert.match(response.headers.get("location") ?? "", /error=not_authenticated/);
      assert.equal(clinic.tokenCalls(), tokenCalls);
      assert.match((await browser.visit(link)).headers.get("location") ?? "", /error=not_authenticated/);
    });

    test("A12: a held code that is too old is dropped", async () => {
      const browser = patientBrowser(clinic, "pia");
      const back = await browser.portal(await init("pia"));
      browser.cookies.delete("user");
      const html = await (await browser.visit(back.href)).text();
      const [, link = ""] = /href="([^"]*callback\/continue[^"]*)"/.exec(html) ?? [];
      browser.cookies.set("user", "pia");
      clinic.pass(46);
      const tokenCalls = clinic.tokenCalls();
      assert.match((await browser.visit(link)).headers.get("location") ?? "", /error=session_expired/);
      assert.equal(clinic.tokenCalls(), tokenCalls);
    });

    test("S8: what return_url carried stays, and our own keys overwrite", async () => {
      const browser = patientBrowser(clinic, "rosa");
      const return_url = `${clinic.returnUrl}?tab=2&success=true&patient_id=someone`;
      const url = await init("rosa", { return_url });
      const response = await browser.visit((await browser.portal(url, { decision: "deny" })).href);
      const returned = new URL(response.headers.get("location") ?? "");
      assert.deepEqual(returned.searchParams.getAll("success"), ["false"]);
      assert.deepEqual(returned.searchParams.getAll("patient_id"), ["rosa"]);
      assert.equal(returned.searchParams.get("tab"), "2");
    });
  });

  test("a login that is only in a header of the tag's own POST is enough: the session is bound by it", async () => {
    const browser = patientBrowser(clinic, null);
    const response = await browser.visit(`${clinic.api}/patient-sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", "x-user": "sten" },
      body: JSON.stringify({ connectionId: await clinic.source() }),
    });
    const { url } = (await response.json()) as { url: string };
    const arrived = await browser.visit((await browser.portal(url)).href);
    assert.match(arrived.headers.get("location") ?? "", /success=true/);
  });

  test("M1: an error that comes back without the state fails the browser's own attempt, and only that", async () => {
    const browser = patientBrowser(clinic, "tara");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    await browser.visit(url);
    const stranger = patientBrowser(clinic, "uwe");
    assert.equal((await stranger.visit(`${clinic.api}/callback?error=access_denied`)).status, 400);
    const other = patientBrowser(clinic, "ulla");
    const { url: later } = (await (await other.start(await clinic.source())).json()) as { url: string };
    const back = await other.portal(later);
    const response = await browser.visit(`${clinic.api}/callback?error=access_denied`);
    assert.match(response.headers.get("location") ?? "", /error=user_denied/);
    assert.match((await other.visit(back.href)).headers.get("location") ?? "", /success=true/);
  });

  test("the pull that is due is enqueued with the grant, once for a connection", async () => {
    const browser = patientBrowser(clinic, "vera");
    await browser.connect(await clinic.source(null, 5));
    await browser.connect(await clinic.source(null, 5));
    const [connection] = await connectionsOf("vera");
    const waiting = await clinic.waiting("pull", connection?.id ?? "");
    assert.equal(waiting, 1);
  });

  test("S3: a callback replayed twenty times at once: one token call, and every one lands on the same return", async () => {
    const browser = patientBrowser(clinic, "wilma");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    const back = await browser.portal(url);
    const tokenCalls = clinic.tokenCalls();
    const responses = await Promise.all(Array.from({ length: 20 }, () => browser.visit(back.href)));
    const locations = new Set(responses.map((response) => response.headers.get("location")));
    assert.equal(locations.size, 1);
    assert.match([...locations][0] ?? "", /success=true/);
    assert.equal(clinic.tokenCalls(), tokenCalls + 1);
  });

  test("S3: a repeat of the callback shows the stored outcome and calls nobody", async () => {
    const browser = patientBrowser(clinic, "wanda");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    const back = await browser.portal(url);
    const first = await browser.visit(back.href);
    const tokenCalls = clinic.tokenCalls();
    const second = await browser.visit(back.href);
    assert.equal(second.headers.get("location"), first.headers.get("location"));
    assert.equal(clinic.tokenCalls(), tokenCalls);
  });

  test("S19: up to ten attempts are made of one link", async () => {
    const browser = patientBrowser(clinic, "xenia");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    for (let count = 0; count < 10; count++) {
      const { origin } = new URL((await browser.visit(url)).headers.get("location") ?? "");
      assert.equal(origin, clinic.hospital.url);
    }
    const spent = await browser.visit(url);
    assert.match(spent.headers.get("location") ?? "", /error=session_expired/);
  });

  test("S3: the first of two attempts that comes back ends the session; the other is told so", async () => {
    const browser = patientBrowser(clinic, "yuri");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    const tabs = [];
    for (let count = 0; count < 2; count++) {
      const opened = await browser.visit(url);
      tabs.push(await visitPortal(opened.headers.get("location") ?? ""));
    }
    const [first, second] = tabs as [URL, URL];
    assert.match((await browser.visit(first.href)).headers.get("location") ?? "", /success=true/);
    const tokenCalls = clinic.tokenCalls();
    assert.match((await browser.visit(second.href)).headers.get("location") ?? "", /error=session_expired/);
    assert.equal(clinic.tokenCalls(), tokenCalls);
  });

  test("M2: attempts that nobody came back from are ended by the worker, their secrets gone", async () => {
    const browser = patientBrowser(clinic, "zoe");
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    await browser.visit(url);
    const id = /ps_\w{26}/.exec(url)?.[0] ?? "";
    clinic.pass(61 * 60);
    await clinic.mb.worker.start();
    const trail = await until(
      () => clinic.mb.patientSession.trail(id),
      (steps) => steps.some(({ step }) => step === "failed"),
    );
    await clinic.mb.worker.stop();
    assert.equal(trail.at(-1)?.outcome, "abandoned");
    assert.deepEqual(await clinic.sealedOf(id), [null, null]);
  });
});
