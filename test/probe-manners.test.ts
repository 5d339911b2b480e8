/** How gently `mb-connect probe` asks: few at once, each host in peace, none that wants to be left alone, none in vain. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createPoliteDoor } from "#server/cli/polite-door.js";
import type { ProbeManners } from "#server/cli/probing.js";
import { createDoor } from "#server/fetch.js";
import { testDatabases } from "./support/databases.ts";
import { DAY_MS, endpointServers, lookup, nameOf, prober, SMART, sound } from "./support/probing.ts";

const { start } = endpointServers();
const databases = testDatabases("sqlite");

/** Answers when somebody lets it; counts what is under way. */
async function startCounting() {
  const count = { now: 0, most: 0 };
  const started = await start(async (request, response) => {
    count.most = Math.max(count.most, ++count.now);
    // Some turns of the loop, in which others would come if they were let.
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    count.now -= 1;
    sound(request, response);
  });
  return { ...started, count };
}

test("one host with fifty endpoints has never more than two requests under way", async () => {
  const { origin, asked, count } = await startCounting();
  const { run } = prober(await databases.open());
  const { answered } = await run(
    Array.from({ length: 50 }, (_, n) => `${origin}/${n}`),
    { paceMs: 0 },
  );
  assert.deepEqual([answered, asked.length, count.most], [50, 50, 2]);
});

test("of many hosts never more are asked at once than was said", async () => {
  const counts = await Promise.all(Array.from({ length: 8 }, startCounting));
  let [now, most] = [0, 0];
  const door = createDoor({ allowLoopback: true });
  const { signal } = new AbortController();
  const counting = {
    ...door,
    async request(...words: Parameters<typeof door.request>) {
      most = Math.max(most, ++now);
      return door.request(...words).finally(() => --now);
    },
  };
  const polite = createPoliteDoor(counting, {
    concurrency: 3,
    paceMs: 0,
    timeoutSeconds: 5,
    signal,
    clock: Date.now,
    sleep: async () => {},
  });
  await Promise.all(
    counts.flatMap(({ origin }) => ["a", "b"].map((name) => polite.request(`${origin}/${name}${SMART}`))),
  );
  assert.equal(most, 3);
  await door.close();
});

/** A polite door whose time passes only while it waits; `at` tells when each request was sent. */
function timed(listener: (request: { path: string; times: number }) => [status: number, retryAfter?: string]) {
  let now = 0;
  const at: number[] = [];
  const door = createDoor({ allowLoopback: true });
  after(() => door.close());
  const started = start((request, response) => {
    const [status, retry] = listener({ path: request.url ?? "", times: at.push(now) });
    response.writeHead(status, retry === undefined ? {} : { "retry-after": retry }).end();
  });
  const polite = createPoliteDoor(door, {
    concurrency: 16,
    paceMs: 250,
    timeoutSeconds: 5,
    signal: new AbortController().signal,
    clock: () => now,
    async sleep(ms) {
      now += ms;
    },
  });
  return {
    at,
    async ask(): Promise<number> {
      return (await polite.request(`${(await started).origin}/`)).status;
    },
  };
}

test("many hosts at once are waited for without a word of warning", async () => {
  const { origin } = await start(sound);
  const { run } = prober(await databases.open());
  const warnings: string[] = [];
  const warn = ({ message }: Error) => void warnings.push(message);
  process.on("warning", warn);
  const endpoints = Array.from({ length: 60 }, (_, n) => `${origin.replace("localhost", `h${n % 20}.localhost`)}/${n}`);
  const { answered } = await run(endpoints);
  process.off("warning", warn);
  assert.deepEqual([answered, warnings], [60, []]);
});

test("between two requests to a host lies a quarter of a second and some more by chance", async () => {
  const { ask, at } = timed(() => [200]);
  for (let n = 0; n < 20; n++) await ask();
  const gaps = at.slice(1).map((one, index) => one - (at[index] ?? 0));
  assert.ok(
    gaps.every((gap) => gap >= 250 && gap < 501),
    gaps.join(),
  );
  assert.ok(new Set(gaps.map(Math.round)).size > 5, gaps.join());
});

test("Retry-After is heeded, and asked again once it is over", async () => {
  for (const status of [429, 503]) {
    const { ask, at } = timed(({ times }) => (times === 1 ? [status, "7"] : [200]));
    assert.equal(await ask(), 200);
    assert.ok((at[1] ?? 0) >= 7000, at.join());
  }
  const { ask, at } = timed(({ times }) => (times === 1 ? [429] : [200]));
  assert.equal(await ask(), 200);
  assert.ok((at[1] ?? 0) >= 10_000, at.join());
});

test("a host that wants to be left alone for long, or time and again, is not asked any more", async () => {
  const long = timed(() => [429, "3600"]);
  assert.deepEqual([await long.ask(), await long.ask(), long.at.length], [429, 429, 1]);
  const stubborn = timed(() => [429, "1"]);
  assert.deepEqual([await stubborn.ask(), await stubborn.ask(), stubborn.at.length], [429, 429, 3]);
});

test("a redirect waits for the turn of the host where it leads, and one of many ends", async () => {
  let now = 0;
  const at: [host: string, now: number][] = [];
  const { origin } = await start(({ headers, url }, response) => {
    at.push([headers.host ?? "", now]);
    const location = url === "/round" ? url : `${origin}/there`;
    response.writeHead(url === "/there" ? 204 : 302, { location }).end();
  });
  const door = createDoor({ allowLoopback: true, lookup });
  after(() => door.close());
  const { signal } = new AbortController();
  const polite = createPoliteDoor(door, {
    concurrency: 16,
    paceMs: 250,
    timeoutSeconds: 5,
    signal,
    clock: () => now,
    async sleep(ms) {
      now += ms;
    },
  });
  const hosts = ["h1", "h2", "h3"].map((name) => origin.replace("localhost", `${name}.localhost`));
  for (const host of hosts) assert.equal((await polite.request(`${host}/here`)).status, 204);
  const there = at.filter(([host]) => !host.startsWith("h")).map(([, when]) => when);
  assert.equal(there.length, 3);
  assert.ok(there.slice(1).every((when, index) => when - (there[index] ?? 0) >= 250));
  await assert.rejects(polite.request(`${origin}/round`), { reason: "too_many_redirects" });
  assert.equal(at.length, 2 * hosts.length + 4);
});

test("endpoints of a host that is left alone are put off: no mark, and asked by the next run", async () => {
  let busy = true;
  const { origin, asked } = await start((request, response) =>
    busy ? response.writeHead(429, { "retry-after": "3600" }).end() : sound(request, response),
  );
  const { run, mark } = prober(await databases.open());
  const endpoints = Array.from({ length: 10 }, (_, n) => `${origin}/${n}`);
  const { put_off, failed } = await run(endpoints, { maxAgeMs: DAY_MS });
  assert.deepEqual([put_off, failed, await mark(`${origin}/1`)], [10, 0, undefined]);
  assert.ok(asked.length <= 2, `${asked.length} requests`);
  busy = false;
  assert.equal((await run(endpoints, { maxAgeMs: DAY_MS })).answered, 10);
});

test("a host that cannot be reached is not tried for each of its endpoints", async () => {
  const { origin } = await start(sound);
  let lookups = 0;
  const { run, mark } = prober(await databases.open(), (hostname, options, done) => {
    if (hostname !== "localhost") lookups += 1;
    lookup(hostname, options, done);
  });
  const endpoints = Array.from({ length: 40 }, (_, n) => `https://nowhere.example.org/${n}`);
  const { failed, faults } = await run([...endpoints, `${origin}/fine`]);
  assert.deepEqual([failed, faults], [40, { unknown_host: 40 }]);
  for (const endpoint of endpoints) assert.deepEqual(await mark(endpoint), ["unknown", "unknown_host", 1]);
  assert.ok(lookups <= 6, `${lookups} look-ups`);
});

test("one that has just been checked is left out, and with a limit those come first that waited longest", async () => {
  const { origin, asked } = await start(sound);
  const { run, pass } = prober(await databases.open());
  const endpoints = ["a", "b", "c", "d"].map((name) => `${origin}/${name}`);
  const next = async (how: Partial<ProbeManners>) => {
    asked.length = 0;
    const { fresh } = await run(endpoints, how);
    return [asked.map(nameOf).sort().join(""), fresh];
  };
  await run(endpoints.slice(1, 3));
  pass(1000);
  assert.deepEqual(await next({ limit: 2 }), ["ad", 0]);
  pass(1000);
  assert.deepEqual(await next({ limit: 2 }), ["bc", 0]);
  assert.deepEqual(await next({ maxAgeMs: 500 }), ["ad", 2]);
});
