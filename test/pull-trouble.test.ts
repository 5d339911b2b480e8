/** The pull at servers that misbehave: what is asked again, what is given up, and what the patient is told of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "./support/databases.ts";
import { type FhirReply, operationOutcome, PATIENT, resource, searchset } from "./support/fhir-server.ts";
import { namesOf, openPullCase, statesOf } from "./support/pull-case.ts";
import { scopesFor } from "./support/pull-host.ts";

const text = (type: string, id: string, more: object = {}) => JSON.stringify(resource(type, id, more));
const BUNDLE_END = { status: 200, body: searchset([]) };

forEachDatabase((databases) => {
  test("P2: a search that is refused for want of a category goes on by category, and a refused category costs only itself", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.rules.push(({ path, query }) => {
      if (path !== "Observation") return null;
      const category = query.get("category");
      if (category === null)
        return { status: 400, body: operationOutcome("required", "Must have either code or category.") };
      if (category === "survey") return { status: 400, body: operationOutcome("value", "unknown category") };
      return { body: searchset(category === "laboratory" ? [text("Observation", "lab")] : []) };
    });
    const connection = await host.connect({ server, scopes: scopesFor("Observation", "Provenance") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Observation ok 1"]);
    const asked = server.asked("Observation").map(({ query }) => query.get("category"));
    assert.equal(asked[0], null);
    assert.deepEqual(asked.slice(1, 4), ["laboratory", "vital-signs", "social-history"]);
    // Only the category that was refused is asked for once more, without what is asked for beside the matches.
    assert.equal(asked.length, 14);
    const spare = server.asked("Observation").filter(({ query }) => !query.has("_revinclude"));
    assert.deepEqual(
      spare.map(({ query }) => query.get("category")),
      ["survey"],
    );
  });

  test("P2: what is missing is told by the issue code, else by its words; one parameter after another, in answers of 200 too", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.rules.push(({ path, query }): FhirReply | null => {
      if (path === "MedicationRequest") {
        if (!query.has("intent")) return { status: 422, body: operationOutcome("processing", "The intent is needed") };
        if (!query.has("status")) return { status: 400, body: operationOutcome("required", "status") };
        const all = query.get("intent") === "order" && query.get("status") === "active";
        return { body: searchset(all ? [text("MedicationRequest", "m1")] : []) };
      }
      if (path === "CareTeam") {
        if (query.get("status") === "active") return { body: searchset([text("CareTeam", "t1")]) };
        const outcome = { text: JSON.stringify(operationOutcome("required", "status")), mode: "outcome" };
        return query.has("status") ? BUNDLE_END : { body: searchset([outcome]) };
      }
      // Of what it does not say, nothing can be guessed.
      return path === "Goal" ? { status: 400, body: operationOutcome("invalid", "no") } : null;
    });
    const connection = await host.connect({ server, scopes: scopesFor("MedicationRequest", "CareTeam", "Goal") });
    const states = statesOf(await host.settled(connection));
    assert.deepEqual(states, ["CareTeam ok 1", "Goal failed 0", "MedicationRequest ok 1"]);
    assert.equal(server.asked("Goal").length, 1);
  });

  test("P2: what is asked for beside the matches is dropped where it is refused", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("MedicationRequest", "m1"));
    server.rules.push(({ query }) =>
      query.has("_revinclude") ? { status: 400, body: operationOutcome("not-supported", "_revinclude") } : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("MedicationRequest", "Provenance") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["MedicationRequest ok 1"]);
    assert.equal(server.asked("MedicationRequest").length, 2);
  });

  for (const [what, links] of [
    ["leads to itself", (n: number) => [n]],
    ["leads back", (n: number) => [n - 1]],
    ["goes in a circle", (n: number) => [n < 9 ? n + 1 : 4]],
  ] as const) {
    test(`P3: a next link that ${what} ends the search, and nothing is stored twice`, async (t) => {
      const { server, host } = await openPullCase(t, databases);
      server.rules.push(({ path, query }) => {
        if (path !== "Condition") return null;
        const page = Number(query.get("p") ?? 0);
        const [to = 0] = page === 0 ? [1] : links(page);
        const url = (n: number) =>
          n === 0 ? `${server.base}/Condition?patient=${PATIENT}&_count=100` : `${server.base}/Condition?p=${n}`;
        return { body: searchset([text("Condition", `c${page}`)], { next: url(to), prev: url(page - 1) }) };
      });
      const connection = await host.connect({ server, scopes: scopesFor("Condition") });
      const progress = await host.settled(connection);
      const pages = what === "goes in a circle" ? 10 : 2;
      assert.deepEqual(statesOf(progress), [`Condition ok ${pages}`]);
      assert.ok(server.asked("Condition").length <= 3 * pages, `${server.asked("Condition").length} requests`);
      assert.equal((await host.type(connection, "Condition")).notes.next_repeated, 1);
    });
  }

  test("P3, S7: a next link is followed as it was written, but never with the token to elsewhere", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const elsewhere = (await openPullCase(t, databases, { worker: false })).server;
    const opaque = "?_getpages=a%2Fb+c&;x=%7B|%7D";
    server.rules.push(({ path, url }) => {
      if (path === "")
        return url === opaque
          ? { body: searchset([text("Condition", "c2")], { next: `${elsewhere.base}/Condition?p=3` }) }
          : null;
      return path === "Condition"
        ? { body: searchset([text("Condition", "c1")], { next: `${server.base}${opaque}` }) }
        : null;
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Condition partial 2"]);
    assert.equal(elsewhere.requests.length, 0);
    assert.equal((await host.type(connection, "Condition")).notes.next_elsewhere, 1);
  });

  const onSqlite = { skip: databases.name === "sqlite" ? false : "a thousand pages are the same on any database" };
  test("P3: a search has a thousand pages at most", onSqlite, async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.rules.push(({ path, query }) => {
      const page = Number(query.get("p") ?? 0);
      return path === "Condition" ? { body: searchset([], { next: `${server.base}/Condition?p=${page + 1}` }) } : null;
    });
    const connection = await host.connect({
      server,
      scopes: scopesFor("Condition"),
      profile: { fhir: { rps: 100_000 } },
    });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Condition partial 0"]);
    assert.equal(server.asked("Condition").length, 1000);
  });

  test("P3: a next page whose address has died is not asked for again: the search begins anew, once", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const dead = { Condition: 1, Goal: 99 } as Record<string, number>;
    server.rules.push(({ path, query }) => {
      if (!(path in dead)) return null;
      if (!query.has("p")) return { body: searchset([text(path, "x1")], { next: `${server.base}/${path}?p=2` }) };
      dead[path] = (dead[path] ?? 0) - 1;
      return (dead[path] ?? 0) >= 0 ? { status: 410 } : { body: searchset([text(path, "x2")]) };
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Condition ok 2", "Goal partial 1"]);
    assert.deepEqual([server.asked("Condition").length, server.asked("Goal").length], [4, 4]);
  });

  test("P3: after an hour's pause the search begins anew, since a next page lives but minutes", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    let waits = 1;
    server.rules.push(({ path, query }) => {
      if (path !== "Condition") return null;
      if (!query.has("p"))
        return { body: searchset([text("Condition", "c1")], { next: `${server.base}/Condition?p=2` }) };
      waits -= 1;
      return waits >= 0
        ? { status: 429, headers: { "retry-after": "3600" } }
        : { body: searchset([text("Condition", "c2")]) };
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    assert.deepEqual(statesOf(await host.settled(connection, { passing: 600 })), ["Condition ok 2"]);
    assert.deepEqual(
      server.asked("Condition").map(({ query }) => query.get("p")),
      [null, "2", null, "2"],
    );
  });

  test("P4: outcomes are no records, companions are kept as such, and another patient's are put aside", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const theirs = { subject: { reference: "Patient/p2" } };
    server.rules.push(({ path }): FhirReply | null => {
      const outcome = (severity: string) => ({
        text: JSON.stringify(operationOutcome("informational", "x", severity)),
        mode: "outcome",
      });
      if (path === "Goal") return { body: searchset([text("Goal", "g1"), outcome("fatal")]) };
      if (path !== "Condition") return null;
      return {
        body: searchset([
          outcome("warning"),
          { text: JSON.stringify(operationOutcome("informational", "x", "information")), mode: "match" },
          text("Condition", "mine", { subject: { reference: `${server.base}/Patient/p1/_history/3` } }),
          text("Condition", "unsaid", { subject: { display: "Somebody" } }),
          text("Condition", "theirs", theirs),
          text("Condition", "theirs-elsewhere", { subject: { reference: "https://other.example/r4/Patient/p2" } }),
          { text: JSON.stringify({ resourceType: "Practitioner", id: "d1" }), mode: "include" },
          { text: JSON.stringify({ resourceType: "Patient", id: "p2" }), mode: "include" },
        ]),
      };
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
    const progress = await host.settled(connection);
    assert.deepEqual(statesOf(progress), ["Condition ok 2", "Goal partial 1", "Practitioner ok 1"]);
    const stored = await host.records(connection);
    const withRole = (role: string) => namesOf(stored.filter((one) => one.role === role));
    assert.deepEqual(withRole("match"), ["Condition/mine", "Condition/unsaid", "Goal/g1"]);
    assert.deepEqual(withRole("include"), ["Practitioner/d1"]);
    assert.deepEqual(withRole("foreign"), ["Condition/theirs", "Condition/theirs-elsewhere", "Patient/p2"]);
    const { notes } = await host.type(connection, "Condition");
    assert.deepEqual(notes, { warnings: 2, quarantined: 3 });
  });

  test("P5: what one type comes to costs the others nothing", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("Condition", "c1"));
    const replies: Record<string, FhirReply> = {
      AllergyIntolerance: { status: 403, body: "" },
      CarePlan: { status: 404, body: "<html>no such page</html>", headers: { "content-type": "text/html" } },
      Device: { status: 501 },
      Encounter: { status: 400, body: operationOutcome("not-supported") },
      Goal: { status: 406 },
      Immunization: { status: 401 },
    };
    server.rules.push(({ path }) => replies[path] ?? null);
    const types = ["Condition", "Procedure", ...Object.keys(replies)];
    const connection = await host.connect({ server, patient_id: "user", scopes: scopesFor(...types) });
    const progress = await host.settled(connection);
    assert.equal(progress.failure, null);
    assert.deepEqual(statesOf(progress), [
      "AllergyIntolerance not_granted 0",
      "CarePlan unsupported 0",
      "Condition ok 1",
      "Device unsupported 0",
      "Encounter unsupported 0",
      "Goal failed 0",
      "Immunization failed 0",
      "Procedure empty 0",
    ]);
    assert.equal((await host.patients.getConnections("user"))[0]?.status, "active");
    // A 404 for what could be read before is a permission that is gone.
    replies.Condition = { status: 404, body: operationOutcome("not-found") };
    await host.patients.pullConnection("user", connection);
    const again = await host.settled(connection, { after: progress });
    assert.deepEqual(statesOf(again).slice(2, 3), ["Condition not_granted 1"]);
    // The one refresh was but now: what is refused again is not for want of another.
    assert.equal(server.asked("Immunization").length, 3);
  });

  test("P5: a token that is refused in the middle is renewed once, and the page asked for again", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(...Array.from({ length: 6 }, (_, n) => resource("Condition", `c${n}`)));
    server.pageSize = 2;
    server.rules.push(({ path, query, headers }) =>
      path === "Condition" && query.has("cursor") && headers.authorization === "Bearer token-0"
        ? { status: 401 }
        : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    assert.deepEqual(statesOf(await host.settled(connection)), ["Condition ok 6"]);
    const tokens = server.asked("Condition").map(({ headers }) => headers.authorization);
    assert.deepEqual(tokens, ["Bearer token-0", "Bearer token-0", "Bearer token-1", "Bearer token-1"]);
  });

  test("a connection that ends in mid-pull settles it with what came, and no other follows", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("Condition", "c1"), resource("Condition", "c2"));
    server.pageSize = 1;
    let disconnected: Promise<unknown> | null = null;
    server.rules.push(async ({ path, query }) => {
      if (path !== "Condition" || disconnected || !query.has("cursor")) return null;
      // The answer to this request comes after the patient was told that it is over.
      disconnected = host.patients.disconnectConnection("user", connection);
      await disconnected;
      return null;
    });
    const connection = await host.connect({ server, patient_id: "user", scopes: scopesFor("Condition") });
    const progress = await host.settled(connection);
    assert.equal(progress.failure, "token_unavailable");
    assert.deepEqual(statesOf(progress), ["Condition partial 1"]);
    const row = await host.database.db.selectFrom("pulls").select("next_at").executeTakeFirstOrThrow();
    assert.equal(row.next_at, null);
  });

  test("R8: a server that says that the grant is over ends the connection, not the type", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.rules.push(({ path }) =>
      path === "Condition" ? { status: 404, body: operationOutcome("not-found", "Data Access Grant expired") } : null,
    );
    const connection = await host.connect({ server, patient_id: "user", scopes: scopesFor("Condition") });
    assert.equal((await host.settled(connection)).failure, "token_unavailable");
    assert.equal((await host.patients.getConnections("user"))[0]?.status, "expired");
  });

  for (const [form, header] of [
    ["seconds", () => "120"],
    ["a date", (now: number) => new Date(now + 120_000).toUTCString()],
  ] as const) {
    test(`P6: Retry-After in ${form} is heeded, by every pull at that server`, async (t) => {
      const { server, host } = await openPullCase(t, databases);
      const times: number[] = [];
      server.rules.push(({ path }) => {
        if (path === "metadata") return null;
        times.push(host.now());
        if (times.length > 1) return null;
        return { status: form === "seconds" ? 429 : 503, headers: { "retry-after": header(host.now()) } };
      });
      const one = await host.connect({ server, scopes: scopesFor("Condition"), profile: { fhir: { concurrency: 1 } } });
      const other = await host.connect({ server, scopes: scopesFor("Goal"), profile: { fhir: { concurrency: 1 } } });
      await host.settled(one, { passing: 10 });
      await host.settled(other, { passing: 10 });
      assert.equal(times.length, 3);
      const waited = times.slice(1).map((at) => (at - (times[0] ?? 0)) / 1000);
      assert.ok(
        waited.every((seconds) => seconds > 118),
        `asked again after ${waited} s`,
      );
    });
  }

  test("P6: a server that fails is asked again after growing pauses, six times at most", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("Goal", "g1"));
    const times: number[] = [];
    let failing = 3;
    server.rules.push(({ path }) => {
      if (path === "Condition") {
        times.push(host.now());
        return { status: 500 };
      }
      failing -= path === "Goal" ? 1 : 0;
      return path === "Goal" && failing >= 0 ? { status: 502, body: "<html>Bad gateway</html>" } : null;
    });
    const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
    const progress = await host.settled(connection, { passing: 20 });
    assert.deepEqual(statesOf(progress), ["Condition failed 0", "Goal ok 1"]);
    assert.equal(times.length, 6);
    assert.equal(progress.failure, null);
  });

  test("P6: after five failures in a row the server is left alone, longer with each further one", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const times: number[] = [];
    server.rules.push(({ path }) => {
      if (path === "metadata") return null;
      times.push(host.now());
      return times.length <= 7 ? { status: 500 } : null;
    });
    const scopes = scopesFor("Condition", "Goal", "Procedure", "Device");
    const connection = await host.connect({ server, scopes, profile: { fhir: { concurrency: 1 } } });
    const progress = await host.settled(connection, { passing: 5 });
    assert.deepEqual(
      progress.types.map(({ state }) => state),
      ["empty", "empty", "empty", "empty"],
    );
    const gaps = times.slice(1).map((at, n) => Math.round((at - (times[n] ?? 0)) / 1000));
    assert.ok((gaps[4] ?? 0) >= 55 && (gaps[5] ?? 0) >= 115 && (gaps[6] ?? 0) >= 235, `pauses of ${gaps} s`);
  });

  test("P6: a server is asked no faster than it bears, over all pulls", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const times: number[] = [];
    let out = 0;
    let most = 0;
    server.rules.push(async () => {
      times.push(performance.now());
      out += 1;
      most = Math.max(most, out);
      await new Promise((done) => setImmediate(done));
      out -= 1;
      return null;
    });
    const profile = { fhir: { concurrency: 2, rps: 40 } };
    const types = ["Condition", "Goal", "Procedure", "Device", "Encounter", "Immunization"];
    const connect = () => host.connect({ server, scopes: scopesFor(...types), profile });
    const connections = [await connect(), await connect(), await connect()];
    for (const connection of connections) await host.settled(connection);
    assert.ok(most <= 2, `${most} at once`);
    assert.equal(times.length, 21);
    // Two at once, the rest a fortieth of a second apart; a little less, since requests do not all travel alike.
    const took = (times.at(-1) ?? 0) - (times[0] ?? 0);
    assert.ok(took > (19 / 40) * 1000 * 0.8, `${times.length} requests in ${took} ms`);
  });

  test("P9: HTML, text that breaks off and a line that drops are failures of the page, which is asked for again", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const whole = searchset(Array.from({ length: 50 }, (_, n) => text("Condition", `c${n}`)));
    const first: Record<string, FhirReply> = {
      Condition: { body: whole, cut: 2000 },
      Goal: { body: whole.slice(0, 3000) },
      Procedure: { body: "<!doctype html><title>Maintenance</title>", headers: { "content-type": "text/html" } },
      Device: { body: "" },
    };
    const seen = new Set<string>();
    server.rules.push(({ path }) => {
      if (path === "CarePlan") return { body: "<html>Always</html>" };
      if (!(path in first) || seen.has(path)) return path === "Condition" ? { body: whole } : null;
      seen.add(path);
      return first[path] ?? null;
    });
    const connection = await host.connect({ server, scopes: scopesFor("CarePlan", ...Object.keys(first)) });
    const progress = await host.settled(connection, { passing: 20 });
    const states = ["CarePlan failed 0", "Condition ok 50", "Device empty 0", "Goal empty 0", "Procedure empty 0"];
    assert.deepEqual(statesOf(progress), states);
    assert.equal((await host.type(connection, "CarePlan")).notes.not_fhir, 6);
  });

  test("a server where nothing is answered fails the pull, and is tried again the next day", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.rules.push(() => ({ status: 400 }));
    const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
    const progress = await host.settled(connection, { passing: 600 });
    assert.equal(progress.failure, "fhir_error");
    server.rules.length = 0;
    await host.pass(30 * 3600);
    const next = await host.settled(connection, { after: progress });
    assert.deepEqual([next.failure, next.reason], [null, "schedule"]);
  });

  test("no token, and nothing that a hospital says, is logged or stored beside the records", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.rules.push(({ path }) =>
      path === "Goal" ? { status: 400, body: operationOutcome("invalid", "CANARY-7f3a") } : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
    await host.settled(connection);
    const rows = await host.database.db.selectFrom("pull_types").selectAll().execute();
    assert.doesNotMatch(JSON.stringify([rows, host.logged]), /CANARY|token-0/);
  });
});
