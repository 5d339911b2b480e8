/**
 * Records handed on to a FHIR server: there once, with ids of its own, and pointing to one another. On one database: what
 * differs between the two is tried with the folder, and this server is slow.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { testDatabases } from "./support/databases.ts";
import {
  addDestination,
  type ExportDesk,
  HOSPITAL,
  type Link,
  openExportDesk,
  record,
  records,
} from "./support/export-desk.ts";
import { type FhirTarget, type Resource, readDefinitions, startFhirTarget } from "./support/fhir-target.ts";
import { startQuickFhirTarget } from "./support/quick-fhir-target.ts";

const NAME = "urn:mb-connect:record";
const patient = { reference: "Patient/p1" };

describe("a FHIR server", () => {
  const databases = testDatabases("sqlite");
  before(readDefinitions);

  test("each record is there once, however often it comes, under a name of ours and an id of the server's", async (t) => {
    const { desk, fhir, id, link } = await setUp(t, databases);
    await desk.store(link, records(104));
    await desk.run(id, link);
    await desk.mb.destinations.export(id, { again: true });
    await desk.run(id, link);
    await desk.store(link, [record("Observation", "o1", { status: "amended", code: { text: "Weight" } }, 2)]);
    await desk.run(id, link);
    assert.deepEqual([(await fhir.all("Patient")).length, (await fhir.all("Encounter")).length], [1, 25]);
    const observations = await fhir.all("Observation");
    assert.equal(observations.length, 78);
    const [amended] = observations.filter(({ status }) => status === "amended");
    assert.deepEqual(namesOf(amended), [`${link.id}/Observation/o1`]);
    assert.notEqual(amended?.id, "o1");
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.records]),
      [
        ["ok", 104],
        ["ok", 104],
        ["ok", 1],
      ],
    );
    const transactions = fhir.requests.filter(({ line }) => line === "POST /").slice(1);
    assert.deepEqual(
      transactions.map(({ body }) => JSON.parse(body).entry.length),
      [100, 4, 100, 4, 1],
    );
  });

  test("references lead to the server's own, within a transaction and beyond, and to the hospital where it has none", async (t) => {
    const { desk, fhir, id, link } = await setUp(t, databases);
    await desk.store(link, [
      record("Practitioner", "d1", { name: [{ family: "Example" }] }),
      record("Patient", "p1", { generalPractitioner: [{ reference: `${HOSPITAL}/Practitioner/d1` }] }),
      record("DocumentReference", "n1", {
        status: "current",
        subject: patient,
        content: [{ attachment: { url: "Binary/b1" } }],
      }),
    ]);
    await desk.run(id, link);
    await desk.store(link, [
      record("Observation", "o1", {
        status: "final",
        code: { text: "Weight" },
        subject: { reference: "Patient/p1/_history/4", display: "Reference" },
        performer: [{ reference: "Practitioner/d1" }, { reference: "Practitioner/unknown" }, { reference: "#c" }],
        contained: [{ resourceType: "Organization", id: "c", partOf: { reference: "Organization?name=x" } }],
        derivedFrom: [{ reference: "https://elsewhere.example/Observation/9" }, { reference: "Observation/o2" }],
      }),
      record("Observation", "o2", { status: "final", code: { text: "Height" }, subject: patient }),
    ]);
    // Another job: what the server has is asked of it.
    await desk.run(id, link);
    const [us] = await fhir.all("Patient");
    const [doctor] = await fhir.all("Practitioner");
    const observations = await fhir.all("Observation");
    const byName = (name: string) =>
      observations.find((one) => namesOf(one).includes(`${link.id}/Observation/${name}`));
    const observation = byName("o1");
    assert.deepEqual(us?.generalPractitioner, [{ reference: `Practitioner/${doctor?.id}` }]);
    assert.deepEqual(observation?.subject, { reference: `Patient/${us?.id}`, display: "Reference" });
    assert.deepEqual(observation?.performer, [
      { reference: `Practitioner/${doctor?.id}` },
      { reference: `${HOSPITAL}/Practitioner/unknown` },
      { reference: "#c" },
    ]);
    assert.deepEqual(observation?.derivedFrom, [
      { reference: "https://elsewhere.example/Observation/9" },
      { reference: `Observation/${byName("o2")?.id}` },
    ]);
    const [contained] = (observation?.contained ?? []) as { partOf: unknown }[];
    assert.deepEqual(
      contained?.partOf,
      { reference: `${HOSPITAL}/Organization?name=x` },
      "never a search at the server",
    );
    const [note] = await fhir.all("DocumentReference");
    assert.deepEqual(note?.content, [{ attachment: { url: `${HOSPITAL}/Binary/b1` } }]);
  });

  test("what is referred to goes before what refers, whatever the order in which it came", async (t) => {
    const { desk, fhir, id, link } = await setUp(t, databases);
    const encounter = { reference: "Encounter/e1" };
    const allergies = Array.from({ length: 101 }, (_, n) =>
      record("AllergyIntolerance", `a${n}`, { code: { text: "Nuts" }, patient, encounter }),
    );
    await desk.store(link, [
      ...allergies,
      record("Provenance", "v1", {
        recorded: "2026-01-01T00:00:00Z",
        target: [{ reference: "AllergyIntolerance/a100" }],
        agent: [{ who: patient }],
      }),
      record("Encounter", "e1", { status: "finished", class: { code: "AMB" }, subject: patient }),
      record("Patient", "p1"),
    ]);
    await desk.run(id, link);
    const [visit] = await fhir.all("Encounter");
    const [us] = await fhir.all("Patient");
    for (const one of await fhir.all("AllergyIntolerance")) {
      assert.deepEqual(
        [one.encounter, one.patient],
        [{ reference: `Encounter/${visit?.id}` }, { reference: `Patient/${us?.id}` }],
      );
    }
    const [provenance] = await fhir.all("Provenance");
    assert.deepEqual(
      provenance?.meta?.tag,
      [{ system: NAME, code: `${link.id}/Provenance/v1` }],
      "it has no identifier",
    );
    assert.match(JSON.stringify(provenance?.target), /"AllergyIntolerance\/[0-9a-f-]{36}"/);
  });

  test("numbers arrive as the hospital wrote them, whatever else a resource says", async (t) => {
    const { desk, fhir, id, link } = await setUp(t, databases);
    const body =
      '{"resourceType":"Observation","id":"o1","meta":{"versionId":"1"},"status":"final","code":{"text":"\\"value\\": 2.50 \\\\"},' +
      '"valueQuantity":{"value":1.10},"referenceRange":[{"low":{"value":-0.0},"high":{"value":1E+2}}]}';
    await desk.store(link, [{ ...record("Observation", "o1"), body }]);
    await desk.run(id, link);
    const sent = fhir.requests.at(-1)?.body ?? "";
    for (const text of ['{"value":1.10}', '{"value":-0.0}', '{"value":1E+2}', '"\\"value\\": 2.50 \\\\"']) {
      assert.ok(sent.includes(text), `${text} in ${sent}`);
    }
    assert.equal((await fhir.all("Observation")).length, 1);
  });

  test("references lead to the server's own however many records it was given", async (t) => {
    const desk = await openExportDesk(t, databases);
    const fhir = await startQuickFhirTarget(t);
    const id = await addDestination(desk, { kind: "fhir", url: fhir.url });
    const link = await desk.connect("alma");
    await desk.store(link, [record("Patient", "p1")]);
    for (let page = 0; page < 21; page++) {
      const observations = Array.from({ length: 1000 }, (_, n) =>
        record("Observation", `o${page}-${n}`, { status: "final", code: { text: "Weight" }, subject: patient }),
      );
      await desk.store(link, observations);
    }
    await desk.run(id, link);
    assert.equal((await desk.runs(id))[0]?.records, 21_001);
    assert.deepEqual(
      fhir.transactions.filter((text) => text.includes(`${HOSPITAL}/Patient/p1`)).length,
      0,
      "none leads to the hospital",
    );
  });

  test("a record that the server refuses is counted and holds up none of the others", async (t) => {
    const { desk, fhir, id, link } = await setUp(t, databases);
    fhir.takes = (resource) => !namesOf(resource).some((name) => /o(17|18|33)$/.test(name));
    await desk.store(link, records(40));
    await desk.run(id, link);
    const there = await Promise.all(
      ["Patient", "Encounter", "Observation"].map(async (type) => (await fhir.all(type)).length),
    );
    assert.equal(there[0], 1);
    assert.equal(
      there.reduce((sum, count) => sum + count),
      37,
    );
    const [run] = await desk.runs(id);
    assert.deepEqual([run?.status, run?.records, run?.refused, run?.error], ["partial", 37, 3, "records_refused"]);
    fhir.takes = () => true;
    await desk.store(link, records(40, 2).slice(17, 18));
    await desk.run(id, link);
    assert.equal((await fhir.all("Observation")).length, (there[2] ?? 0) + 1, "it comes again when it changes");
  });

  test("a server that refuses everything, or is away, fails the run; nothing is skipped", async (t) => {
    const { desk, fhir, id, link } = await setUp(t, databases);
    await desk.store(link, records(20));
    const state = async () => (await desk.runs(id)).map((run) => [run.status, run.error, run.records]);
    const fails = async (code: string) => {
      await assert.rejects(desk.run(id, link), { name: "DestinationError", code });
      assert.deepEqual(await state(), [["failed", code, 0]]);
    };
    fhir.takes = () => false;
    await fails("everything_refused");
    fhir.takes = () => true;
    for (const status of [401, 403, 404, 409, 429, 500, 503]) {
      fhir.status = (line) => (line === "POST /" ? status : null);
      await fails(`http_${status}`);
    }
    fhir.status = () => null;
    await desk.run(id, link);
    assert.deepEqual(await state(), [["ok", null, 20]]);
  });

  test("it is tried when it is configured, without a word about patients, and the refusal says what to do", async (t) => {
    const desk = await openExportDesk(t, databases);
    const fhir = await startFhirTarget(t);
    const create = (changes: object = {}) => desk.mb.destinations.create({ kind: "fhir", url: fhir.url, ...changes });
    fhir.metadata = { resourceType: "CapabilityStatement", fhirVersion: "3.0.2" };
    await assert.rejects(create(), { code: "bad_request", param: "url", message: /no FHIR R4 server/ });
    fhir.metadata = { resourceType: "CapabilityStatement", fhirVersion: "4.0.1" };
    const secret = "canary-password";
    fhir.status = (line) => (line === "POST /" ? 401 : null);
    await assert.rejects(create({ auth: { username: "clinic", password: secret } }), (thrown: Error) => {
      assert.match(thrown.message, /401: check the credentials/);
      assert.doesNotMatch(thrown.message + JSON.stringify(thrown), /canary|own words/);
      return true;
    });
    fhir.status = () => null;
    const basic = await create({ auth: { username: "clinic", password: secret } });
    assert.equal(fhir.requests.at(-1)?.authorization, `Basic ${btoa(`clinic:${secret}`)}`);
    assert.deepEqual(await fhir.all("Patient"), [], "nothing is left behind");
    assert.equal(basic.kind === "fhir" && basic.auth, "basic");
    await desk.mb.destinations.update(basic.id, { auth: { bearer_token: "canary-token" } });
    assert.equal(fhir.requests.at(-1)?.authorization, "Bearer canary-token");
    for (const seen of [await desk.mb.destinations.retrieve(basic.id), (await desk.mb.destinations.list()).data]) {
      assert.doesNotMatch(JSON.stringify(seen), /canary/);
    }
    const stored = await desk.context.db.selectFrom("destinations").selectAll().execute();
    assert.doesNotMatch(JSON.stringify(stored), /canary/);
  });
});

async function setUp(
  t: Parameters<typeof openExportDesk>[0],
  databases: Parameters<typeof openExportDesk>[1],
): Promise<{ desk: ExportDesk; fhir: FhirTarget; id: string; link: Link }> {
  const desk = await openExportDesk(t, databases);
  const fhir = await startFhirTarget(t);
  const id = await addDestination(desk, { kind: "fhir", url: `${fhir.url}/` });
  return { desk, fhir, id, link: await desk.connect("alma") };
}

function namesOf(resource: Resource | undefined): string[] {
  return (resource?.identifier ?? []).filter(({ system }) => system === NAME).map(({ value }) => value ?? "");
}
