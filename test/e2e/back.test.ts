/**
 * The browser's *Back* from the portal, to a page that it may have kept alive as it was left. A Chromium that keeps none (the
 * registry's does not) loads the page anew and says why.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, CDPSession } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { type Clinic, openClinic } from "../support/clinic.ts";

let clinic: Clinic;
let browser: Browser;

before(async () => {
  [clinic, browser] = await Promise.all([
    openClinic(),
    launchBrowser({ ignoreDefaultArgs: ["--disable-back-forward-cache"] }),
  ]);
  const tag = await readFile(fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn")), "utf8");
  clinic.app.get("/tag.js", (_request, response) => void response.type("js").send(tag));
  clinic.app.get("/tag", (_request, response) => {
    response
      .cookie("user", "alma", { sameSite: "lax" })
      .send(`<!doctype html><html lang="en"><title>clinic</title><script type="module" src="/tag.js"></script>
      <mb-connect app-name="Clinic"></mb-connect>`);
  });
});
after(async () => {
  await browser?.close();
  await clinic?.close();
});

/** Goes back one page: null where it was kept alive, else the browser's reasons for loading it anew. */
async function back(devtools: CDPSession): Promise<string[] | null> {
  await devtools.send("Page.enable");
  const outcome = new Promise<string[] | null>((resolve) => {
    devtools.on("Page.backForwardCacheNotUsed", ({ notRestoredExplanations }) =>
      resolve(notRestoredExplanations.map(({ reason }) => reason)),
    );
    devtools.on("Page.frameNavigated", ({ type }) => type === "BackForwardCacheRestore" && resolve(null));
  });
  await devtools.send("Runtime.evaluate", { expression: "history.back()" });
  return outcome;
}

const LOOK = `customElements.whenDefined("mb-connect").then(async () => {
  const tag = document.querySelector("mb-connect");
  await tag.updateComplete;
  return [tag.state, tag.shadowRoot.querySelector("input").readOnly];
})`;

test("back from the portal the field can be used at once", async (t) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${clinic.url}/tag`);
  const { name } = clinic.facility();
  await page.getByRole("combobox").fill(name);
  await page.getByRole("option", { name }).first().click();
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  const devtools = await page.context().newCDPSession(page);
  const reasons = await back(devtools);
  t.diagnostic(reasons ? `loaded anew: ${reasons.join(", ")}` : "the page was kept alive");
  // Playwright knows nothing of pages that come back alive; the protocol does.
  const look = { expression: LOOK, awaitPromise: true, returnByValue: true };
  const { result } = await devtools.send("Runtime.evaluate", look);
  assert.deepEqual(result.value, ["idle", false]);
});
