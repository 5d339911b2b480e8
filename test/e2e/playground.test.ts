/** The demo's playground in a real browser: every state by its switch, the tag dressed anew, its events, and the code to copy. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { until } from "../support/clinic.ts";
import { type Demo, startDemo } from "../support/demo.ts";
import { fitsTheWindow, isAccessible, newPatient, type Patient } from "../support/patient.ts";

let demo: Demo;
let browser: Browser;
let patient: Patient;
let page: Page;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), launchBrowser()]);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});
afterEach(async () => {
  await patient.context.close();
  assert.deepEqual(patient.complaints, []);
});

async function open(width?: number): Promise<void> {
  patient = await newPatient(browser, width);
  page = patient.page;
  await page.goto(demo.origin);
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByRole("heading", { name: "Playground" }).waitFor();
}

const choose = (label: string, option: string) => page.getByLabel(label, { exact: true }).selectOption(option);
/** What a patient and a host's page are told. */
const look = async (): Promise<string> => {
  const state = await page.evaluate<string>("document.querySelector('mb-connect').state");
  return `${state}\n${await page.locator("mb-connect").ariaSnapshot()}\n${(await events()).length} events`;
};
const events = () => page.getByRole("region", { name: "Events" }).getByRole("listitem").allInnerTexts();

test("every state has a switch, and no two are the same", async () => {
  await open();
  const names = await page.getByLabel("Show", { exact: true }).locator("option").allInnerTexts();
  assert.ok(names.length > 20);
  const seen = new Map<string, string>();
  for (const name of names) {
    await page.goto(`${demo.origin}/playground/#${encodeURIComponent(name)}`);
    await page.reload();
    const shown = await until(look, (text) => !seen.has(text));
    seen.set(shown, name);
  }
});

for (const width of [1100, 320]) {
  test(`nothing that an accessibility checker finds, and nothing wider than the window, at ${width} px`, async () => {
    await open(width);
    for (const name of ["Results", "Their own hospitals", "Gone wrong"]) {
      await choose("Show", name);
      await page.locator("mb-connect[data-shown]").waitFor();
      await isAccessible(page);
      await fitsTheWindow(page);
    }
  });
}

test("a custom property, theme and direction are on show at once, and in the code", async () => {
  await open();
  await choose("Show", "Declined");
  await page.getByRole("heading", { name: "Nothing was shared" }).waitFor();
  const looks = () =>
    page.evaluate<string[]>(`(() => {
      const button = document.querySelector("mb-connect").shadowRoot.querySelector("[part=button]");
      const { backgroundColor, borderRadius, direction } = getComputedStyle(button);
      return [backgroundColor, borderRadius, direction];
    })()`);
  await page.getByLabel("accent", { exact: true }).fill("#7a1f5c");
  await page.getByLabel("radius", { exact: true }).fill("0");
  await choose("Direction", "rtl");
  assert.deepEqual(await looks(), ["rgb(122, 31, 92)", "0px", "rtl"]);
  await choose("Whose records", "child");
  const code = page.getByRole("region", { name: "Code" }).locator("pre");
  assert.equal(
    await code.innerText(),
    `<script type="module" src="/mb-connect.min.js"></script>
<mb-connect app-name="Demo Clinic" relation="child"></mb-connect>

/* in your style sheet */
mb-connect {
  --mb-accent: #7a1f5c;
  --mb-radius: 0px;
}`,
  );
  await page.getByRole("button", { name: "Back to the defaults" }).click();
  assert.deepEqual(await looks(), ["rgb(11, 79, 138)", "12px", "rtl"]);
  await choose("Theme", "dark");
  assert.deepEqual(await looks(), ["rgb(156, 202, 255)", "12px", "rtl"]);
});

test("the list as buttons, in the stage and in the code", async () => {
  await open();
  await choose("Show", "Results");
  await page.getByRole("option", { name: "Willow Springs General Hospital" }).first().waitFor();
  await choose("Results", "buttons");
  await page.getByRole("button", { name: "Willow Springs General Hospital" }).first().waitFor();
  assert.equal(await page.getByRole("option", { name: "Willow" }).count(), 0);
  const code = await page.getByRole("region", { name: "Code" }).locator("pre").innerText();
  assert.match(code, /<mb-connect app-name="Demo Clinic" list-mode="buttons">/);
  await isAccessible(page);
});

test("events are listed, the latest first, and nothing is left for", async () => {
  await open();
  await choose("Show", "Redirecting");
  await page.getByText("Taking you to Willow Springs General Hospital to sign in").first().waitFor();
  const names = (await events()).map((line) => line.split(" ", 1)[0]);
  assert.deepEqual(names, ["mb-redirect", "mb-select", "mb-search"]);
  await page.getByRole("button", { name: "Empty the log" }).click();
  assert.deepEqual(await events(), []);
});
