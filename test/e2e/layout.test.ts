/** The demo's page before a newcomer: what stands there stays where it is. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { type Demo, startDemo } from "../support/demo.ts";
import { field, newPatient } from "../support/patient.ts";

let demo: Demo;
let browser: Browser;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Runs in the page from its start: what moved, but for what follows a key or a press at once. */
const MOVED = `window.moved = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput) moved.push(value + ": " + sources.map(({ node }) => node?.outerHTML?.slice(0, 60)));
  }).observe({ type: "layout-shift", buffered: true });`;

for (const width of [1100, 390, 320]) {
  test(`nothing on the page moves while the tag comes, nor when rows come late, at ${width} px`, async () => {
    const { context, page, complaints } = await newPatient(browser, width);
    await page.addInitScript(MOVED);
    await page.goto(demo.origin);
    await field(page).waitFor();
    await page.waitForLoadState("networkidle");
    // After half a second a key is no excuse any more.
    await page.route("**/api/connections?q=**", async (route) => {
      await delay(700);
      await route.continue();
    });
    for (const [words, seen] of Object.entries({ hospital: "Copperfield", zzzz: "No match" })) {
      await field(page).press("ControlOrMeta+A");
      await field(page).pressSequentially(words);
      await page.getByText(seen).first().waitFor();
    }
    assert.deepEqual(await page.evaluate("moved"), []);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
