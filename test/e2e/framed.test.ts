/** The tag on a page that another page frames: portals refuse frames, so the whole window must leave. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/chromium.ts";
import { type Clinic, openClinic } from "../support/clinic.ts";

let clinic: Clinic;
let browser: Browser;

before(async () => {
  [clinic, browser] = await Promise.all([openClinic(), launchBrowser()]);
  const tag = await readFile(fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn")), "utf8");
  clinic.app.get("/tag.js", (_request, response) => void response.type("js").send(tag));
  clinic.app.get("/tag", (_request, response) => {
    response
      .cookie("user", "alma", { sameSite: "lax" })
      .send(`<!doctype html><html lang="en"><title>clinic</title><script type="module" src="/tag.js"></script>
      <mb-connect app-name="Clinic" search-url="/api/connections" session-url="/api/patient-sessions"></mb-connect>`);
  });
  clinic.app.get("/outside", (_request, response) => {
    response.send('<!doctype html><html lang="en"><title>outside</title><iframe title="in" src="/tag"></iframe>');
  });
});
after(async () => {
  await browser?.close();
  await clinic?.close();
});

test("A11: in a frame the tag takes the whole window to the portal", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${clinic.url}/outside`);
  const { name } = clinic.facility();
  const frame = page.frameLocator("iframe");
  await frame.getByRole("combobox").fill(name);
  await frame.getByRole("option", { name }).first().click();
  await page.waitForURL((url) => url.origin === new URL(clinic.hospital.url).origin);
  assert.equal(page.frames().length, 1);
  await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
});
