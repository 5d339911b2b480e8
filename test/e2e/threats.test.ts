/** Attacks that need a real browser: its cookies across sites, its frames, its forms, and what its pages can see. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { after, before, beforeEach, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { type Clinic, openClinic } from "../support/clinic.ts";

let clinic: Clinic;
let browser: Browser;
const pages: Page[] = [];
let tokenCallsBefore = 0;
const tokenCalls = (): number => clinic.tokenCalls() - tokenCallsBefore;

before(async () => {
  [clinic, browser] = await Promise.all([openClinic(), launchBrowser()]);
  const tag = await readFile(fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn")), "utf8");
  clinic.app.get("/tag.js", (_request, response) => void response.type("js").send(tag));
  clinic.app.get("/login/:user/:site", ({ params }, response) => {
    response.set("set-cookie", `user=${params.user}; Path=/; HttpOnly; SameSite=${params.site}`).send("signed in");
  });
  clinic.app.get("/connected", (_request, response) => {
    response.send(`<!doctype html><html lang="en"><title>clinic</title><script type="module" src="/tag.js"></script>
      <mb-connect app-name="Clinic" search-url="/api/connections" session-url="/api/patient-sessions"></mb-connect>`);
  });
  clinic.app.get("/framing", ({ query }, response) => {
    response.send(`<!doctype html><title>frames</title><iframe src="${String(query.url)}"></iframe>`);
  });
});
after(async () => {
  await browser?.close();
  await clinic?.close();
});
beforeEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
  tokenCallsBefore = clinic.tokenCalls();
});

/** A browser profile of its own, signed in at the clinic by a cookie of this kind. */
async function signedIn(user: string, site: "Lax" | "Strict" = "Lax"): Promise<Page> {
  const context = await browser.newContext();
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  pages.push(page);
  await page.goto(`${clinic.url}/login/${user}/${site}`);
  return page;
}

/** A link for a patient, as a host's own route makes it. */
async function linkFor(patient_id: string): Promise<string> {
  const connection_id = await clinic.source();
  return (await clinic.mb.patientSession.init({ patient_id, connection_id, return_url: clinic.returnUrl })).url ?? "";
}

/** Follows a link from another site, as out of a mail. */
async function follow(page: Page, url: string): Promise<void> {
  await page.goto(clinic.hospital.url);
  await page.evaluate(`location.href = ${JSON.stringify(url)}`);
}

async function signInAndAllow(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Allow", exact: true }).click();
}

/** Signs in at the portal and allows, and keeps the browser there: the callback's address that it was to be sent to. */
async function callbackOf(page: Page): Promise<string> {
  let callback = "";
  await page.route(`${clinic.hospital.url}/**`, async (route) => {
    const response = await route.fetch({ maxRedirects: 0 });
    const location = response.headers().location ?? "";
    if (!location.startsWith(clinic.api)) return route.fulfill({ response });
    callback = location;
    await route.fulfill({ body: "kept" });
  });
  await signInAndAllow(page);
  await page.getByText("kept").waitFor();
  await page.unroute(`${clinic.hospital.url}/**`);
  return callback;
}

const heading = (page: Page, name: string): Promise<void> => page.getByRole("heading", { name }).waitFor();

test("S1: a callback finished in one browser and pasted into another reaches no token endpoint", async () => {
  const [one, other] = [await signedIn("alma"), await signedIn("alma")];
  await one.goto(await linkFor("alma"));
  const callback = await callbackOf(one);
  await other.goto(callback);
  await heading(other, "This link was opened somewhere else");
  assert.equal(tokenCalls(), 0);
  await follow(one, callback);
  await one.waitForURL(/\/connected/);
  assert.equal(tokenCalls(), 1);
});

for (const site of ["Lax", "Strict"] as const) {
  test(`S2: a link of mallory's, followed by alma whose login is a ${site} cookie, leads to no token call`, async () => {
    const alma = await signedIn("alma", site);
    await follow(alma, await linkFor("mallory"));
    // A Lax login is seen at the link. A Strict one is not, and not at the callback either, but right after it.
    if (site === "Strict") await signInAndAllow(alma);
    await heading(alma, "Someone else is signed in");
    assert.equal(tokenCalls(), 0);
    assert.doesNotMatch(await alma.content(), /mallory|alma|ps_|att_/);
    assert.deepEqual((await clinic.mb.patients.retrieve("mallory")).connections, []);
  });

  test(`S2: alma herself, whose login is a ${site} cookie, is connected`, async () => {
    const alma = await signedIn("alma", site);
    await follow(alma, await linkFor("alma"));
    await signInAndAllow(alma);
    await alma.waitForURL(/\/connected/);
    assert.equal(tokenCalls(), 1);
  });
}

test("S12: none of our own pages is shown in a frame", async () => {
  const page = await signedIn("alma");
  for (const path of ["connect/unknown", "callback?state=unknown", "callback/continue?attempt=x"]) {
    const refused = page.waitForEvent("console", (message) => /frame-ancestors|X-Frame-Options/i.test(message.text()));
    await page.goto(`${clinic.url}/framing?url=${encodeURIComponent(`${clinic.api}/${path}`)}`);
    await refused;
    const [, frame] = page.frames();
    assert.doesNotMatch((await frame?.content().catch(() => "")) ?? "", /<h1>/);
  }
});

test("S16: an answer that comes by a posted form takes nothing; the same by address still works", async () => {
  const page = await signedIn("alma");
  await page.goto(await linkFor("alma"));
  const callback = new URL(await callbackOf(page));
  await page.goto(clinic.hospital.url);
  const answered = page.waitForResponse((response) => response.url().startsWith(`${clinic.api}/callback`));
  const inputs = [...callback.searchParams].map(([name, value]) => `<input name="${name}" value="${value}">`);
  const form = `<form method="post" action="${callback.origin}${callback.pathname}">${inputs.join("")}</form>`;
  await page.evaluate(`document.body.innerHTML = ${JSON.stringify(form)}; document.forms[0].submit()`);
  assert.equal((await answered).status(), 405);
  await page.waitForURL(/\/api\/callback$/);
  assert.equal(tokenCalls(), 0);
  await page.goto(callback.href);
  await page.waitForURL(/\/connected/);
});

test("S10, S20: the page that a patient returns to can see no code, state, token, cookie or FHIR id", async () => {
  const page = await signedIn("alma");
  await page.goto(`${clinic.url}/connected`);
  const { name } = clinic.facility(null, 7);
  await page.getByRole("combobox").fill(name);
  await page.getByRole("option", { name }).first().click();
  await signInAndAllow(page);
  await page.getByRole("heading", { name: /is connected/ }).waitFor();
  const seen = (await page.evaluate(`(async () => {
    const listed = await (await fetch("/api/patient-connections")).text();
    const entries = performance.getEntries().map(({ name }) => name);
    const shadow = [...document.querySelectorAll("*")].map((element) => element.shadowRoot?.innerHTML ?? "");
    const page = [document.documentElement.outerHTML, document.referrer, document.cookie, location.href];
    return JSON.stringify([page, entries, shadow, { ...localStorage }, { ...sessionStorage }, listed]);
  })()`)) as string;
  const { connections } = await clinic.mb.patients.retrieve("alma");
  const journal = clinic.hospital.requests.flatMap(({ form, query }) => [
    form?.code,
    form?.code_verifier,
    query.state,
    query.nonce,
  ]);
  await clinic.mb.patients.disconnectConnection("alma", connections[0]?.id ?? "");
  const tokens = clinic.hospital.requests.flatMap(({ form }) => [form?.token]);
  const cookies = (await page.context().cookies()).map(({ value }) => value).filter((value) => value !== "alma");
  const secrets = [...journal, ...tokens, ...cookies].filter(
    (value): value is string => typeof value === "string" && value.length > 8,
  );
  assert.ok(secrets.length >= 7, `${secrets.length} secrets were collected`);
  assert.match(seen, /is connected/);
  assert.deepEqual(
    secrets.filter((secret) => seen.includes(secret)),
    [],
  );
  assert.doesNotMatch(seen, /fhir_patient_id|access_token|Patient\/[\w-]+/);
});
