/** What the element does to the page around it: nothing moves, nothing foreign is asked, nothing that was typed is kept. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { answer, field, newPatient, type Patient, seesOutcome, signIn } from "../support/patient.ts";
import { openStatesHost, STRICT_POLICY, type StatesHost } from "../support/states-host.ts";

const FACILITY = "Thornbury General Hospital";

let host: StatesHost;
let browser: Browser;

before(async () => {
  [host, browser] = await Promise.all([openStatesHost([FACILITY]), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await host?.close();
});

async function arrives(): Promise<Patient> {
  const patient = await newPatient(browser, 390);
  await patient.context.addCookies([{ name: "user", value: "patient-1", url: host.url, sameSite: "Lax" }]);
  return patient;
}

/** Runs in the page: every height that the tag takes, and whatever moves without a key or a press in the half second before. */
const WATCH = `(() => {
  window.heights = [];
  window.moved = [];
  new ResizeObserver(([{ contentRect }]) => heights.push(contentRect.height)).observe(document.querySelector("mb-connect"));
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) moved.push(value);
  }).observe({ type: "layout-shift" });
})()`;

/** Types a slip, which finds some, then something else, which finds none, over a network with this many milliseconds there and back. */
async function types(latency: number): Promise<{ heights: number[]; moved: number[] }> {
  const { page, context } = await arrives();
  const session = await context.newCDPSession(page);
  await page.goto(host.url);
  await field(page).focus();
  await session.send("Network.enable");
  const network = { offline: false, latency, downloadThroughput: -1, uploadThroughput: -1 };
  await session.send("Network.emulateNetworkConditions", network);
  await page.evaluate(WATCH);
  await page.keyboard.type("thornbery", { delay: 30 });
  await page.getByRole("option", { name: FACILITY }).waitFor();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("qqqq xxxx", { delay: 30 });
  await page
    .getByText(/^No match/)
    .first()
    .waitFor();
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  const seen = await page.evaluate<{ heights: number[]; moved: number[] }>("({ heights, moved })");
  await context.close();
  return seen;
}

test("with the list on show the tag keeps its height and nothing moves but by a key, however slow the answers: a layout shift of 0.00", async () => {
  for (const latency of [60, 900]) {
    const { heights, moved } = await types(latency);
    assert.equal(new Set(heights).size, 2, `with nothing typed, and with anything: ${heights}`);
    assert.deepEqual(moved, []);
  }
});

test("from the first key to the records, under the strictest policy: no complaint, no other origin, and of what was typed nothing is kept", async () => {
  const { page, context, complaints } = await arrives();
  const asked: string[] = [];
  context.on("request", (request) => {
    const own = !request.isNavigationRequest() && new URL(request.frame().url()).origin === host.url;
    if (own) asked.push(new URL(request.url()).origin);
  });
  const [response] = await Promise.all([page.waitForResponse(`${host.url}/`), page.goto(host.url)]);
  assert.equal(response.headers()["content-security-policy"], STRICT_POLICY);
  // Words that no name holds, so that they are found wherever they are kept.
  await field(page).fill("oncology thornbery");
  await page
    .getByText(/^No match|Thornbury/)
    .first()
    .waitFor();
  await field(page).fill("thornbery genral");
  await page.getByRole("option", { name: FACILITY }).click();
  await signIn(page);
  await answer(page, "Allow");
  await seesOutcome(page, `${FACILITY} is connected`);
  await page
    .getByText(/^Your records are here/)
    .first()
    .waitFor();
  const kept = await page.evaluate<string>(
    `indexedDB.databases().then((databases) => caches.keys().then((names) => JSON.stringify([localStorage, sessionStorage, databases, names, document.cookie])))`,
  );
  assert.doesNotMatch(kept, /oncology|thornbery|genral/);
  const [local, ...rest] = JSON.parse(kept) as [Record<string, string>, ...unknown[]];
  assert.deepEqual(rest, [{}, [], [], "user=patient-1"]);
  const { "mb-connect:recent": recent = "[]", ...others } = local;
  assert.deepEqual(others, {});
  const picks = JSON.parse(recent) as Record<string, unknown>[];
  assert.deepEqual(
    picks.map(({ id, name }) => ({ id, name })),
    [{ id: host.sourceOf(host.facility(FACILITY)), name: FACILITY }],
  );
  assert.deepEqual([...new Set(asked)], [host.url]);
  assert.deepEqual(complaints, []);
  await context.close();
});
