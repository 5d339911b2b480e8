/** The pull at servers whose answers are too much, too deep, twice, late or half: what one of them costs, and what it does not. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import { forEachDatabase } from "./support/databases.ts";
import { operationOutcome, resource, searchset } from "./support/fhir-server.ts";
import { namesOf, openPullCase, statesOf } from "./support/pull-case.ts";
import { scopesFor } from "./support/pull-host.ts";

const text = (type: string, id: string, more: object = {}) => JSON.stringify(resource(type, id, more));
const note = (id: string, more: object = {}) =>
  text("DocumentReference", id, { content: [{ attachment: { contentType: "text/plain", data: "aGk=" } }], ...more });

/** Looks until it is so. */
async function until(so: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await so()); await delay(20))
    assert.ok(Date.now() < end, "it did not come to be");
}

forEachDatabase((databases) => {
  test("P3, P8: a document that stands on a page twice is noted once", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(note("d1"), note("d1", { description: "again" }), note("d2"));
    const connection = await host.connect({ server, scopes: scopesFor("DocumentReference") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["DocumentReference ok 2"]);
  });

  test("a page may hold a whole search: thousands of documents, and of practitioners", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.pageSize = 100_000;
    for (let n = 0; n < 5000; n++) server.add(note(`d${n}`));
    const practitioners = Array.from({ length: 12_000 }, (_, n) => ({
      text: `{"resourceType":"Practitioner","id":"p${n}"}`,
      mode: "include",
    }));
    server.rules.push(({ path }) =>
      path === "Goal" ? { body: searchset([text("Goal", "g1"), ...practitioners]) } : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("DocumentReference", "Goal", "Practitioner") });
    const states = statesOf(await host.settled(connection));
    assert.deepEqual(states, ["DocumentReference ok 5000", "Goal ok 1", "Practitioner ok 12000"]);
  });

  test("P9: a resource that is nested beyond all reason is put aside, and costs nothing else", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const deep = `{"resourceType":"Goal","id":"deep","extension":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    server.rules.push(({ path }) =>
      path === "Goal" ? { body: searchset([text("Goal", "g1"), deep, text("Goal", "g2")]) } : null,
    );
    server.rules.push(({ path }) =>
      path === "Device" ? { status: 404, body: `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}` } : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("Device", "Goal") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Device unsupported 0", "Goal ok 2"]);
    assert.deepEqual(namesOf(await host.records(connection)), ["Goal/g1", "Goal/g2"]);
    assert.equal((await host.type(connection, "Goal")).notes.unusable, 1);
  });

  test("P4: an error beside records makes the type partial, and the pages after it come all the same", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const outcome = {
      text: JSON.stringify(operationOutcome("incomplete", "an archive does not answer")),
      mode: "outcome",
    };
    server.rules.push(({ path, query }) => {
      if (path !== "Condition") return null;
      const page = Number(query.get("p") ?? 1);
      const next: Record<string, string> = page < 3 ? { next: `${server.base}/Condition?p=${page + 1}` } : {};
      return { body: searchset([text("Condition", `c${page}`), ...(page === 1 ? [outcome] : [])], next) };
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Condition partial 3"]);
  });

  test("a full pull reads what records refer to anew, also where one job does all of it", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("Goal", "g1", { expressedBy: { reference: "Practitioner/one" } }));
    server.add({ resourceType: "Practitioner", id: "one", name: [{ text: "Before" }] });
    const connection = await host.connect({ server, scopes: scopesFor("Goal", "Practitioner") });
    const first = await host.settled(connection);
    server.resources.set("Practitioner", ['{"resourceType":"Practitioner","id":"one","name":[{"text":"After"}]}']);
    await host.request(connection);
    await host.settled(connection, { after: first });
    const [, practitioner] = await host.records(connection);
    assert.match(String(practitioner?.body), /After/);
  });

  test("a new grant that comes while a pull is about to begin has a pull of its own", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("Goal", "g1"), resource("Device", "d1"));
    const scopes = JSON.stringify(scopesFor("Goal", "Device"));
    let connection = "";
    let asked = 0;
    server.rules.push(async ({ path }) => {
      if (path !== "metadata" || asked++ > 0) return null;
      const { db } = host.database;
      await db.updateTable("connections").set({ scopes }).where("id", "=", connection).execute();
      await host.request(connection, "connect");
      return null;
    });
    connection = await host.connect({ server, scopes: scopesFor("Goal") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Device ok 1", "Goal ok 1"]);
  });

  test("P6: after its pause a server that failed gets one request, and the others only once that is answered", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    let out = 0;
    let most = 0;
    let failing = true;
    const types = ["Condition", "Device", "Goal", "Procedure", "Coverage", "Immunization"];
    const paused = async () =>
      ((await host.database.db.selectFrom("fhir_hosts").selectAll().execute())[0]?.paused_until ?? 0) > host.now();
    server.rules.push(async ({ path }) => {
      if (path === "metadata") return null;
      out += 1;
      most = Math.max(most, out);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      out -= 1;
      return failing ? { status: 500 } : null;
    });
    const connection = await host.connect({
      server,
      scopes: scopesFor(...types),
      profile: { fhir: { concurrency: 4 } },
    });
    await until(paused);
    assert.ok(most > 1);
    most = 0;
    const before = server.requests.length;
    await host.pass(4000);
    await until(async () => server.requests.length > before && (await paused()));
    assert.equal(most, 1);
    assert.equal(server.requests.length, before + 1);
    failing = false;
    await host.settled(connection, { passing: 600 });
  });

  test("P3, P6: a server that asks for ten minutes before each page is read to its end", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.pageSize = 1;
    for (let n = 0; n < 6; n++) server.add(resource("Goal", `g${n}`));
    let turn = 0;
    server.rules.push(({ path }) =>
      path === "Goal" && turn++ % 2 === 1 ? { status: 429, headers: { "retry-after": "600" } } : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("Goal") });
    assert.deepEqual(statesOf(await host.settled(connection, { passing: 601 })), ["Goal ok 6"]);
  });
});
