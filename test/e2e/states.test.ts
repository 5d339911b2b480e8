/**
 * Every state of the element, reached as a patient reaches it: what it says and what comes next, kept as `docs/states.md`; what
 * a screen reader is given, kept as text; its looks, kept as pictures; and nothing that a checker finds in any theme or
 * direction. `npm run snapshots` keeps all of it anew.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { accessibilityTree } from "../support/accessibility-tree.ts";
import { chromium, launchBrowser } from "../support/chromium.ts";
import { ELEMENT_STATES, type ElementState, type Journey, RECOMMENDED, SYSTEM } from "../support/element-states.ts";
import { fitsTheWindow, newPatient } from "../support/patient.ts";
import { comparePicture, sideBySide } from "../support/pictures.ts";
import { ROOT } from "../support/source-files.ts";
import { openStatesHost, type StatesHost } from "../support/states-host.ts";

const RENEW = process.argv.includes("--renew");
const TABLE = "docs/states.md";
const HEAD = `# States of the element

Written by the test that reached each state in a browser, through the real server and the simulated hospital: \`npm run snapshots\`.

| state | \`:state()\` | what leads there | heading | what it says | what comes next |
|---|---|---|---|---|---|
`;

/** Themes that axe and the pictures look at. */
const THEMES = {
  light: { colorScheme: "light", forcedColors: "none" },
  dark: { colorScheme: "dark", forcedColors: "none" },
  "forced colours": { colorScheme: "dark", forcedColors: "active" },
} as const;
const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 720, height: 800 };

/** Runs in the page: what the element says and offers, as a patient reads it. */
const READ = `(() => {
  const tag = document.querySelector("mb-connect");
  const all = (selector) => [...tag.shadowRoot.querySelectorAll(selector)]
    .filter((one) => one.checkVisibility()).map((one) => one.textContent.trim()).filter(Boolean);
  const states = ["open", "error"].filter((name) => tag.matches(":state(" + name + ")"));
  const [title] = all("[part=notice-title]");
  const [label] = all("[part=label]");
  const says = all("section[part=notice] > p, .results p");
  const field = tag.shadowRoot.querySelector("input");
  const buttons = all("[part=button]");
  return {
    states: [tag.state, ...states].join(", "),
    heading: title ?? label,
    says: says.join(" "),
    next: [...(field && !field.readOnly && !field.disabled ? ["the field"] : []), ...buttons],
  };
})()`;

interface Read {
  states: string;
  heading: string;
  says: string;
  next: string[];
}

/** What differs from one day, and one run, to the next: pattern → what stands in its place. */
const varying: [string, string][] = [
  ["\\b(ps|req)_[0-9A-Z]{26}\\b", "$1_01ARZ3NDEKTSV4RRFFQ69G5FAV"],
  ["\\d{1,2}/\\d{1,2}/\\d{4}", "11/2/2026"],
  ["(records are (?:arriving|here): )[\\d,]+", "$140"],
];

const settled = (text: string): string =>
  varying.reduce((rest, [pattern, instead]) => rest.replace(new RegExp(pattern, "g"), instead), text);

/** The same in the page, before its picture is taken. */
const settle = (): string => `(() => {
  const walker = document.createTreeWalker(document.querySelector("mb-connect").shadowRoot, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    let text = node.data;
    for (const [pattern, instead] of ${JSON.stringify(varying)}) text = text.replace(new RegExp(pattern, "g"), instead);
    if (text !== node.data) node.data = text;
  }
  return document.fonts.ready.then(() => {});
})()`;

let host: StatesHost;
let browser: Browser;
let pictured = true;
const rows: string[] = [];

before(async () => {
  const { executablePath } = await chromium();
  // Another Chromium draws letters otherwise, and may tell its tree otherwise.
  pictured = executablePath.includes("mb-connect-chromium");
  if (!pictured) console.log("pictures and trees are not compared: this is not the Chromium that they were taken with");
  [host, browser] = await Promise.all([openStatesHost(RECOMMENDED), launchBrowser()]);
  const places = host.hospital.facilities.filter(({ brand }) => brand === SYSTEM).map(({ city }) => city);
  varying.push([`(${places.join("|")}), [A-Z]{2} \\d{5}`, "Anytown, OH 44800"], [`(${places.join("|")})`, "Anytown"]);
});
after(async () => {
  await browser?.close();
  await host?.close();
});

for (const [index, state] of ELEMENT_STATES.entries()) {
  test(`${state.name}: ${state.trigger}`, async (t) => {
    const { context, page, complaints } = await newPatient(browser, PHONE.width, PHONE.height);
    const foreign: string[] = [];
    context.on("request", (request) => {
      const { origin, href } = new URL(request.url());
      const own = new URL(request.frame().url() || host.url).origin === host.url;
      if (own && !request.isNavigationRequest() && origin !== host.url && !href.startsWith("data:")) foreign.push(href);
    });
    try {
      await context.addCookies([{ name: "user", value: `patient-${index}`, url: host.url, sameSite: "Lax" }]);
      await state.reach({ host, page, context, user: `patient-${index}` } satisfies Journey);
      rows.push(rowOf(state, (await page.evaluate(READ)) as Read));
      await fitsTheWindow(page);
      await t.test(
        "what a screen reader is given",
        { skip: pictured ? false : "the kept files are of another browser" },
        async () => {
          await kept(`test/e2e/snapshots/${slug(state)}.txt`, settled(await accessibilityTree(page)));
        },
      );
      await t.test("a checker finds nothing in any theme or direction", () => everyDress(page));
      await t.test(
        "its looks",
        { skip: pictured ? !state.picture && "no picture is kept of it" : "the kept files are of another browser" },
        async () => {
          const difference = await comparePicture(slug(state), await picture(page), RENEW);
          assert.equal(difference, null, "see test/artifacts; npm run snapshots keeps the new one");
        },
      );
      assert.deepEqual(foreign, [], "asked of another origin");
      // What is tried here is refused at times, which a console mentions.
      const expected = /Failed to load resource|ERR_INTERNET_DISCONNECTED/;
      assert.deepEqual(
        complaints.filter((line) => !expected.test(line)),
        [],
      );
    } finally {
      await context.setOffline(false);
      await context.close();
    }
  });
}

test("the table of states is what was seen", async () => {
  await kept(TABLE, HEAD + rows.join(""));
});

const slug = ({ name }: ElementState): string => name.toLowerCase().replace(/[^a-z]+/g, "-");

function rowOf({ name, trigger }: ElementState, { states, heading, says, next }: Read): string {
  const cells = [name, `\`${states}\``, trigger, heading, says, next.join(" · ")];
  return `| ${cells.map((cell) => settled(cell).replace(/\s+/g, " ").replaceAll("|", "\\|")).join(" | ")} |\n`;
}

/** Compares a file with what it should hold, or writes it. */
async function kept(path: string, content: string): Promise<void> {
  const file = join(ROOT, path);
  if (RENEW) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  } else {
    assert.equal(existsSync(file) ? await readFile(file, "utf8") : "", content, `${path}; npm run snapshots renews it`);
  }
}

/** Axe, in every theme and direction. */
async function everyDress(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  for (const [name, theme] of Object.entries(THEMES)) {
    await page.emulateMedia(theme);
    for (const dir of ["ltr", "rtl"]) {
      await page.evaluate(`document.documentElement.dir = "${dir}"`);
      // There the browser paints the reader's own colours, and axe reads those of the page.
      const rules = { "color-contrast": { enabled: theme.forcedColors === "none" } };
      const { violations } = (await page.evaluate(`axe.run(${JSON.stringify({ rules })})`)) as AxeResults;
      const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
      assert.deepEqual(found, [], `${name}, ${dir}`);
    }
  }
  await page.evaluate("document.documentElement.dir = ''");
}

/** Phone and desktop, light and dark, and a phone in the reader's own colours at last, in a row. */
async function picture(page: Page): Promise<Buffer> {
  const pictures: Buffer[] = [];
  // Where a press has left it, a row would look as though it were meant.
  await page.mouse.move(0, 0);
  const views = [PHONE, DESKTOP].flatMap((size) => [THEMES.light, THEMES.dark].map((theme) => ({ size, theme })));
  for (const { size, theme } of [...views, { size: PHONE, theme: THEMES["forced colours"] }]) {
    // There a caret cannot be hidden, and the browser keeps the page's ground for what comes after.
    if (theme.forcedColors === "active") await page.evaluate("document.activeElement?.blur()");
    await page.setViewportSize(size);
    await page.emulateMedia(theme);
    await page.evaluate(settle());
    pictures.push(await page.locator("main").screenshot({ animations: "disabled", caret: "hide" }));
  }
  return sideBySide(pictures);
}
