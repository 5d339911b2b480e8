/** The simulated hospital's FHIR server, asked by hand as FHIR R4 and US Core say: what it answers, and what goes wrong on purpose. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Fault } from "../demo/hospital/facilities.ts";
import { type Facility, type Hospital, startHospital } from "../demo/hospital/server.ts";
import { HOSPITAL_APP, type HospitalApp, letIn, type Searchset } from "./support/hospital-app.ts";

const SCOPE = "launch/patient offline_access patient/*.read patient/*.rs";

let hospital: Hospital;
let now = Date.now();

before(async () => {
  hospital = await startHospital({ clock: () => now, clients: [HOSPITAL_APP] });
});
after(() => hospital.close());

const facility = (which: (facility: Facility) => boolean): Facility => {
  const found = hospital.facilities.find((one) => one.fault === null && which(one));
  assert.ok(found, "a facility");
  return found;
};
const plain = (): Facility =>
  facility(({ requires, outcomeInEach }) => !outcomeInEach && Object.keys(requires).length === 0);
const faulty = (fault: Fault): Facility => {
  const found = hospital.facilities.find((one) => one.fault === fault);
  assert.ok(found, fault);
  return found;
};

const modes = ({ entry = [] }: Searchset): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { search } of entry) counts[search.mode] = (counts[search.mode] ?? 0) + 1;
  return counts;
};
const issueOf = async (response: Response): Promise<[number, string]> => {
  const { issue } = (await response.json()) as { issue: { code: string }[] };
  return [response.status, issue[0]?.code ?? ""];
};
const next = ({ link }: Searchset): string | undefined => link.find(({ relation }) => relation === "next")?.url;
const ofType = (at: Facility, type: string): number =>
  hospital.records(at, "robin").filter(({ resourceType }) => resourceType === type).length;

describe("records", () => {
  test("three hundred of each person at each facility, over every type that is searched, and other ones elsewhere", () => {
    const records = hospital.records(plain(), "robin");
    assert.equal(records.length, 300);
    assert.ok(new Set(records.map(({ resourceType }) => resourceType)).size >= 20);
    const ids = records.map(({ resourceType, id }) => `${resourceType}/${id}`);
    assert.equal(new Set(ids).size, 300);
    for (const [at, username] of [
      [plain(), "kit"],
      [facility((one) => one !== plain()), "robin"],
    ] as const) {
      assert.ok(!hospital.records(at, username).some(({ id }) => ids.some((one) => one.endsWith(`/${id}`))));
    }
  });

  test("as many as are asked for", async () => {
    const large = await startHospital({ records: 20_000 });
    const [at] = large.facilities;
    assert.equal(large.records(at as Facility, "kit").length, 20_000);
    await large.close();
  });

  test("each is found by a search or a read, by whoever follows the pages", async () => {
    const at = plain();
    const app = await letIn(at, SCOPE);
    const found = new Set<string>();
    for (const type of new Set(hospital.records(at, "robin").map(({ resourceType }) => resourceType))) {
      const query = type === "Patient" ? "" : "?patient=$";
      for (const { entry = [] } of await app.pages(`${type}${query}`)) {
        for (const { resource } of entry) found.add(`${resource.resourceType}/${resource.id}`);
      }
    }
    assert.equal(found.size, 300);
    for (const reference of [...found].slice(0, 400).filter((_, index) => index % 13 === 0)) {
      assert.equal((await app.get(reference)).status, 200, reference);
    }
  });

  test("what they refer to in the same facility can be read", async () => {
    const at = plain();
    const app = await letIn(at, SCOPE);
    const references = new Set(JSON.stringify(hospital.records(at, "robin")).match(/"[A-Z][A-Za-z]+\/[^"]+"/g));
    assert.ok(references.size > 50);
    const seen = new Set<string>();
    for (const quoted of references) {
      const reference = quoted.slice(1, -1);
      const type = reference.split("/")[0] ?? "";
      if (reference.startsWith("application/")) continue;
      seen.add(type);
      if (type !== "Encounter" && type !== "Observation")
        assert.equal((await app.get(reference)).status, 200, reference);
    }
    for (const type of ["Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Binary"]) {
      assert.ok(seen.has(type), type);
    }
    const role = (await (await app.get("PractitionerRole/role-2")).json()) as { practitioner: { reference: string } };
    assert.equal((await app.get(role.practitioner.reference)).status, 200);
  });

  test("decimals keep their zeros", async () => {
    const app = await letIn(plain(), SCOPE);
    const text = await (await app.get("Observation?patient=$&category=laboratory")).text();
    assert.match(text, /"value":1\.10,/);
    assert.doesNotMatch(text, /"#/);
  });

  test("amended ones change and new ones come, dated now", async () => {
    const at = facility((one) => one.name.startsWith("Redfern"));
    const app = await letIn(at, SCOPE);
    const before = await app.search("Condition?patient=$&category=problem-list-item");
    const [first] = hospital.records(at, "robin").filter(({ resourceType }) => resourceType === "Condition");
    assert.ok(first);
    const since = new Date(now - 1000).toISOString();
    hospital.amend(at, "robin", { ...first, onsetDateTime: "2026-01-01" });
    hospital.amend(at, "robin", { ...first, id: "one-more" });
    const after = await app.search("Condition?patient=$&category=problem-list-item");
    assert.equal(after.total, before.total + 1);
    const changed = await app.search(`Condition?patient=$&category=problem-list-item&_lastUpdated=gt${since}`);
    assert.deepEqual(
      changed.entry?.map(({ resource }) => resource.id),
      [first.id, "one-more"],
    );
  });
});

describe("search", () => {
  test("has pages behind links that name nobody and nothing, of _count matches or of as many as the facility has", async () => {
    const at = plain();
    const app = await letIn(at, SCOPE);
    const pages = await app.pages("Observation?patient=$&_count=7");
    assert.equal(pages.length, Math.ceil(ofType(at, "Observation") / 7));
    const ids = pages.flatMap(({ entry = [] }) => entry.map(({ resource }) => resource.id));
    assert.equal(new Set(ids).size, ofType(at, "Observation"));
    for (const page of pages) {
      assert.equal(page.total, ids.length);
      assert.doesNotMatch(next(page) ?? "", new RegExp(`${app.patient}|patient|count`));
    }
    const [large] = await app.pages("Observation?patient=$&_count=1000");
    assert.equal(large?.entry?.length, at.pageSize);
  });

  test("a page can be asked for again, by its owner, for five minutes", async () => {
    const at = plain();
    const app = await letIn(at, SCOPE);
    const link = next(await app.search("Observation?patient=$")) ?? "";
    const [once, twice] = [await app.search(link), await app.search(link)];
    assert.deepEqual(once.entry, twice.entry);
    const other = await letIn(at, SCOPE, { username: "kit", password: "open-sesame-2" });
    assert.equal((await other.get(link)).status, 410);
    now += 5 * 60_000;
    assert.deepEqual(await issueOf(await app.get(link)), [410, "not-found"]);
  });

  test("the link self says what was heeded", async () => {
    const app = await letIn(plain(), SCOPE);
    const { link } = await app.search("Goal?patient=$&_lastUpdated=gt2020-01-01&colour=blue");
    assert.deepEqual([...new URL(link[0]?.url ?? "").searchParams], [["patient", app.patient]]);
  });

  test("nothing found has no entry", async () => {
    const app = await letIn(plain(), SCOPE);
    const empty = await app.search("Observation?patient=$&category=therapy");
    assert.deepEqual([empty.total, "entry" in empty], [0, false]);
  });

  test("by category, with and without its system, and by status and intent", async () => {
    const app = await letIn(plain(), SCOPE);
    const total = async (path: string): Promise<number> => (await app.search(path)).total;
    const system = "http://terminology.hl7.org/CodeSystem/observation-category";
    const laboratory = await total("Observation?patient=$&category=laboratory");
    assert.ok(laboratory > 0);
    assert.equal(await total(`Observation?patient=$&category=${system}|laboratory`), laboratory);
    assert.equal(await total("Observation?patient=$&category=other|laboratory"), 0);
    const vital = await total("Observation?patient=$&category=vital-signs");
    assert.equal(await total("Observation?patient=$&category=laboratory,vital-signs"), laboratory + vital);
    const orders = await total("MedicationRequest?patient=$&intent=order");
    const plans = await total("MedicationRequest?patient=$&intent=plan");
    assert.equal(orders + plans, await total("MedicationRequest?patient=$"));
  });

  test("by _lastUpdated where the CapabilityStatement lists it, and only there", async () => {
    const at = plain();
    const app = await letIn(at, SCOPE);
    interface Listed {
      rest: { resource: { type: string; interaction: { code: string }[]; searchParam?: { name: string }[] }[] }[];
    }
    const { rest } = (await (await fetch(`${at.fhirBaseUrl}/metadata`)).json()) as Listed;
    const listed = rest[0]?.resource ?? [];
    for (const { type, searchParam = [], interaction } of listed) {
      if (!interaction.some(({ code }) => code === "search-type") || type === "Patient") continue;
      const heeded = searchParam.some(({ name }) => name === "_lastUpdated");
      const none = await app.search(`${type}?patient=$&_lastUpdated=gt2027-01-01`);
      assert.equal(none.total === 0, heeded, type);
    }
    const [one] = (await app.search("Encounter?patient=$")).entry ?? [];
    const { lastUpdated } = (one?.resource.meta ?? {}) as { lastUpdated?: string };
    const total = async (prefix: string) =>
      (await app.search(`Encounter?patient=$&_lastUpdated=${prefix}${lastUpdated}`)).total;
    assert.equal(await total("ge"), (await total("gt")) + 1);
    assert.equal(await total("le"), (await total("lt")) + 1);
    assert.equal((await total("gt")) + (await total("le")), ofType(at, "Encounter"));
    assert.equal((await app.get("Encounter?patient=$&_lastUpdated=someday")).status, 400);
  });

  test("brings along medications and, where its scope was granted, Provenance", async () => {
    const app = await letIn(plain(), SCOPE);
    const medications = await app.search("MedicationRequest?patient=$&_include=MedicationRequest:medication");
    assert.ok((modes(medications).include ?? 0) > 0);
    assert.ok(
      medications.entry?.every(
        ({ resource, search }) => (resource.resourceType === "Medication") === (search.mode === "include"),
      ),
    );
    assert.ok((modes(await app.search("Encounter?patient=$&_revinclude=Provenance:target")).include ?? 0) > 0);
    const less = await letIn(plain(), "launch/patient patient/Encounter.read patient/Encounter.rs");
    assert.equal(modes(await less.search("Encounter?patient=$&_revinclude=Provenance:target")).include, undefined);
  });

  test("needs the patient, who must be the one who granted it; some types are read only", async () => {
    const app = await letIn(plain(), SCOPE);
    assert.equal((await app.get("Condition")).status, 403);
    assert.equal((await app.get("Condition?patient=somebody-else")).status, 403);
    assert.deepEqual(await issueOf(await app.get("Practitioner?patient=$")), [400, "not-supported"]);
  });

  test("is refused at some facilities without category, at others without status or intent", async () => {
    for (const [type, parameter, value] of [
      ["Observation", "category", "laboratory"],
      ["CareTeam", "status", "active"],
      ["MedicationRequest", "intent", "order"],
    ] as const) {
      const app = await letIn(
        facility(({ requires }) => requires[type] === parameter),
        SCOPE,
      );
      assert.deepEqual(await issueOf(await app.get(`${type}?patient=$`)), [400, "required"]);
      assert.ok((await app.search(`${type}?patient=$&${parameter}=${value}`)).total > 0);
    }
  });

  test("has an OperationOutcome entry in every answer of some facilities, empty ones included", async () => {
    const app = await letIn(
      facility(({ outcomeInEach }) => outcomeInEach),
      SCOPE,
    );
    for (const path of ["Goal?patient=$", "Observation?patient=$&category=therapy"]) {
      assert.equal(modes(await app.search(path)).outcome, 1, path);
    }
  });
});

describe("a document", () => {
  interface Attachment {
    contentType: string;
    url?: string;
    data?: string;
    size?: number;
    hash?: string;
  }
  let app: HospitalApp;
  let attachments: Attachment[];
  before(async () => {
    app = await letIn(plain(), SCOPE);
    const { entry = [] } = await app.search("DocumentReference?patient=$&_count=50");
    attachments = entry.map(
      ({ resource }) => (resource.content as { attachment: Attachment }[])[0]?.attachment as Attachment,
    );
  });

  test("is named by a relative reference, an absolute one, or stands inline", () => {
    const kinds = attachments.map(({ url, data }) =>
      data ? "inline" : url?.startsWith("Binary/") ? "relative" : "absolute",
    );
    assert.deepEqual(new Set(kinds), new Set(["relative", "absolute", "inline"]));
  });

  test("comes as its own bytes, of the size and SHA-1 that were told, or as a Binary resource", async () => {
    for (const { url = "", contentType, size, hash } of attachments.filter((one) => one.url)) {
      const raw = await app.get(url, { Accept: contentType });
      assert.equal(raw.headers.get("content-type")?.split(";")[0], contentType);
      const bytes = Buffer.from(await raw.arrayBuffer());
      if (size !== undefined) assert.equal(bytes.length, size);
      if (hash !== undefined) assert.equal(createHash("sha1").update(bytes).digest("base64"), hash);
      const binary = (await (await app.get(url)).json()) as { resourceType: string; contentType: string; data: string };
      assert.deepEqual([binary.resourceType, binary.contentType], ["Binary", contentType]);
      assert.deepEqual(Buffer.from(binary.data, "base64"), bytes);
    }
  });

  test("is not to be had as application/json, nor as another type, nor by another patient", async () => {
    const { url = "" } = attachments.find((one) => one.url?.startsWith("Binary/")) ?? {};
    for (const Accept of ["application/json", "image/png"]) assert.equal((await app.get(url, { Accept })).status, 406);
    const other = await letIn(plain(), SCOPE, { username: "kit", password: "open-sesame-2" });
    assert.equal((await other.get(url)).status, 404);
    const less = await letIn(plain(), "launch/patient patient/DocumentReference.read patient/DocumentReference.rs");
    assert.equal((await less.get(url)).status, 403);
  });
});

describe("a facility with a fault", () => {
  const times = async (app: HospitalApp, count: number): Promise<Response[]> => {
    const all: Response[] = [];
    for (let time = 0; time < count; time += 1) all.push(await app.get("Goal?patient=$"));
    return all;
  };

  for (const [fault, status, form] of [
    ["throttles", 429, /^1$/],
    ["throttles_by_date", 429, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/],
    ["overloaded", 503, /^none$/],
  ] as const) {
    test(`${fault}: every fourth request is answered ${status}`, async () => {
      const answers = await times(await letIn(faulty(fault), SCOPE), 8);
      assert.deepEqual(
        answers.map((one) => one.status),
        [200, 200, 200, status, 200, 200, 200, status],
      );
      assert.match(answers[3]?.headers.get("retry-after") ?? "none", form);
    });
  }

  test("expires tokens: each opens fifty requests, and a refresh brings another", async () => {
    const app = await letIn(faulty("expires_tokens"), SCOPE);
    assert.deepEqual(
      (await times(app, 51)).map((one) => one.status),
      [...Array(50).fill(200), 401],
    );
    await app.refresh();
    assert.equal((await app.get("Goal?patient=$")).status, 200);
  });

  test("every access token can be ended at once, at any facility", async () => {
    const app = await letIn(plain(), SCOPE);
    assert.equal((await app.get("Goal?patient=$")).status, 200);
    hospital.expireAccessTokens();
    assert.deepEqual(await issueOf(await app.get("Goal?patient=$")), [401, "login"]);
    await app.refresh();
    assert.equal((await app.get("Goal?patient=$")).status, 200);
  });

  test("forbids one type, without a word", async () => {
    const app = await letIn(faulty("forbids_procedures"), SCOPE);
    const refused = await app.get("Procedure?patient=$");
    assert.deepEqual([refused.status, await refused.text()], [403, ""]);
    assert.equal((await app.get("Goal?patient=$")).status, 200);
  });

  for (const [fault, type, status] of [
    ["lacks_goals", "Goal", 404],
    ["html_care_plans", "CarePlan", 200],
  ] as const) {
    test(`${fault}: HTML with ${status}`, async () => {
      const answer = await (await letIn(faulty(fault), SCOPE)).get(`${type}?patient=$`);
      assert.equal(answer.status, status);
      assert.match(answer.headers.get("content-type") ?? "", /text\/html/);
    });
  }

  test("cuts each answer short at its first asking: half a JSON that claims to be whole", async () => {
    const app = await letIn(faulty("cuts_short"), SCOPE);
    const half = await app.get("Goal?patient=$");
    assert.equal(half.status, 200);
    await assert.rejects(half.json(), SyntaxError);
    assert.equal((await app.search("Goal?patient=$")).resourceType, "Bundle");
  });

  test("hangs up in the midst of each answer at its first asking", async () => {
    const app = await letIn(faulty("hangs_up"), SCOPE);
    await assert.rejects(async () => (await app.get("Observation?patient=$")).text());
    assert.ok((await app.search("Observation?patient=$")).total > 0);
  });

  test("can be made of a sound one while the hospital runs", async () => {
    const at = facility((one) => one.name.startsWith("Wexcombe"));
    const app = await letIn(at, SCOPE);
    at.fault = "forbids_procedures";
    assert.equal((await app.get("Procedure?patient=$")).status, 403);
    at.fault = null;
    assert.equal((await app.get("Procedure?patient=$")).status, 200);
  });
});
