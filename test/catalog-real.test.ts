import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { before, describe, test } from "node:test";
import { createCatalog } from "#server/catalog/catalog.js";
import { importCatalog } from "#server/catalog/importer.js";
import type { Database } from "#server/store/database.js";
import { testDatabases } from "./support/databases.ts";
import { NEEDS_REAL_DATA, realData } from "./support/real-data.ts";

describe("lists as the world publishes them", NEEDS_REAL_DATA, () => {
  const databases = testDatabases("sqlite");
  const importFiles = (database: Database, ...files: string[]) => importCatalog(database, { files }, () => 1_000);
  const names = async (database: Database, status: string) => {
    const rows = await database.db
      .selectFrom("sources")
      .selectAll()
      .where("status", "=", status as "active")
      .execute();
    return rows.map((row) => [row.name, row.portal_name, row.fhir_base_url].join(" · ")).sort();
  };

  test("the examples of the User-access Brands specification", async () => {
    const expected: Record<string, string[]> = {
      "Bundle-example1.json": ["ExampleLabs · Example Labs HealthCentral Portal · https://fhir.labs.example.com/r4"],
      "Bundle-example2.json": [
        "ExampleHealth",
        "ExampleHealth Community Hospital",
        "ExampleHealth Physicians of Madison",
      ].map((name) => `${name} · My ExampleHealth Portal · https://ehr.example.com/ProdFHIR/api/FHIR/R4`),
      "Bundle-example3.json": [
        "ExampleHospital · ExampleHospital Patient Gateway · https://ehr1.example.org/ExampleHospital/api/FHIR/R4",
        "ExampleHospital · ExampleHospital Pediatric Portal · https://ehr2.example.org/ExampleHospital/api/FHIR/R4",
      ],
      "Bundle-example4.json": ["Brand1 · Brand1 Portal", "Brand2 · Brand2 Portal"].map(
        (name) => `${name} · https://example.org/brand1.org/ProdFHIR/api/FHIR/R4`,
      ),
    };
    for (const [file, active] of Object.entries(expected)) {
      const database = await databases.open();
      await importFiles(database, realData("brands/hl7-spec", file));
      assert.deepEqual(await names(database, "active"), active.sort(), file);
      assert.equal((await names(database, "inactive")).length, file === "Bundle-example2.json" ? 3 : 0, file);
    }
  });

  test("every file of lists imports, and those that list nothing say so", async () => {
    const database = await databases.open();
    const files = readdirSync(realData("brands"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`);
    const imported = await importFiles(database, ...files);
    const nothing = imported.filter((list) => list.change === null).map((list) => list.list);
    assert.ok(files.length > 15);
    assert.ok(nothing.every((list) => /capability_statement|config_presets/.test(list)));
    assert.equal(nothing.length, 6);
    const total = Object.fromEntries(imported.map((list) => [list.list, list.sources]));
    assert.equal(total["epic-r4-endpoints-2026-04-27"], 481);
    assert.equal(total["epic-dstu2-endpoints-2026-04-27"], 490);
    assert.deepEqual(
      imported.filter((list) => /epic-dstu2/.test(list.list)).map((list) => [...list.inactive]),
      [[["its FHIR version is not R4", 490]]],
    );
  });

  test("MEDITECH's bundle: Freeman is found at an address that can be reached", async () => {
    const database = await databases.open();
    const [imported] = await importFiles(database, realData("brands/vendors/meditech-brands-2026-04-27.json"));
    assert.equal(imported?.files[0]?.tally.read, 1046);
    const catalog = createCatalog({ database, offered: () => true, clock: () => 0 });
    const { found } = await catalog.search("freeman", { limit: 10, offset: 0 });
    assert.deepEqual(
      found.map(({ source: { name, city, state, type, fhir_base_url }, locations }) => [
        ...[name, city, state, type, fhir_base_url, locations],
      ]),
      [
        [
          ...["Freeman Health System", "Joplin", "MO", "meditech", "https://live01.freemanhealth.net:443/v1/uscore/R4"],
          2,
        ],
      ],
    );
    const behind = await catalog.search("", { limit: 10, offset: 0, brand: found[0]?.source.id ?? "" });
    assert.deepEqual(
      behind.found.map(({ source }) => source.name),
      ["Freeman Health System", "Freeman Hospital West"],
    );
  });

  describe("the country's catalog", () => {
    let database: Database;
    before(async () => {
      database = await databases.open();
    });

    test("imports", async () => {
      const [imported] = await importFiles(database, realData("catalog/us-facilities.jsonl.gz"));
      assert.equal(imported?.files[0]?.tally.read, 166_765);
      assert.ok((imported?.sources ?? 0) > 160_000);
      const leftOut = [...(imported?.files[0]?.tally.leftOut ?? [])];
      assert.deepEqual(
        leftOut.map(([reason]) => reason),
        ["no name"],
      );
    });

    // Each one letter off: left out, put in, exchanged or swapped.
    const misspelt: [typed: string, meant: RegExp][] = [
      ["freman health", /^Freeman Health System/i],
      ["clevland clinic", /^Cleveland Clinic/i],
      ["mayo clinc", /^Mayo Clinic/i],
      ["stanfrod health care", /^Stanford Health Care/i],
      ["kaiser permanante", /^Kaiser Permanente/i],
      ["mount siani", /^Mount Sinai/i],
      ["jonhs hopkins", /^Johns Hopkins/i],
      ["university of michgan", /^University of Michigan/i],
      ["geisnger", /^Geisinger/i],
      ["intermountian", /^Intermountain/i],
      ["northwestern memorail", /^Northwestern Memorial/i],
      ["duke univercity", /^Duke University/i],
      ["vanderbildt", /^Vanderbilt/i],
      ["sutter helth", /^Sutter Health/i],
      ["boston chilrdens", /^Boston Children/i],
      ["ohiohelath", /^OhioHealth/i],
      ["adirondak medical center", /^Adirondack Medical Center/i],
      ["mass general brighham", /^Mass General Brigham/i],
      ["houston metodist", /^Houston Methodist/i],
      ["providance portland", /Providence.*Portland|Providence Health & Services - Oregon/i],
    ];
    test("twenty misspelt names are understood", async () => {
      const catalog = createCatalog({ database, offered: () => true, clock: () => 0 });
      for (const [typed, meant] of misspelt) {
        const { found } = await catalog.search(typed, { limit: 10, offset: 0 });
        assert.match(found[0]?.source.name ?? "nothing", meant, typed);
      }
    });

    test("a place, a ZIP code, an order of words and a beginning lead to the same hospital", async () => {
      const catalog = createCatalog({ database, offered: () => true, clock: () => 0 });
      for (const typed of [
        "freeman joplin",
        "joplin missouri freeman",
        "mo free",
        "64804",
        "system health freeman",
        "FREEM",
      ]) {
        const { found } = await catalog.search(typed, { limit: 10, offset: 0 });
        assert.ok(
          found.some(({ source }) => source.name === "Freeman Health System"),
          `${typed}: ${found.map(({ source }) => source.name)}`,
        );
      }
    });
  });
});
