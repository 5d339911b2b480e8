/** Logos under the strictest policy: they come from the host's own logo route alone, and tell nobody who looks at them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type MbConnect, mbConnect } from "@mb-connect/server";
import type { Browser, Request } from "playwright-core";
import { openDatabase } from "#server/store/database.js";
import { launchBrowser } from "../support/chromium.ts";
import { newPatient } from "../support/patient.ts";
import { openStatesHost, type StatesHost } from "../support/states-host.ts";

const PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=";

/** What is looked at of an image. */
interface Picture {
  naturalWidth: number;
  loading: string;
  alt: string;
}

let host: StatesHost;
let pictured: MbConnect;
let browser: Browser;

before(async () => {
  [host, browser] = await Promise.all([openStatesHost([]), launchBrowser()]);
  const database = openDatabase(host.database);
  // By turns: the hospital's own, one inlined in its list, one that is gone, none.
  for (const [index, facility] of host.hospital.facilities.entries()) {
    const logo = `${facility.issuer}/logo.svg`;
    const logo_url = [logo, PIXEL, `${facility.issuer}/gone.svg`, null, logo][index % 5] ?? null;
    await database.db.updateTable("sources").set({ logo_url }).where("id", "=", host.sourceOf(facility)).execute();
  }
  await database.close();
  pictured = mbConnect({ ...host.options, publicUrl: `${host.url}/pictured` });
  host.app.use("/pictured", pictured.router);
});
after(async () => {
  await browser?.close();
  await pictured?.close();
  await host?.close();
});

test("logos come from the host's own route, without a referrer, and the policy has nothing to refuse", async () => {
  const { context, page, complaints } = await newPatient(browser, 390);
  await context.addCookies([{ name: "user", value: "alma", url: host.url, sameSite: "Lax" }]);
  const asked: Request[] = [];
  context.on("request", (request) => asked.push(request));
  await page.addInitScript(`window.refused = [];
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => refused.push([violatedDirective, blockedURI]));`);
  await page.goto(`${host.url}/?search-url=/pictured/connections`);
  await page.getByRole("combobox").fill("hospital");
  const images = page.locator("mb-connect [part=option] img");
  await images.first().waitFor();
  await page.waitForLoadState("networkidle");
  const tiles = await page.locator("mb-connect [part=option] [part=logo]").count();
  const shown = await images.evaluateAll((all) =>
    (all as unknown as Picture[]).map(({ naturalWidth, loading, alt }) => `${naturalWidth > 0}, ${loading}, "${alt}"`),
  );
  assert.ok(
    shown.length > 0 && shown.length < tiles,
    `${shown.length} of ${tiles} have a logo, the others their letters`,
  );
  assert.deepEqual([...new Set(shown)], ['true, lazy, ""']);
  const logos = asked.filter(
    (request) => request.resourceType() === "image" && !request.url().endsWith("/favicon.ico"),
  );
  assert.ok(logos.length >= shown.length);
  for (const request of logos) {
    assert.match(request.url(), new RegExp(`^${host.url}/pictured/logos/fhirsrc_\\w{26}$`));
    assert.equal((await request.allHeaders()).referer, undefined);
  }
  const elsewhere = asked.map((request) => request.url()).filter((url) => new URL(url).origin !== host.url);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(await page.evaluate("refused"), []);
  // A logo that is gone is a 404, which a console mentions.
  assert.deepEqual(
    complaints.filter((line) => !line.includes("404 (Not Found)")),
    [],
  );
  await context.close();
});
