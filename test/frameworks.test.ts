/**
 * The element at home in frameworks: a small app for each is checked by the framework's own compiler, templates included, built,
 * and used in Chromium by a patient who speaks Spanish. It hands the element an object and a function, hears two events, and cancels one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { run } from "./package/pack.ts";
import { launchBrowser } from "./support/chromium.ts";
import { startApp } from "./support/framework-app.ts";
import { ROOT } from "./support/source-files.ts";

const FRAMEWORKS = join(ROOT, "test/frameworks");
const COMPILERS = join(FRAMEWORKS, "compilers");

/** What each framework's own users run, with its words. */
const CHECKS: Record<string, [command: string, ...words: string[]]> = {
  "React 18": [join(ROOT, "node_modules/.bin/tsc"), "-p", "react18"],
  "React 19": [join(ROOT, "node_modules/.bin/tsc"), "-p", "."],
  Vue: [process.execPath, join(COMPILERS, "vue.js"), "-p", "vue"],
  Svelte: [
    join(COMPILERS, "node_modules/.bin/svelte-check"),
    ...["--workspace", "svelte", "--tsconfig", join(FRAMEWORKS, "svelte/tsconfig.json")],
    ...["--fail-on-warnings", "--output", "machine"],
  ],
  Angular: [join(COMPILERS, "node_modules/.bin/ngc"), "-p", "angular"],
};
const APPS = {
  "React 18, by the component": "react18",
  "React 19, bare": "react19",
  Vue: "vue",
  Svelte: "svelte",
  Angular: "angular",
  "plain HTML, by the single file": "html",
};

for (const [name, [command, ...words]] of Object.entries(CHECKS)) {
  test(`${name}: it compiles, the types fit, and a wrong one is told`, async () => {
    const checked = await run(command, words, { cwd: FRAMEWORKS }).catch((thrown) => thrown);
    assert.equal(checked.code, undefined, checked.stdout);
  });
}

describe("in Chromium", () => {
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  for (const [name, folder] of Object.entries(APPS)) {
    test(`${name}: it renders, takes what is set, and is heard`, async () => {
      const app = await startApp(folder);
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      try {
        await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
        await page.goto(app.url);
        const field = page.getByRole("combobox", { name: "Busque su hospital o clínica" });
        await field.waitFor();
        await page.getByText("The hint of the app").waitFor();
        await field.fill("willow");
        const said = page.locator("output");
        await said.filter({ hasText: "1 for willow" }).waitFor();
        await page.getByRole("option", { name: "Clinic of willow" }).click();
        await said.filter({ hasText: "Clinic of willow, results" }).waitFor();
        assert.deepEqual(faults, []);
      } finally {
        await page.close();
        app.close();
      }
    });
  }
});
