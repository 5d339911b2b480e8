import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ImportError } from "#server/catalog/content.js";
import { type ImportRequest, importCatalog } from "#server/catalog/importer.js";
import { readCatalogVersion } from "#server/store/catalog.js";
import type { Database } from "#server/store/database.js";
import type { SourceRow } from "#server/store/schema.js";
import { forEachDatabase } from "./support/databases.ts";
import { bundle, endpoint, facility, jsonLines, listFolder, organization } from "./support/source-lists.ts";

forEachDatabase((databases) => {
  const write = listFolder();
  const importFiles = (database: Database, ...files: string[]) => importWith(database, { files });
  const importWith = (database: Database, request: ImportRequest) => importCatalog(database, request, () => 1_000);
  const sources = (database: Database): Promise<SourceRow[]> =>
    database.db.selectFrom("sources").selectAll().orderBy("name").orderBy("fhir_base_url").execute();
  const statuses = async (database: Database) =>
    Object.fromEntries((await sources(database)).map((source) => [source.name, source.status]));

  describe("a User-access Brands bundle", () => {
    test("gives a source for each brand, portal and endpoint", async () => {
      const database = await databases.open();
      const file = write(
        "brands",
        bundle(
          organization("lakeside", "Lakeside Health", {
            alias: ["Lakeside Regional"],
            identifier: [{ system: "urn:ietf:rfc:3986", value: "https://lakeside.example.org" }],
            address: [
              { city: "Springfield", state: "Illinois", postalCode: "627041234" },
              { city: "Decatur", state: "IL" },
            ],
            endpoints: ["r4", "dstu2", "kids"],
            portals: { "Lake Portal": ["r4", "dstu2"], "Kids Portal": ["kids"] },
          }),
          organization("annex", "Lakeside Annex", { partOf: { reference: "Organization/lakeside" } }),
          endpoint("r4", "https://lakeside.example.org/api/FHIR/R4/", { version: "4.0.1" }),
          endpoint("dstu2", "https://lakeside.example.org/api/FHIR/DSTU2/", { version: "1.0.2" }),
          endpoint("kids", "https://kids.example.org/r4", { version: "4.0.1" }),
        ),
      );
      const [imported] = await importFiles(database, file);
      const rows = await sources(database);
      assert.equal(imported?.files[0]?.kind, "User-access Brands bundle");
      assert.deepEqual(
        rows.map(({ name, brand, portal_name, fhir_base_url, status }) => [
          name,
          brand,
          portal_name,
          fhir_base_url,
          status,
        ]),
        [
          ["Lakeside Annex", "Lakeside Health", "Kids Portal", "https://kids.example.org/r4", "active"],
          [
            "Lakeside Annex",
            "Lakeside Health",
            "Lake Portal",
            "https://lakeside.example.org/api/FHIR/DSTU2/",
            "inactive",
          ],
          ["Lakeside Annex", "Lakeside Health", "Lake Portal", "https://lakeside.example.org/api/FHIR/R4/", "active"],
          ["Lakeside Health", null, "Kids Portal", "https://kids.example.org/r4", "active"],
          ["Lakeside Health", null, "Lake Portal", "https://lakeside.example.org/api/FHIR/DSTU2/", "inactive"],
          ["Lakeside Health", null, "Lake Portal", "https://lakeside.example.org/api/FHIR/R4/", "active"],
        ],
      );
      const { city, state, zip, places, aliases, brand_identifier, type } = rows.at(-1) as SourceRow;
      assert.deepEqual(
        { city, state, zip, places, aliases, brand_identifier, type },
        {
          city: "Springfield",
          state: "IL",
          zip: "62704-1234",
          places: '["Decatur, IL"]',
          aliases: '["Lakeside Regional"]',
          brand_identifier: "https://lakeside.example.org",
          type: "epic",
        },
      );
    });

    test("takes a brand without a portal, a portal without an endpoint, both forms of the extension, and urn:uuid", async () => {
      const database = await databases.open();
      const file = write("urn", {
        resourceType: "Bundle",
        entry: [
          {
            fullUrl: "urn:uuid:11111111-0000-4000-8000-000000000001",
            resource: {
              resourceType: "Organization",
              name: "Plain Clinic",
              endpoint: [{ reference: "urn:uuid:11111111-0000-4000-8000-000000000002" }],
            },
          },
          {
            fullUrl: "urn:uuid:11111111-0000-4000-8000-000000000002",
            resource: endpoint("e", "https://plain.example.org:443/r4"),
          },
          {
            resource: {
              resourceType: "Organization",
              id: "words",
              name: "Words Only",
              extension: {
                url: "http://hl7.org/fhir/uv/smart-app-launch/StructureDefinition/organization-portal",
                extension: [{ url: "portalName", valueString: "Words Portal" }],
              },
            },
          },
        ],
      });
      await importFiles(database, file);
      assert.deepEqual(
        (await sources(database)).map((row) => [row.name, row.portal_name, row.fhir_base_url, row.status]),
        [
          ["Plain Clinic", null, "https://plain.example.org:443/r4", "active"],
          ["Words Only", "Words Portal", null, "inactive"],
        ],
      );
    });

    test("counts broken entries with their reason and keeps the others", async () => {
      const database = await databases.open();
      const file = write(
        "broken",
        bundle(
          organization("good", "Good Clinic", { endpoints: ["good", "gone"] }),
          { resourceType: "Organization", id: "nameless", endpoint: [], _name: {} } as never,
          { resourceType: "Endpoint", id: "homeless" },
          { resourceType: "Location", id: "elsewhere" },
          endpoint("good", "https://good.example.org/r4"),
        ),
      );
      const [imported] = await importFiles(database, file);
      assert.deepEqual(Object.fromEntries(imported?.files[0]?.tally.leftOut ?? []), {
        "no address": { count: 1, example: "homeless" },
        "no name": { count: 1, example: "nameless" },
        "neither Organization nor Endpoint": { count: 1, example: "elsewhere" },
        "refers to an endpoint that the file does not hold": { count: 1, example: "good" },
      });
      assert.deepEqual(await statuses(database), { "Good Clinic": "active" });
    });

    test("survives organizations that are part of each other", async () => {
      const database = await databases.open();
      const file = write(
        "circle",
        bundle(
          organization("a", "Circle A", { partOf: { reference: "Organization/b" }, endpoints: ["e"] }),
          organization("b", "Circle B", { partOf: { reference: "Organization/a" } }),
          endpoint("e", "https://circle.example.org/r4"),
        ),
      );
      await importFiles(database, file);
      assert.deepEqual(await statuses(database), { "Circle A": "active", "Circle B": "active" });
    });
  });

  test("an Endpoint bundle gives a source for each endpoint, named by its organization", async () => {
    const database = await databases.open();
    const contained = [{ resourceType: "Organization", id: "x", name: "Contained Clinic" }];
    const file = write(
      "endpoints",
      bundle(
        endpoint("a", "https://a.example.org/r4", { contained, managingOrganization: { reference: "#x" }, name: "A" }),
        endpoint("b", "https://b.example.org/r4", { name: "Own Name Clinic" }),
        endpoint("c", "https://c.example.org/r4", { name: "Off Clinic", status: "off" }),
        endpoint("d", "https://d.example.org/hl7", { name: "Other Clinic", connectionType: { code: "hl7v2-mllp" } }),
        endpoint("e", "https://e.example.org/r4", { name: null }),
      ),
    );
    const [imported] = await importFiles(database, file);
    assert.equal(imported?.files[0]?.kind, "FHIR Endpoint bundle");
    assert.deepEqual(await statuses(database), {
      "Contained Clinic": "active",
      "Own Name Clinic": "active",
      "Off Clinic": "inactive",
      "Other Clinic": "inactive",
    });
  });

  test("a vendor's own list and an array of facilities are read as well", async () => {
    const database = await databases.open();
    const items = [
      {
        displayName: "Vendor Clinic",
        brandName: "Vendor Clinic",
        brandId: "vendor-1",
        state: "WI",
        endpoints: [{ url: "https://vendor.example.org/api/FHIR/R4/" }],
      },
      { displayName: "Vendor Annex", brandName: "Vendor Clinic", endpoints: [] },
    ];
    await importFiles(database, write("vendor", { items }), write("array", [facility("Array Clinic")]));
    assert.deepEqual(
      (await sources(database)).map((row) => [row.name, row.brand, row.brand_identifier, row.status]),
      [
        ["Array Clinic", null, null, "active"],
        ["Vendor Annex", "Vendor Clinic", null, "inactive"],
        ["Vendor Clinic", null, "vendor-1", "active"],
      ],
    );
  });

  test("addresses are kept as published, what can be mended is, and what cannot be reached is not active", async () => {
    const database = await databases.open();
    const cases: [published: unknown, kept: string | null, status: string][] = [
      ["https://As-Published.example.org:443/FHIR/R4/", "https://As-Published.example.org:443/FHIR/R4/", "active"],
      ["https://https://twice.example.org/r4", "https://twice.example.org/r4", "active"],
      ['": "https://stray.example.org/r4', "https://stray.example.org/r4", "active"],
      ["bare.example.org/fhir/r4", "https://bare.example.org/fhir/r4", "active"],
      [" https://blank.example.org/r4 ", "https://blank.example.org/r4", "active"],
      ["http://plain.example.org/r4", "http://plain.example.org/r4", "active"],
      ["https://intranet.local/r4", "https://intranet.local/r4", "active"],
      ["/fhir/r4", "/fhir/r4", "inactive"],
      ["https://two words.example.org/r4", "https://two words.example.org/r4", "inactive"],
      ["https://page.example.org/index.html", "https://page.example.org/index.html", "inactive"],
      ["https://oauth.example.org/oauth2/authorize", "https://oauth.example.org/oauth2/authorize", "inactive"],
      ["https://old.example.org/api/FHIR/DSTU2", "https://old.example.org/api/FHIR/DSTU2", "inactive"],
      ["javascript:alert(1)", "javascript:alert(1)", "inactive"],
      ["", null, "inactive"],
      [17, "17", "inactive"],
    ];
    const lines = cases.map(([fhirBaseUrl], at) => ({ name: `Case ${String(at).padStart(2, "0")}`, fhirBaseUrl }));
    await importFiles(database, write("oddities.jsonl", jsonLines(lines)));
    const rows = await sources(database);
    assert.deepEqual(
      rows.map(({ fhir_base_url, status }) => [fhir_base_url, status]),
      cases.map(([, kept, status]) => [kept, status]),
    );
  });

  test("odd names and places survive; a facility without a name does not", async () => {
    const database = await databases.open();
    const lines = [
      facility("Nine Digits", { zip: "627041234", state: "Illinois" }),
      facility("Lost Zero", { zip: "2139", state: "MA" }),
      facility("Foreign", { zip: "M4G 1R8", state: "ON" }),
      facility("x", { name: 20 }),
      facility("y", { name: "—" }),
      facility("z", { name: null }),
      facility("w", { name: "  " }),
      { city: "Nowhere" },
      facility("Only a place", { fhirBaseUrl: null }),
    ];
    const [imported] = await importFiles(database, write("names.jsonl", `${jsonLines(lines)}not json\n[]\n`));
    assert.deepEqual(
      (await sources(database)).map(({ name, zip, state, status }) => [name, zip, state, status]),
      [
        ["20", null, "IL", "active"],
        ["Foreign", "M4G 1R8", "ON", "active"],
        ["Lost Zero", "02139", "MA", "active"],
        ["Nine Digits", "62704-1234", "IL", "active"],
        ["Only a place", null, "IL", "inactive"],
      ],
    );
    assert.deepEqual(Object.fromEntries(imported?.files[0]?.tally.leftOut ?? []), {
      "no name": { count: 3, example: "line 5" },
      "no facility": { count: 2, example: "line 8" },
      "not JSON": { count: 1, example: "line 10" },
    });
  });

  describe("lists", () => {
    const three = [facility("One"), facility("Two"), facility("Three")];

    test("importing again changes nothing, whatever the file is called", async () => {
      const database = await databases.open();
      await importFiles(database, write("same.jsonl", jsonLines(three)));
      const before = await sources(database);
      const [again] = await importWith(database, {
        files: [write("other-name.bin", gzipSync(jsonLines(three.toReversed())))],
        list: "same",
      });
      assert.deepEqual(again?.change, { added: 0, changed: 0, retired: 0 });
      assert.deepEqual(await sources(database), before);
    });

    test("a source of two lists is one row, retired when the last list drops it, and back when one names it", async () => {
      const database = await databases.open();
      const importList = (list: string, names: string[]) =>
        importWith(database, {
          files: [write(list, jsonLines(names.map((name) => facility(name))))],
          list,
          force: true,
        });
      await importList("north", ["Shared", "Northern"]);
      await importList("south", ["Shared", "Southern"]);
      assert.deepEqual(await statuses(database), { Northern: "active", Shared: "active", Southern: "active" });
      await importList("north", ["Northern"]);
      assert.equal((await statuses(database)).Shared, "active");
      const ids = (await sources(database)).map((row) => row.id);
      const [dropped] = await importList("south", ["Southern"]);
      assert.equal(dropped?.change?.retired, 1);
      assert.deepEqual(await statuses(database), { Northern: "active", Shared: "retired", Southern: "active" });
      await importList("south", ["Shared"]);
      assert.deepEqual(await statuses(database), { Northern: "active", Shared: "active", Southern: "retired" });
      assert.deepEqual(
        (await sources(database)).map((row) => row.id),
        ids,
      );
    });

    test("a source that stands twice in a list is one, found by both its names", async () => {
      const database = await databases.open();
      const twice = ["St. Mary Hospital", "St. Mary Medical Center"].map((name) => ({
        ...facility(name, { brandIdentifier: "https://stmary.example.org", fhirBaseUrl: "https://stmary.example.org" }),
      }));
      const [imported] = await importFiles(database, write("twice.jsonl", jsonLines(twice)));
      assert.deepEqual([imported?.sources, imported?.doubles], [1, 1]);
      assert.deepEqual(
        (await sources(database)).map((row) => [row.name, row.aliases]),
        [["St. Mary Hospital", '["St. Mary Medical Center"]']],
      );
    });

    test("a list that would shrink by more than a fifth is refused, unless forced", async () => {
      const database = await databases.open();
      const ten = Array.from({ length: 10 }, (_, n) => facility(`Clinic ${n}`));
      const list = "ten";
      await importWith(database, { files: [write("ten", jsonLines(ten))], list });
      const seven = { files: [write("seven", jsonLines(ten.slice(0, 7)))], list };
      await assert.rejects(importWith(database, seven), (error) => {
        assert.ok(error instanceof ImportError);
        assert.match(error.message, /from 10 sources to 7; nothing was changed/);
        return true;
      });
      assert.ok(!Object.values(await statuses(database)).includes("retired"));
      await importWith(database, { files: [write("eight", jsonLines(ten.slice(0, 8)))], list });
      await importWith(database, { files: [write("four", jsonLines(ten.slice(0, 4)))], list, force: true });
      assert.equal(Object.values(await statuses(database)).filter((status) => status === "retired").length, 6);
    });

    test("valid JSON that lists nothing changes nothing", async () => {
      const database = await databases.open();
      const nothings = [
        { resourceType: "CapabilityStatement", implementation: { url: "https://ehr.example.org/r4" }, rest: [{}] },
        { title: "A preset", inputs: [{ name: "publication_url", value: "https://example.org" }] },
        { resourceType: "Bundle", type: "collection" },
        [],
        {},
        "text",
        null,
      ];
      for (const [at, content] of nothings.entries()) {
        const [imported] = await importFiles(database, write(`nothing-${at}`, JSON.stringify(content)));
        assert.deepEqual([imported?.files[0]?.kind, imported?.change], [null, null]);
      }
      assert.equal(await readCatalogVersion(database.db), 0);
    });

    test("a file that cannot be read stops the whole command before it changes anything", async () => {
      const database = await databases.open();
      const good = write("good.jsonl", jsonLines(three));
      const whole = JSON.stringify(bundle(organization("a", "Broken Off")), null, 1);
      const bad: [string, RegExp][] = [
        [write("off.json", whole.slice(0, -10)), /off\.json is not valid JSON.*fetch it again/],
        [write("off.jsonl", jsonLines(three).slice(0, -20)), /off\.jsonl is not valid JSON at its last line, 3/],
        [write("off.gz", gzipSync(jsonLines(three)).subarray(0, -12)), /off\.gz is a broken gzip file/],
        [write("page.html", "<!doctype html>"), /page\.html is not valid JSON/],
        [write("empty.json", ""), /empty\.json is empty/],
        ["absent.json", /absent\.json does not exist/],
      ];
      for (const [file, message] of bad) {
        await assert.rejects(importFiles(database, good, file), (error) => {
          assert.ok(error instanceof ImportError, String(error));
          assert.match(error.message, message);
          return true;
        });
      }
      assert.deepEqual(await sources(database), []);
      assert.equal(await readCatalogVersion(database.db), 0);
    });

    test("each import raises the catalog's version", async () => {
      const database = await databases.open();
      await importFiles(database, write("a", jsonLines(three)));
      await importFiles(database, write("b", jsonLines(three)));
      assert.equal(await readCatalogVersion(database.db), 2);
    });
  });
});
