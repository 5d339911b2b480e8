/** The pull: what a worker brings from a FHIR server, what it asks for, and when it asks again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "./support/databases.ts";
import { PATIENT, operationOutcome, resource, searchset } from "./support/fhir-server.ts";
import { namesOf, openPullCase, statesOf } from "./support/pull-case.ts";
import { scopesFor } from "./support/pull-host.ts";

const DAY = 24 * 3600;

/** A CapabilityStatement that lists types, with what can be asked of each. */
function capabilities(
  types: Record<string, { params?: string[]; revincludes?: string[]; includes?: string[] }>,
): object {
  const resources = Object.entries(types).map(([type, { params = [], revincludes = [], includes = [] }]) => ({
    type,
    searchParam: params.map((name) => ({ name, type: "token" })),
    searchInclude: includes,
    searchRevInclude: revincludes,
  }));
  return { resourceType: "CapabilityStatement", rest: [{ mode: "server", resource: resources }] };
}

forEachDatabase((databases) => {
  test("P9: each resource is kept in its own words, on every page", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const odd = `{ "resourceType":"Observation" ,"id":"odd","subject":{"reference":"Patient\\/p1"},\n "valueQuantity":{"value":1.10, "unit":"caf\\u00e9 é 😀 \\"x\\" \\\\"}, "note":[{"text":"} ] \\\\\\" {"}]}`;
    server.add(odd, ...Array.from({ length: 250 }, (_, n) => resource("Observation", `o${n}`)));
    server.add(resource("Condition", "c1"));
    const connection = await host.connect({ server, scopes: scopesFor("Patient", "Observation", "Condition") });
    const progress = await host.settled(connection);
    assert.equal(progress.records, 253);
    assert.deepEqual(statesOf(progress), ["Condition ok 1", "Observation ok 251", "Patient ok 1"]);
    const stored = await host.records(connection);
    assert.equal(stored.find(({ fhir_id }) => fhir_id === "odd")?.body, odd);
    for (const text of server.resources.get("Observation") ?? []) {
      assert.ok(stored.some(({ body }) => body === text));
    }
    assert.equal(server.asked("Observation").length, 3);
    assert.ok(server.requests.every(({ headers }) => headers.accept === "application/fhir+json"));
  });

  test("P9: a page with a byte order mark, white space and names in escapes is read as it stands", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const body = `{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"},"a":[1.0,{}]}`;
    const text = `\ufeff \n{"entry" : [ {"\\u0072esource":${body} , "x":"\\\\"},\r\n\t7, null, {"resource" : 5}, {"resource":{"id":"first"},"resource":${body.replace("c1", "c2")}} ] ,"resourceType":"Bundle","link":[]}`;
    server.rules.push(({ path }) =>
      path === "Condition" ? { headers: { "content-type": "text/json" }, body: text } : null,
    );
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    await host.settled(connection);
    const stored = await host.records(connection);
    assert.deepEqual(
      stored.map((one) => one.body),
      [body, body.replace("c1", "c2")],
    );
    assert.equal((await host.type(connection, "Condition")).notes.unusable, 3);
  });

  test("P1: asked for is what the server knows and the patient granted; the patient is a read", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.capabilities = capabilities({ Patient: {}, Condition: {}, Immunization: {} });
    const scopes = scopesFor("Patient", "Condition", "Procedure");
    const connection = await host.connect({ server, scopes, not_granted: ["Immunization", "Practitioner"] });
    const progress = await host.settled(connection);
    assert.deepEqual(statesOf(progress), [
      "Condition empty 0",
      "Immunization not_granted 0",
      "Patient ok 1",
      "Procedure unsupported 0",
    ]);
    const asked = server.requests.map(({ path }) => path).sort();
    assert.deepEqual(asked, ["Condition", "Patient/p1", "metadata"]);
  });

  test("P1: a wildcard opens every type, SMART 2 rights count, and a scope narrowed by a query asks for its slice", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const all = await host.connect({ server, scopes: ["patient/*.rs"] });
    assert.equal((await host.settled(all)).types.length, 22);
    server.requests.length = 0;
    const scopes = [
      "patient/Patient.r",
      "patient/Observation.rs?category=laboratory",
      "patient/Condition.r",
      "patient/Goal.s",
    ];
    const narrow = await host.connect({ server, scopes, not_granted: ["Condition", "Goal"] });
    const progress = await host.settled(narrow);
    assert.deepEqual(statesOf(progress), [
      "Condition not_granted 0",
      "Goal not_granted 0",
      "Observation empty 0",
      "Patient ok 1",
    ]);
    assert.deepEqual(
      server.asked("Observation").map(({ url }) => url),
      [`Observation?patient=${PATIENT}&category=laboratory&_count=100`],
    );
  });

  test("what a profile says of a source's searches is what is asked", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const connection = await host.connect({
      server,
      scopes: scopesFor("CarePlan"),
      extras: { ah_practice: "a-1.p/2" },
      profile: {
        search_overrides: { CarePlan: ["category=38717003", "category=734163000"] },
        fhir: { page_size: 7, accept: "application/fhir+json;q=1", query_from_token: { "ah-practice": "ah_practice" } },
      },
    });
    await host.settled(connection);
    assert.deepEqual(
      server.asked("CarePlan").map(({ url, headers }) => [url, headers.accept]),
      [
        [`CarePlan?patient=${PATIENT}&category=38717003&ah-practice=a-1.p%2F2&_count=7`, "application/fhir+json;q=1"],
        [`CarePlan?patient=${PATIENT}&category=734163000&ah-practice=a-1.p%2F2&_count=7`, "application/fhir+json;q=1"],
      ],
    );
  });

  test("C9: provenance and medications come along only where they are granted and offered", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.capabilities = capabilities({
      MedicationRequest: { revincludes: ["Provenance:target"], includes: ["MedicationRequest:medication"] },
      Condition: {},
    });
    const scopes = scopesFor("MedicationRequest", "Condition", "Provenance");
    const with_ = await host.connect({ server, scopes });
    await host.settled(with_);
    const without = await host.connect({ server, scopes: scopesFor("MedicationRequest") });
    await host.settled(without);
    const [first, second] = server
      .asked("MedicationRequest")
      .map(({ query }) => [query.get("_include"), query.get("_revinclude")]);
    assert.deepEqual(first, ["MedicationRequest:medication", "Provenance:target"]);
    assert.deepEqual(second, ["MedicationRequest:medication", null]);
    assert.deepEqual(
      server.asked("Condition").map(({ query }) => query.get("_revinclude")),
      [null],
    );
  });

  test("practitioners and the like follow by reference: two steps far, once each, from this server only", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const about = (...references: string[]) => ({ performer: references.map((reference) => ({ reference })) });
    server.add(
      resource("Observation", "o1", about("Practitioner/d1", `${server.base}/Organization/g1`, "Practitioner/gone")),
      resource("Observation", "o2", about("Practitioner/d1", "https://elsewhere.example/fhir/Practitioner/d9", "#x")),
      { resourceType: "Practitioner", id: "d1", x: { reference: "Location/l1" } },
      { resourceType: "Organization", id: "g1" },
      { resourceType: "Location", id: "l1", x: { reference: "Organization/g3" } },
      { resourceType: "Organization", id: "g3" },
    );
    const types = ["Observation", "Practitioner", "Organization", "Location"];
    const connection = await host.connect({ server, scopes: scopesFor(...types) });
    const progress = await host.settled(connection);
    const companions = (await host.records(connection)).filter(({ role }) => role === "include");
    assert.deepEqual(namesOf(companions), ["Location/l1", "Organization/g1", "Practitioner/d1"]);
    assert.deepEqual(statesOf(progress), [
      "Location ok 1",
      "Observation ok 2",
      "Organization ok 1",
      "Practitioner ok 1",
    ]);
    const reads = server.requests.map(({ path }) => path).filter((path) => path.includes("/"));
    assert.deepEqual(reads.sort(), ["Location/l1", "Organization/g1", "Practitioner/d1", "Practitioner/gone"]);
  });

  test("references are read as far as they were granted, and 500 of them at most", async (t) => {
    const { server, host } = await openPullCase(t, databases, { jobs: { leaseSeconds: 300 } });
    const references = Array.from({ length: 700 }, (_, n) => ({ reference: `Practitioner/d${n}` }));
    server.add(resource("Observation", "o1", { performer: [...references, { reference: "Location/l1" }] }));
    server.rules.push(({ path }) => {
      const id = /^Practitioner\/(.*)/.exec(path)?.[1];
      return id === undefined ? null : { body: { resourceType: "Practitioner", id } };
    });
    const connection = await host.connect({ server, scopes: scopesFor("Observation", "Practitioner") });
    const progress = await host.settled(connection);
    assert.deepEqual(statesOf(progress), ["Observation ok 1", "Practitioner ok 500"]);
    assert.equal(server.requests.filter(({ path }) => path.startsWith("Location")).length, 0);
  });

  test("P10: an empty record is no failure", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.resources.clear();
    server.rules.push(({ path }) =>
      path === "metadata" ? null : { body: { resourceType: "Bundle", type: "searchset" } },
    );
    const connection = await host.connect({ server, scopes: scopesFor("Condition", "Goal") });
    const progress = await host.settled(connection);
    assert.deepEqual([progress.state, progress.failure, progress.records], ["settled", null, 0]);
    assert.deepEqual(statesOf(progress), ["Condition empty 0", "Goal empty 0"]);
  });

  test("P11: all in one search where the profile says so, and type by type where that fails", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const texts = [
      resource("Patient", PATIENT),
      resource("Condition", "c1"),
      { resourceType: "Practitioner", id: "d1" },
    ];
    const everything = searchset(texts.map((one) => JSON.stringify(one)));
    server.rules.push(({ path }) => (path.endsWith("$everything") ? { body: everything } : null));
    const scopes = scopesFor("Patient", "Condition", "Goal");
    const one = await host.connect({ server, scopes, profile: { everything: true } });
    assert.deepEqual(statesOf(await host.settled(one)), [
      "Condition ok 1",
      "Goal empty 0",
      "Patient ok 1",
      "Practitioner ok 1",
    ]);
    assert.deepEqual(
      server.requests.map(({ path }) => path),
      ["metadata", "Patient/p1/$everything"],
    );
    server.rules[0] = ({ path }) =>
      path.endsWith("$everything") ? { status: 404, body: operationOutcome("not-supported") } : null;
    server.add(resource("Condition", "c2"));
    const other = await host.connect({ server, scopes, profile: { everything: true } });
    assert.deepEqual(statesOf(await host.settled(other)), ["Condition ok 1", "Goal empty 0", "Patient ok 1"]);
    const off = await host.connect({ server, scopes });
    await host.settled(off);
    assert.equal(server.requests.filter(({ path }) => path.endsWith("$everything")).length, 2);
  });

  test("P7: after a day only what changed is asked for, where the server is seen to heed it; after thirty, all of it", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const params = ["patient", "_lastUpdated"];
    server.capabilities = capabilities({
      Condition: { params },
      Goal: { params },
      Procedure: {},
      Immunization: { params },
    });
    const heeded: string[] = [];
    server.rules.push(({ path, query }) => {
      const since = query.get("_lastUpdated");
      if (since === null) return null;
      if (path === "Immunization") return { status: 400, body: operationOutcome("invalid", "unknown parameter") };
      if (path !== "Condition") return null;
      heeded.push(since);
      return {
        body: searchset(Date.parse(since.slice(2)) > host.now() ? [] : [JSON.stringify(resource("Condition", "c9"))]),
      };
    });
    for (const type of ["Condition", "Goal", "Procedure", "Immunization"])
      server.add(resource(type, "x1"), resource(type, "x2"));
    const connection = await host.connect({
      server,
      scopes: scopesFor("Condition", "Goal", "Procedure", "Immunization"),
    });
    const first = await host.settled(connection);
    assert.equal(heeded.length, 0);
    server.requests.length = 0;
    await host.pass(1.2 * DAY);
    const second = await host.settled(connection, { after: first });
    assert.equal(second.reason, "schedule");
    assert.equal(heeded.length, 2);
    const since = Date.parse(heeded[1]?.slice(2) ?? "");
    assert.ok(Math.abs(since - ((first.started_at ?? 0) - DAY * 1000)) < 5000, "from a day before the last good pull");
    assert.deepEqual(statesOf(second), ["Condition ok 3", "Goal ok 2", "Immunization ok 2", "Procedure ok 2"]);
    // One that ignores the parameter, one that refuses it and one that does not list it are asked for all.
    for (const type of ["Goal", "Procedure", "Immunization"]) {
      assert.equal(server.asked(type).filter(({ query }) => !query.has("_lastUpdated")).length, 1, type);
    }
    server.requests.length = 0;
    await host.pass(1.2 * DAY);
    const third = await host.settled(connection, { after: second });
    assert.deepEqual(
      server.asked("Condition").map(({ query }) => query.has("_lastUpdated")),
      [true],
    );
    assert.deepEqual(
      server.asked("Goal").map(({ query }) => query.has("_lastUpdated")),
      [false],
    );
    server.requests.length = 0;
    await host.pass(30 * DAY);
    await host.settled(connection, { after: third });
    assert.deepEqual(
      server.asked("Condition").map(({ query }) => query.has("_lastUpdated")),
      [false],
    );
  });

  test("a pull on demand begins at once; one that is under way is that one; a connection that ended has none", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const connection = await host.connect({ server, patient_id: "user", scopes: scopesFor("Condition") });
    const first = await host.settled(connection);
    assert.equal(first.reason, "connect");
    server.add(resource("Condition", "c1"));
    const answer = await host.patients.pullConnection("user", connection);
    assert.equal(answer.pull?.state, "waiting");
    const second = await host.settled(connection);
    assert.deepEqual([second.reason, second.records], ["demand", 1]);
    await assert.rejects(host.patients.pullConnection("another", connection), { code: "resource_not_found" });
    await host.patients.disconnectConnection("user", connection);
    await assert.rejects(host.patients.pullConnection("user", connection), { code: "token_unavailable" });
  });

  test("a new grant begins the pull anew, and asks for all of it", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    let hold: (() => void) | null = null;
    const held = new Promise<void>((resolve) => {
      server.rules.push(async ({ path }) => {
        if (path !== "Condition" || hold) return null;
        await new Promise<void>((go) => {
          hold = go;
          resolve();
        });
        return null;
      });
    });
    const connection = await host.connect({ server, scopes: scopesFor("Patient", "Condition") });
    await held;
    await host.request(connection);
    (hold as (() => void) | null)?.();
    const progress = await host.settled(connection);
    assert.equal(progress.reason, "connect");
    for (const end = Date.now() + 10_000; server.asked("Condition").length < 2 && Date.now() < end; )
      await host.settled(connection);
    assert.equal(server.asked("Condition").length, 2);
    assert.equal(server.asked("Patient/p1").length, 2);
  });

  test("a duplicate of a record is kept in its newer form, whichever comes last", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const at = (lastUpdated: string) => JSON.stringify(resource("Condition", "c1", { meta: { lastUpdated } }));
    const [older, newer] = [at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00+01:00")];
    server.add(older, newer, older, resource("Condition", "c2"), older);
    server.pageSize = 3;
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    const progress = await host.settled(connection);
    assert.equal(progress.records, 2);
    assert.equal((await host.records(connection))[0]?.body, newer);
  });

  test("P3: of duplicates of one time on a page the greater version is kept", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    const lastUpdated = "2026-01-01T00:00:00Z";
    const version = (versionId: string) =>
      JSON.stringify(resource("Condition", "c1", { meta: { lastUpdated, versionId } }));
    server.add(version("9"), version("10"), version("8"));
    const connection = await host.connect({ server, scopes: scopesFor("Condition") });
    await host.settled(connection);
    assert.equal((await host.records(connection))[0]?.body, version("10"));
  });

  test("a record that did not change is not written again, and one that did moves to the end", async (t) => {
    const { server, host } = await openPullCase(t, databases);
    server.add(resource("Condition", "c1"), resource("Condition", "c2"));
    const connection = await host.connect({ server, patient_id: "user", scopes: scopesFor("Condition") });
    await host.settled(connection);
    const before = await host.records(connection);
    server.resources.set("Condition", [
      JSON.stringify(resource("Condition", "c1", { x: 1 })),
      JSON.stringify(resource("Condition", "c2")),
    ]);
    await host.patients.pullConnection("user", connection);
    await host.settled(connection);
    const after = await host.records(connection);
    assert.deepEqual(after[1], before[1]);
    assert.equal(after[0]?.version, 2);
    assert.ok((after[0]?.seq ?? 0) > (before[1]?.seq ?? 0));
    assert.equal((await host.type(connection, "Condition")).records, 2);
  });
});
