import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createCatalog } from "#server/catalog/catalog.js";
import { importCatalog } from "#server/catalog/importer.js";
import { createSearchIndex } from "#server/catalog/search-index.js";
import { readVendors } from "#server/catalog/vendor.js";
import { search } from "#server/flow/search.js";
import { fhirSource } from "#shared/source.js";
import { forEachDatabase } from "./support/databases.ts";
import { finder, source } from "./support/search.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

const VENDORS = readVendors();

describe("the search", () => {
  const find = finder([
    source("Saint Ignatia Medical Center", "Joplin", "MO", {
      aliases: ["Old Mercy"],
      brand: "Ignatia Health",
      places: [
        { city: "Joplin", state: "MO", zip: "64804-3599" },
        { city: "Carthage", state: "MO", zip: null },
      ],
    }),
    source("Mount Ararat University Hospital", "Burlington", "VT", { portal: { name: "AraratLink", url: null } }),
    source("Clínica Niño Jesús", "San José", "CA"),
    source("O'Leary & Sons Family Practice", "Concord", "NH", { vendor: "Epic" }),
    source("Fort Bright Heart Center", "New York", "NY"),
    source("Bluestone Pediatrics", "Concord", "CA"),
    source("The Point", "Charleston", "WV"),
  ]);

  const cases: Record<string, [typed: string, found: string][]> = {
    "as it is typed": [
      ["sa", "Saint Ignatia Medical Center"],
      ["saint ig", "Saint Ignatia Medical Center"],
      ["ignatia medi", "Saint Ignatia Medical Center"],
      ["ign med cent", "Saint Ignatia Medical Center"],
    ],
    "in any order and case": [
      ["center IGNATIA saint", "Saint Ignatia Medical Center"],
      ["hospital ararat", "Mount Ararat University Hospital"],
    ],
    "by what is short for it, and the other way round": [
      ["st ignatia", "Saint Ignatia Medical Center"],
      ["st. ignatia med ctr", "Saint Ignatia Medical Center"],
      ["mt ararat univ hosp", "Mount Ararat University Hospital"],
      ["ft bright", "Fort Bright Heart Center"],
      ["bluestone peds", "Bluestone Pediatrics"],
    ],
    "with and without accents, apostrophes and ampersands": [
      ["clinica nino jesus", "Clínica Niño Jesús"],
      ["CLÍNICA NIÑO", "Clínica Niño Jesús"],
      ["oleary and sons", "O'Leary & Sons Family Practice"],
      ["o’leary sons", "O'Leary & Sons Family Practice"],
    ],
    "by its place": [
      ["joplin", "Saint Ignatia Medical Center"],
      ["ignatia missouri", "Saint Ignatia Medical Center"],
      ["ignatia mo", "Saint Ignatia Medical Center"],
      ["64804", "Saint Ignatia Medical Center"],
      ["648", "Saint Ignatia Medical Center"],
      ["64804-3599", "Saint Ignatia Medical Center"],
      ["ignatia carthage", "Saint Ignatia Medical Center"],
      ["san jose nino", "Clínica Niño Jesús"],
      ["bright new york", "Fort Bright Heart Center"],
      ["family concord", "O'Leary & Sons Family Practice"],
      ["concord ca", "Bluestone Pediatrics"],
    ],
    "by its brand, its other names, its portal and its vendor": [
      ["ignatia health", "Saint Ignatia Medical Center"],
      ["old mercy", "Saint Ignatia Medical Center"],
      ["araratlink", "Mount Ararat University Hospital"],
      ["oleary mychart", "O'Leary & Sons Family Practice"],
    ],
    "with one letter wrong": [
      ["ignatea", "Saint Ignatia Medical Center"],
      ["ignata", "Saint Ignatia Medical Center"],
      ["ignattia", "Saint Ignatia Medical Center"],
      ["ingatia", "Saint Ignatia Medical Center"],
      ["gnatia", "Saint Ignatia Medical Center"],
      ["ararat unviersity", "Mount Ararat University Hospital"],
      ["ignitia medcial", "Saint Ignatia Medical Center"],
      ["blueston pedietr", "Bluestone Pediatrics"],
    ],
    "run together or apart": [
      ["saintignatia", "Saint Ignatia Medical Center"],
      ["blue stone", "Bluestone Pediatrics"],
    ],
  };
  for (const [title, pairs] of Object.entries(cases)) {
    test(`finds a hospital ${title}`, () => {
      for (const [typed, found] of pairs) assert.equal(find(typed)[0], found, typed);
    });
  }

  test("does without words that fit nowhere, but not without all that tell", () => {
    for (const typed of ["ignatia zzzz", "ignatia saint medical vermont"]) {
      assert.equal(find(typed)[0], "Saint Ignatia Medical Center", typed);
    }
    for (const typed of ["qqqqqq", "zzzz qqqq", "zzzz"]) assert.deepEqual(find(typed), [], typed);
  });

  test("tolerates no slip in words of three letters, nor where something fits as it is", () => {
    const short = finder([source("Rae Clinic"), source("Marian Clinic"), source("Marion Clinic")]);
    assert.deepEqual(short("rue"), []);
    assert.deepEqual(short("marion"), ["Marion Clinic"]);
  });

  test("small words count only alone", () => {
    assert.deepEqual(find("the ignatia of the center"), ["Saint Ignatia Medical Center"]);
    assert.deepEqual(find("the"), ["The Point"]);
  });
});

describe("the ranking", () => {
  test("a whole word before a beginning, the name before the brand before the place, the shorter name first", () => {
    const find = finder([
      source("Riverton"),
      source("Riverton Clinic"),
      source("Riverton Clinic of Physicians and Surgeons"),
      source("Rivertonian Clinic"),
      source("Hilltop", "Springfield", "IL", { brand: "Riverton" }),
      source("Lakeview", "Riverton", "WY"),
    ]);
    assert.deepEqual(find("riverton"), [
      "Riverton",
      "Riverton Clinic",
      "Riverton Clinic of Physicians and Surgeons",
      "Rivertonian Clinic",
      "Hilltop",
      "Lakeview",
    ]);
  });

  test("what says of itself that it is a trial comes after what matches as well, not after what matches worse", () => {
    const names = [
      "Elder Health QA",
      "Elder Health - Test",
      "Elder Health of the Coast",
      "Elderberry Home for Health and Rest",
    ];
    const find = finder(names.map((name) => source(name)));
    assert.deepEqual(find("elder health"), [names[2], names[0], names[1], names[3]]);
  });

  test("of two servers of one hospital the patients' own comes before the staff's", () => {
    const at = (host: string) => ({
      endpoint: { address: `https://${host}.cerner.com/r4/a1`, versions: [], active: true },
    });
    const find = finder([
      source("Elder Hospital", "Joplin", "MO", at("fhir-ehr")),
      source("ELDER HOSPITAL", "Joplin", "MO", at("fhir-myrecord")),
    ]);
    assert.deepEqual(find("elder hospital"), ["ELDER HOSPITAL", "Elder Hospital"]);
  });

  test("equals keep one order, whatever order they came in", () => {
    const rows = Array.from({ length: 30 }, (_, n) => source("Same Clinic", `Town ${n}`)).sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
    const index = createSearchIndex(rows);
    const whole = index.search("same clinic", { limit: 30, offset: 0 }).hits;
    const pages = [0, 7, 14, 21, 28].map((offset) => index.search("same clinic", { limit: 7, offset }));
    assert.deepEqual(
      pages.flatMap((page) => page.hits),
      whole,
    );
    assert.deepEqual(
      pages.map((page) => page.hasMore),
      [true, true, true, true, false],
    );
  });

  test("the first of many are the first of all, although not all are looked at", () => {
    const words = ["Harbor", "Valley", "Medical", "Center", "Health", "Clinic", "North", "Family", "Care", "Heart"];
    let state = 7;
    const below = (limit: number): number => {
      state = (state * 48_271) % 0x7fff_ffff;
      return state % limit;
    };
    const some = (): string => Array.from({ length: 1 + below(6) }, () => words[below(words.length)]).join(" ");
    const rows = Array.from({ length: 2000 }, (_, n) => source(some(), `${words[below(10)]} Town ${n}`, "IL"));
    const index = createSearchIndex(rows);
    const queries = [
      "medical",
      "medical center",
      "me",
      "h",
      "center of health",
      "clinic harbor v",
      "healthcare",
      "town",
    ];
    queries.push("valley clinc", "northharbor", "heart zzzz", ...Array.from({ length: 30 }, some));
    for (const query of queries) {
      const all = index.search(query, { limit: 2000, offset: 0 }).hits;
      for (const limit of [1, 5, 20]) {
        assert.deepEqual(index.search(query, { limit, offset: 0 }).hits, all.slice(0, limit), `${limit} of ${query}`);
      }
      assert.deepEqual(index.search(query, { limit: 5, offset: 5 }).hits, all.slice(5, 10), `more of ${query}`);
    }
  });

  test("only sources of a type where one is asked for", () => {
    const find = finder([source("Twin Clinic", "A", "IL", { vendor: "Epic" }), source("Twin Clinic B", "B")]);
    assert.deepEqual(find("twin", { type: "epic" }), ["Twin Clinic"]);
    assert.deepEqual(find("twin", { type: "unknown" }), []);
  });
});

forEachDatabase((databases) => {
  const write = listFolder();
  const publicUrl = "https://app.example.org/api";

  async function openCatalog(names: readonly string[], options: { recommended?: string[]; clock?: () => number } = {}) {
    const database = await databases.open();
    const load = async (facilities: readonly object[]) => {
      if (facilities.length === 0) return;
      await importCatalog(database, { files: [write("list.jsonl", jsonLines(facilities))], force: true }, () => 1);
    };
    await load(names.map((name) => facility(name)));
    const rows = await database.db.selectFrom("sources").selectAll().execute();
    const idOf = (name: string): string => rows.find((row) => row.name === name)?.id ?? "";
    const catalog = createCatalog({
      database,
      offered: (row) => !row.name.startsWith("Unregistered"),
      clock: options.clock ?? (() => 0),
    });
    const recommendedConnectionIds = (options.recommended ?? []).map(idOf);
    const context = { catalog, vendors: VENDORS, configuration: { publicUrl, recommendedConnectionIds } };
    return { database, catalog, context, load, idOf };
  }
  const namesOf = (list: { data: { name: string }[] }): string[] => list.data.map((row) => row.name);

  test("answers only sources that this app can offer, as the wire has them", async () => {
    const { context } = await openCatalog(["Harbor Clinic", "Unregistered Harbor Clinic"]);
    const list = await search(context, { q: "harbor" });
    assert.deepEqual(namesOf(list), ["Harbor Clinic"]);
    assert.deepEqual([list.resource_type, list.has_more, list.next_cursor], ["list", false, null]);
    assert.deepEqual(fhirSource.parse(list.data[0]), list.data[0]);
    const { resource_type, city, state, logo_url, status } = list.data[0] ?? assert.fail("nothing found");
    assert.deepEqual(
      { resource_type, city, state, logo_url, status },
      { resource_type: "fhir_source", city: "Springfield", state: "IL", logo_url: null, status: "active" },
    );
  });

  test("a logo is shown from our own origin", async () => {
    const { context, load } = await openCatalog([]);
    await load([facility("Logo Clinic", { logo: "https://cdn.example.org/logo.png" })]);
    const { data } = await search(context, { q: "logo" });
    assert.equal(data[0]?.logo_url, `${publicUrl}/logos/${data[0]?.id}`);
  });

  test("pages by an opaque cursor, each source once", async () => {
    const names = Array.from({ length: 23 }, (_, n) => `Page Clinic ${n}`);
    const { context } = await openCatalog(names);
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let starting_after: string | undefined, more = true; more; ) {
      const list = await search(context, { q: "page clinic", starting_after });
      seen.push(...namesOf(list));
      sizes.push(list.data.length);
      more = list.has_more;
      starting_after = list.next_cursor ?? undefined;
      assert.equal(starting_after !== undefined, more);
    }
    assert.deepEqual(sizes, [10, 10, 3]);
    assert.deepEqual(seen.sort(), names.sort());
  });

  test("with nothing typed: the recommended sources, else the most used, else all in one order", async () => {
    const names = ["Alder Clinic", "Birch Clinic", "Cedar Clinic", "Unregistered Clinic"];
    const recommending = await openCatalog(names, {
      recommended: ["Cedar Clinic", "Unregistered Clinic", "Alder Clinic"],
    });
    for (const q of ["", " ", "c", "  \t", "🙂"]) {
      assert.deepEqual(namesOf(await search(recommending.context, { q })), ["Cedar Clinic", "Alder Clinic"], q);
    }

    const { context, database, idOf } = await openCatalog(names);
    for (const [n, name] of ["Cedar Clinic", "Cedar Clinic", "Birch Clinic", "Unregistered Clinic"].entries()) {
      await database.db
        .insertInto("patients")
        .values({ id: `patient-${n}`, last_record_seq: 0, created_at: 0, updated_at: 0 })
        .execute();
      await database.db
        .insertInto("connections")
        .values({
          id: `conn_${n}`,
          patient_id: `patient-${n}`,
          source_id: idOf(name),
          status: "active",
          scopes: "[]",
          not_granted: "[]",
          fhir_base_url: "https://fhir.example.org",
          fhir_patient_id: "1",
          patient_from: "token",
          identity: "absent",
          snapshot: "{}",
          renewable: 0,
          token_generation: 0,
          unanswered_refreshes: 0,
          refused_refreshes: 0,
          created_at: 0,
          updated_at: 0,
        })
        .execute();
    }
    assert.deepEqual(namesOf(await search(context)), ["Cedar Clinic", "Birch Clinic", "Alder Clinic"]);
    const first = await search(context, { limit: 2 });
    assert.deepEqual([namesOf(first), first.has_more], [["Cedar Clinic", "Birch Clinic"], true]);
    const second = await search(context, { limit: 2, starting_after: first.next_cursor ?? "" });
    assert.deepEqual([namesOf(second), second.has_more], [["Alder Clinic"], false]);
  });

  test("refuses a limit, a type and a cursor that are none, and names them", async () => {
    const { context } = await openCatalog(["Alder Clinic"]);
    const bad: [query: object, param: string][] = [
      [{ limit: "abc" }, "limit"],
      [{ limit: 0 }, "limit"],
      [{ limit: "101" }, "limit"],
      [{ limit: 1.5 }, "limit"],
      [{ type: ["epic"] }, "type"],
      [{ starting_after: "nonsense" }, "starting_after"],
      [{ starting_after: Buffer.from("after -1").toString("base64url") }, "starting_after"],
    ];
    for (const [query, param] of bad) {
      await assert.rejects(search(context, query), { code: "bad_request", param }, JSON.stringify(query));
    }
    assert.deepEqual(namesOf(await search(context, { q: ["a", "b"] } as object)), ["Alder Clinic"]);
    assert.deepEqual(namesOf(await search(context, { q: "alder", limit: "100", type: "" } as object)), [
      "Alder Clinic",
    ]);
  });

  test("follows an import without a restart, and answers from the old index meanwhile", {
    timeout: 60_000,
  }, async () => {
    let now = 1_000_000;
    const { context, catalog, load } = await openCatalog(["Before Clinic"], { clock: () => now });
    await catalog.ready();
    await load([facility("After Clinic")]);
    assert.deepEqual(namesOf(await search(context, { q: "after" })), [], "within the second");
    now += 1_000;
    // This query still has the old index, in which the source was offered; the row says that it is retired.
    assert.deepEqual(namesOf(await search(context, { q: "before" })), []);
    while (namesOf(await search(context, { q: "after" })).length === 0) await setImmediate();
    assert.deepEqual(namesOf(await search(context, { q: "clinic" })), ["After Clinic"]);
  });

  test("any source is there by its id, offered or not", async () => {
    const { catalog, idOf } = await openCatalog(["Unregistered Clinic"]);
    assert.equal((await catalog.get(idOf("Unregistered Clinic")))?.name, "Unregistered Clinic");
    assert.equal(await catalog.get("fhirsrc_00000000000000000000000000"), undefined);
  });
});
