/** `mb-connect probe` as it is run: what it checks, what it says, and what is left when it is stopped. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { importCatalog } from "#server/catalog/importer.js";
import type { Database } from "#server/store/database.js";
import { until } from "./support/clinic.ts";
import { command } from "./support/command.ts";
import { testDatabases } from "./support/databases.ts";
import { endpointServers, nameOf, optionsFor, sound, varied } from "./support/probing.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

const { start } = endpointServers();
const databases = testDatabases("sqlite");
const write = listFolder();
const BIN = join(import.meta.dirname, "../server/bin/mb-connect.js");
let configs = 0;

async function setUp(facilities: object[]): Promise<{ database: Database; config: string; location: string }> {
  const location = await databases.location();
  const database = await databases.open(location);
  await importCatalog(database, { files: [write("list.jsonl", jsonLines(facilities))], list: "all" }, Date.now);
  const text = `export const options = { patient: () => null, ...${JSON.stringify(optionsFor(location))} };`;
  return { database, location, config: write(`config-${++configs}.mjs`, text) };
}

test("checks what the registrations offer, or all that could be, and says so in one line", async () => {
  const { origin, asked } = await start(varied());
  const at = (path: string, more: object) => facility(path, { fhirBaseUrl: `${origin}/${path}`, ...more });
  const { config } = await setUp([
    at("mine", { vendor: "Epic" }),
    at("broken", { vendor: "Epic" }),
    at("other", { vendor: "Oracle Health" }),
    at("dstu2", { vendor: "Epic", fhirVersion: "1.0.2" }),
  ]);
  const offered = await command("probe", "--config", config);
  const line = "2 endpoints: 1 live, 0 unreachable, 0 retired, 1 unknown; 1 answered, 1 failed\n";
  assert.deepEqual(offered, { code: 0, stdout: line, stderr: "" });
  const all = await command("probe", "--config", config, "--all", "--json");
  const { endpoints, states, fresh, answered } = JSON.parse(all.stdout);
  assert.deepEqual([endpoints, states.live, fresh, answered], [3, 2, 2, 1]);
  assert.deepEqual(asked.map(nameOf).sort(), ["broken", "mine", "other"]);
});

test("without a config it lets nothing out to this machine itself", async () => {
  const { origin, asked } = await start(sound);
  const { location } = await setUp([facility("mine", { fhirBaseUrl: `${origin}/mine` })]);
  const { code, stdout, stderr } = await command("probe", "--all", "--database", location);
  assert.deepEqual([code, asked.length], [1, 0]);
  assert.match(stdout, /^0 endpoints/);
  assert.match(stderr, /^mb-connect: nothing to check: import .*\n$/);
});

for (const [what, words, says] of [
  ["nothing to check", [], /^mb-connect: say what to check: .*--config.*\n$/],
  ["a config that is not there", ["--config", "none.mjs"], /^mb-connect: none\.mjs is not there\n$/],
  ["a limit of none", ["--all", "--database", "x.db", "--limit", "0"], /^mb-connect: --limit: a number from 1 .*\n$/],
  [
    "a word for a number",
    ["--all", "--database", "x.db", "--max-age", "soon"],
    /^mb-connect: --max-age: a number .*\n$/,
  ],
] as [string, string[], RegExp][]) {
  test(`refuses ${what} in one line`, async () => {
    const { code, stdout, stderr } = await command("probe", ...words);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, says);
  });
}

test("where no server is reached it says to look at this machine, and ends with 1", async () => {
  const { origin, server } = await start(sound);
  const { config } = await setUp([facility("mine", { vendor: "Epic", fhirBaseUrl: `${origin}/mine` })]);
  server.close();
  server.closeAllConnections();
  const { code, stderr } = await command("probe", "--config", config);
  assert.deepEqual(
    [code, stderr],
    [1, "mb-connect: no server was reached, and nothing was kept: see that this machine may go out\n"],
  );
});

for (const [signal, code] of [
  ["SIGKILL", null],
  ["SIGINT", 130],
] as const) {
  test(`${signal} loses nothing that was found, and the next run goes on from there`, async () => {
    let stopped = false;
    const [first, second] = [await start(sound), await start(sound)];
    // It answers nobody until the run is stopped, so that it cannot come to its end before.
    const slow = await start((request, response) => void (stopped && sound(request, response)));
    const facilities = [first, second, slow].flatMap(({ origin }, n) =>
      ["a", "b", "c"].map((name) => facility(`${name} ${n}`, { vendor: "Epic", fhirBaseUrl: `${origin}/${name}` })),
    );
    const { database, config } = await setUp(facilities);
    const kept = async () => (await database.db.selectFrom("source_liveness").select("fhir_base_url").execute()).length;
    const child = spawn(process.execPath, [BIN, "probe", "--config", config], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "close");
    await until(kept, (count) => count === 6);
    child.kill(signal);
    const said = (await child.stdout.toArray()).join("");
    assert.equal((await ended)[0], code);
    if (signal === "SIGINT")
      assert.match(said, /^9 endpoints: 6 live, .* 3 unknown; stopped after 6 answered, 0 failed\n$/);
    assert.equal(await kept(), 6);

    stopped = true;
    for (const { asked } of [first, second]) asked.length = 0;
    const { stdout } = await command("probe", "--config", config);
    assert.match(stdout, /^9 endpoints: 9 live, .*; 3 answered, 0 failed, 6 were checked lately\n$/);
    assert.deepEqual([first.asked, second.asked], [[], []]);
  });
}
