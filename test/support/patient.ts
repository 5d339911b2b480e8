/**
 * A patient at a browser: what they do at the clinic's page and at the hospital's portal, by the names that they read there;
 * and whatever the browser complained of meanwhile.
 */
import assert from "node:assert/strict";
import axe, { type AxeResults } from "axe-core";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";

export interface Patient {
  context: BrowserContext;
  page: Page;
  /** Errors and warnings of every console, failed scripts, and requests that left loopback. */
  complaints: string[];
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** A patient with a browser profile of their own; the clinic's page is not open yet. */
export async function newPatient(browser: Browser, width = 1100, height = 850): Promise<Patient> {
  const context = await browser.newContext({ viewport: { width, height } });
  // Longer than the server waits for a hospital that never answers.
  context.setDefaultTimeout(25_000);
  const complaints: string[] = [];
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.page()?.url()}: ${message.text()}`);
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("request", (request) => {
    const { protocol, hostname, href } = new URL(request.url());
    if (protocol !== "data:" && !LOOPBACK.has(hostname)) complaints.push(`went to ${href}`);
  });
  return { context, page: await context.newPage(), complaints };
}

/** The search field of the tag. */
export const field = (page: Page) => page.getByRole("combobox", { name: "Find your hospital or clinic" });

/** Types words and picks a facility among what is found; leads to its portal. */
export async function pick(page: Page, words: string, facility: string): Promise<void> {
  await field(page).fill(words);
  await page.getByRole("option", { name: facility }).first().click();
}

/** Signs in at the portal as whoever is filled in. */
export async function signIn(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Presses a button of the consent page: the callback request that the browser made of it. */
export async function answer(page: Page, name: "Allow" | "Deny"): Promise<Request> {
  const callback = page.waitForRequest((request) => new URL(request.url()).pathname === "/api/callback");
  await page.getByRole("button", { name, exact: true }).click();
  return callback;
}

/** Waits for a screen of the tag, by its heading, with the address clean and nothing wider than the window. */
export async function seesOutcome(page: Page, heading: string | RegExp): Promise<void> {
  await page.getByRole("heading", { name: heading }).waitFor();
  const { pathname, search } = new URL(page.url());
  assert.deepEqual([pathname, search], ["/connected", ""]);
  await fitsTheWindow(page);
}

/** Nothing to scroll sideways to. */
export async function fitsTheWindow(page: Page): Promise<void> {
  const [content, window] = await page
    .locator("html")
    .evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth] as const);
  assert.ok(content <= window, `${page.url()} is ${content} px wide in a window of ${window}`);
}

/** What the clinic's server says of the patient's hospitals: a line each. */
export const hospitals = (page: Page): Promise<string[]> =>
  page.getByRole("region", { name: "Your hospitals" }).getByRole("listitem").allInnerTexts();

/** Nothing on the page that axe finds, best practices included. */
export async function isAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as AxeResults;
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  assert.deepEqual(found, [], page.url());
}
