/**
 * `element`: how soon the tag can be used on a phone beside a plain element, Lit's smallest and a completing field; how soon
 * rows follow the last key over a catalog; and what a thousand elements leave behind. Loads of all pages come by turns.
 */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { importCatalog } from "#server/catalog/importer.js";
import { openDatabase } from "#server/store/database.js";
import { launchBrowser } from "../support/chromium.ts";
import { type Bench, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";

/** What is asked of it. */
export interface ElementSettings {
  /** A file that `mb-connect import` takes; without it, typing is left out. */
  catalog?: string | undefined;
  json?: boolean | undefined;
}

const LOADS = 15;
const PAGES = { plain: "plain-field", lit: "lit-field", peer: "auto-complete", ours: "mb-connect" };
type Name = keyof typeof PAGES;

/** A phone on a slow network: 1.6 Mbit/s, 150 ms there and back, a quarter of this machine's speed. */
const PHONE = { latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 };
/** The same phone on a good one. */
const NEAR = { latency: 60, downloadThroughput: -1, uploadThroughput: -1 };
const SLOWER = 4;

/**
 * Thirteen keys each: one comes to an answer that holds all there is, two never do, one of them without a space to rest at. And
 * one of twelve, whose last key is one of those that are not asked for at once.
 */
const TEXTS = ["mercy gen hos", "general hospi", "massachusetts", "general hosp"];
const KEY_MS = 120;
const TYPINGS = 15;
const ARROWS = 5;
const MOUNTS = 1000;

/** The tables are printed as they are done; a row's floor is the plain element's, or the product's own measure. */
export function elementBenchmark({ catalog, json }: ElementSettings): Promise<Row[]> {
  return withBench(async (bench) => {
    const browser = await launchBrowser();
    try {
      const print = (table: string, line: Record<string, string | number>): void => {
        if (json) console.log(JSON.stringify({ table, ...line }));
        else
          console.log(
            `${table}: ${Object.entries(line)
              .map(([name, value]) => `${name} ${value}`)
              .join(", ")}`,
          );
      };
      const rows = await loads(bench, browser, print);
      if (catalog === undefined) console.error("typing is left out: pass --catalog FILE");
      else rows.push(...(await typing(bench, browser, catalog, print)));
      rows.push(await mounts(bench, browser));
      return rows;
    } finally {
      await browser.close();
    }
  });
}

/** A page of a profile of its own, as slow as a phone. */
async function phone(browser: Browser, network: typeof PHONE): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 390, height: 740 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", { offline: false, ...network });
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  return page;
}

/** Runs in the page from its start: when the element is defined and its field has been painted. */
const usable = (tag: string): string => `window.usable = new Promise((resolve) => {
  const look = () => {
    const element = document.querySelector("${tag}:defined");
    const field = (element?.shadowRoot ?? element)?.querySelector("input");
    if (field?.getBoundingClientRect().height > 0) requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
});`;

async function loads(bench: Bench, browser: Browser, print: Print): Promise<Row[]> {
  const part = await bench.start("element-pages");
  const origin = await part.ask<string>("origin");
  const names = Object.keys(PAGES) as Name[];
  const seen = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < LOADS + 1; round++) {
    for (const name of names) {
      const page = await phone(browser, PHONE);
      await page.addInitScript(usable(PAGES[name]));
      await page.goto(`${origin}/${name}`);
      const ms = await page.evaluate<number>("window.usable");
      // The first round finds the browser's own code cold.
      if (round > 0) seen.get(name)?.push(ms);
      await page.context().close();
    }
  }
  const of = (name: Name): number[] => seen.get(name) ?? [];
  for (const name of names) {
    const after = of(name).map((ms, at) => ms - (of("plain")[at] ?? Number.NaN));
    print(`usable on a phone, ${name}`, {
      "median ms": rounded(share(of(name), 0.5)),
      "after plain ms": rounded(share(after, 0.5)),
      "p25…p75": `${rounded(share(after, 0.25))}…${rounded(share(after, 0.75))}`,
    });
  }
  return names
    .filter((name) => name !== "plain")
    .map((name) => row(`element: usable on a phone, ${name}`, "ms", share(of(name), 0.5), share(of("plain"), 0.5)));
}

type Print = (table: string, line: Record<string, string | number>) => void;

/** Runs in the page: when the rows of the whole text were painted, and how long each key took to be answered by a frame. */
const watch = (text: string): string => `(() => {
  const field = document.querySelector("mb-connect").shadowRoot.querySelector("input");
  let key = 0;
  window.interactions = new Map();
  window.paces = [];
  field.addEventListener("keydown", ({ timeStamp }) => {
    if (key) paces.push(timeStamp - key);
    key = timeStamp;
  });
  new PerformanceObserver((list) => {
    for (const { interactionId, duration } of list.getEntries()) {
      if (interactionId) interactions.set(interactionId, Math.max(duration, interactions.get(interactionId) ?? 0));
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
  window.painted = new Promise((resolve) => {
    addEventListener("mb-search", ({ detail }) => {
      if (detail.query !== ${JSON.stringify(text)}) return;
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - key)));
    });
  });
})()`;

/** One text, typed once: milliseconds from the last key to its rows, requests, and how long each interaction took. */
async function typeOnce(browser: Browser, url: string, text: string) {
  const page = await phone(browser, NEAR);
  let requests = 0;
  page.on("request", (request) => {
    // What is suggested before a key is none of them.
    if (new URL(request.url()).searchParams.get("q")) requests += 1;
  });
  await page.goto(url);
  await page.getByRole("combobox").focus();
  await page.evaluate(watch(text));
  await page.keyboard.type(text, { delay: KEY_MS });
  const painted = await page.evaluate<number>("window.painted");
  const paces = await page.evaluate<number[]>("paces");
  const forKeys = requests;
  for (let press = 0; press < ARROWS; press++) await page.keyboard.press("ArrowDown", { delay: KEY_MS });
  const longer = await page.evaluate<number[]>("[...interactions.values()]");
  await page.context().close();
  // What took less than 16 ms is not told of.
  const short = Array<number>(Math.max(0, text.length + ARROWS - longer.length)).fill(8);
  return { painted, paces, requests: forKeys, interactions: [...longer, ...short] };
}

async function typing(bench: Bench, browser: Browser, catalog: string, print: Print): Promise<Row[]> {
  const location = join(bench.folder, "catalog.db");
  const database = openDatabase(location);
  await database.migrate();
  await importCatalog(database, { files: [catalog] }, Date.now);
  await database.close();
  const host = await bench.start("search-host", location);
  const url = await host.ask<string>("page");
  const seen = new Map(TEXTS.map((text) => [text, [] as Awaited<ReturnType<typeof typeOnce>>[]]));
  for (let run = 0; run < TYPINGS + 1; run++) {
    for (const text of TEXTS) {
      const one = await typeOnce(browser, url, text);
      // The first finds the browser's own code cold.
      if (run > 0) seen.get(text)?.push(one);
    }
  }
  return [...seen].flatMap(([text, runs]) => {
    const painted = runs.map((one) => one.painted);
    const interactions = runs.flatMap((one) => one.interactions);
    const requests = runs.map((one) => one.requests);
    const paces = runs.flatMap((one) => one.paces);
    print(`typing "${text}"`, {
      "a key each ms": `${rounded(share(paces, 0.5))}…${rounded(Math.max(...paces))}`,
      "last key to rows p50 ms": rounded(share(painted, 0.5)),
      "p75 ms": rounded(share(painted, 0.75)),
      "INP p50 ms": rounded(share(interactions, 0.5)),
      "INP p98 ms": rounded(share(interactions, 0.98)),
      [`requests for ${text.length} keys p50…most`]: `${share(requests, 0.5)}…${Math.max(...requests)}`,
    });
    return [
      row(`element: "${text}", last key to rows p75, beside a round trip`, "ms", share(painted, 0.75), NEAR.latency),
      row(`element: "${text}", INP p98, beside a frame`, "ms", share(interactions, 0.98), 1000 / 60),
      row(`element: "${text}", requests p75, beside its keys`, "", share(requests, 0.75), text.length),
    ];
  });
}

/** The heap in bytes, with nothing in it that nobody holds. */
async function heap(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  for (let round = 0; round < 3; round++) await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

const mount = (times: number): string => `(async () => {
  for (let count = 0; count < ${times}; count++) {
    const element = document.createElement("mb-connect");
    element.connectionsUrl = "";
    document.body.append(element);
    await element.updateComplete;
    element.remove();
  }
})()`;

async function mounts(bench: Bench, browser: Browser): Promise<Row> {
  const part = await bench.start("element-pages");
  const page = await browser.newPage();
  await page.goto(`${await part.ask<string>("origin")}/ours`);
  await page.waitForFunction("customElements.get('mb-connect')");
  await page.evaluate(mount(MOUNTS));
  const before = await heap(page);
  await page.evaluate(mount(MOUNTS));
  const after = await heap(page);
  await page.context().close();
  return row(`element: heap after ${MOUNTS} mounts, beside before`, "kB", after / 1000, before / 1000);
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

function share(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
