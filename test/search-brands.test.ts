/** One row for each thing that a patient recognises: what stands behind one login, and what tells names apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createCatalog } from "#server/catalog/catalog.js";
import { importCatalog } from "#server/catalog/importer.js";
import { readVendors } from "#server/catalog/vendor.js";
import { search } from "#server/flow/search.js";
import { keepMark } from "#server/store/liveness.js";
import { type ConnectionsQuery, type FhirSource, fhirSource } from "#shared/source.js";
import { forEachDatabase } from "./support/databases.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

forEachDatabase((databases) => {
  const write = listFolder();
  const vendors = readVendors();

  async function ask(facilities: readonly object[], recommended: string[] = []) {
    const database = await databases.open();
    await importCatalog(database, { files: [write("list.jsonl", jsonLines(facilities))] }, () => 1);
    const rows = await database.db.selectFrom("sources").selectAll().execute();
    const idOf = (name: string): string => rows.find((row) => row.name === name)?.id ?? "";
    const ids = recommended.map(idOf);
    const catalog = createCatalog({ database, offered: () => true, clock: () => 0, vendors, recommended: ids });
    const configuration = { publicUrl: "https://app.example.org/api", recommendedConnectionIds: [] };
    const answer = (query: ConnectionsQuery) => search({ catalog, vendors, configuration }, query);
    const found = async (query: ConnectionsQuery): Promise<FhirSource[]> => (await answer(query)).data;
    return { database, answer, found, idOf };
  }

  const HERON = { fhirBaseUrl: "https://fhir.heron.example.org/r4", brand: "Heron Health System" };
  const heron = (name: string, city: string, more: object = {}) => facility(name, { ...HERON, city, ...more });
  const system = facility("Heron Health System", { ...HERON, brand: null, city: "Joplin" });

  test("facilities of a brand behind one login are one row that says how many match", async () => {
    const { found, idOf } = await ask([
      system,
      heron("Heron Clinic North", "Carthage"),
      heron("Heron Clinic South", "Neosho"),
      heron("Webb Street Imaging", "Webb City"),
      facility("Heron Veterinary Supplies"),
    ]);
    const rows = await found({ q: "heron" });
    assert.deepEqual(
      rows.map(({ name, brand, locations }) => [name, brand, locations]),
      [
        ["Heron Health System", "Heron Health System", 4],
        ["Heron Veterinary Supplies", null, 1],
      ],
    );
    assert.deepEqual(fhirSource.parse(rows[0]), rows[0]);

    const north = await found({ q: "heron clinic carthage" });
    assert.deepEqual(
      north.map(({ id, name, brand, city, locations }) => [id, name, brand, city, locations]),
      [[idOf("Heron Clinic North"), "Heron Clinic North", "Heron Health System", "Carthage", 1]],
    );
  });

  test("a brand's row is expanded by any source behind its login", async () => {
    const { found, idOf } = await ask([
      system,
      heron("Heron Clinic North", "Carthage"),
      heron("Heron Clinic South", "Neosho"),
      facility("Heron Veterinary Supplies"),
    ]);
    const all = ["Heron Clinic North", "Heron Clinic South", "Heron Health System"];
    for (const name of all) {
      const rows = await found({ brand: idOf(name) });
      assert.deepEqual(rows.map((row) => row.name).sort(), all, name);
      assert.deepEqual(new Set(rows.map(({ locations }) => locations)), new Set([1]));
    }
    assert.equal((await found({ brand: idOf(all[0] ?? "") }))[0]?.name, "Heron Health System", "the brand leads");
    const clinics = await found({ brand: idOf("Heron Health System"), q: "clinic" });
    assert.deepEqual(clinics.map(({ name }) => name).sort(), ["Heron Clinic North", "Heron Clinic South"]);
    const far = await found({ brand: idOf("Heron Health System"), q: "neosho" });
    assert.deepEqual(
      far.map(({ name }) => name),
      ["Heron Clinic South"],
    );
    assert.deepEqual(await found({ brand: "fhirsrc_00000000000000000000000000" }), []);
    assert.deepEqual(await found({ brand: "nonsense", q: "heron" }), []);
  });

  test("a brand that another list calls a part of a larger one stands under that", async () => {
    const { found } = await ask([
      system,
      heron("Heron West", "Joplin"),
      heron("Heron West Imaging", "Joplin", { brand: "Heron West" }),
      heron("Circle A", "Joplin", { brand: "Circle B" }),
      heron("Circle B", "Joplin", { brand: "Circle A" }),
    ]);
    assert.deepEqual(
      (await found({ q: "heron" })).map(({ name, locations }) => [name, locations]),
      [["Heron Health System", 3]],
    );
    assert.equal((await found({ q: "circle" })).length > 0, true);
  });

  test("what has a login of its own stays apart: another endpoint, another portal, no brand", async () => {
    const shared = { fhirBaseUrl: "https://fhir.shared.example.org/r4" };
    const { found } = await ask([
      heron("Heron East", "Joplin"),
      heron("Heron East Childrens", "Joplin", { fhirBaseUrl: "https://fhir.heron-kids.example.org/r4" }),
      heron("Heron East Women", "Joplin", { portalUrl: "https://women.heron.example.org/" }),
      facility("Heron East Dental", shared),
      facility("Heron East Vision", shared),
    ]);
    const rows = await found({ q: "heron east" });
    assert.deepEqual([rows.length, new Set(rows.map(({ locations }) => locations))], [5, new Set([1])]);
  });

  test("one name in several places behind one login is one row", async () => {
    const shared = { fhirBaseUrl: "https://fhir.chain.example.org/r4" };
    const { found } = await ask(
      ["Reno", "Elko", "Ely"].map((city) => facility("Quick Care Chain", { ...shared, city })),
    );
    const [row, ...more] = await found({ q: "quick care" });
    assert.deepEqual([row?.locations, row?.brand, more.length], [3, "Quick Care Chain", 0]);
    assert.equal((await found({ q: "quick care elko" }))[0]?.city, "Elko");
  });

  test("pages go by rows as they are shown, each login once", async () => {
    const brands = Array.from({ length: 23 }, (_, n) => ({
      brand: `Lark ${n}`,
      fhirBaseUrl: `https://fhir.lark-${n}.example.org/r4`,
    }));
    const { answer } = await ask(
      brands.flatMap((brand) => ["Lark North", "Lark South", "Lark East"].map((name) => facility(name, brand))),
    );
    const seen: FhirSource[] = [];
    for (let starting_after: string | undefined, more = true; more; ) {
      const list = await answer({ q: "lark", limit: 7, starting_after });
      seen.push(...list.data);
      more = list.has_more;
      starting_after = list.next_cursor ?? undefined;
    }
    assert.equal(seen.length, 23);
    assert.equal(new Set(seen.map(({ brand }) => brand)).size, 23);
    assert.deepEqual(new Set(seen.map(({ locations }) => locations)), new Set([3]));
  });

  test("what was typed is marked in the name, where it stands in it", async () => {
    const { found } = await ask([facility("Clínica O’Leary – St. Niño's Medical Ctr.", { vendor: "Epic" })]);
    const marked = async (q: string): Promise<string[]> => {
      const [row] = await found({ q });
      return row?.matches.map(([start, end]) => row.name.slice(start, end)) ?? [];
    };
    assert.deepEqual(await marked("clinica oleary"), ["Clínica", "O’Leary"]);
    assert.deepEqual(await marked("oleary clin"), ["Clín", "O’Leary"]);
    assert.deepEqual(await marked("saint nino"), ["St", "Niño"]);
    assert.deepEqual(await marked("medical center"), ["Medical", "Ctr"]);
    assert.deepEqual(await marked("medcial"), ["Medical"]);
    assert.deepEqual(await marked("ni"), ["Ni"]);
    assert.deepEqual(await marked("springfield"), []);
  });

  test("of several logins under one name and place each says which it is", async () => {
    const at = (host: string, more: object) =>
      facility("Osprey Medical Center", { fhirBaseUrl: `https://${host}.example.org/r4`, ...more });
    const told = async (...facilities: object[]): Promise<(string | null)[]> => {
      const { found } = await ask(facilities);
      return (await found({ q: "osprey" })).map(({ distinction }) => distinction).sort();
    };
    assert.deepEqual(await told(at("a", { vendor: "Epic" })), [null], "alone");
    assert.deepEqual(await told(at("a", { portalName: "OspreyChart" }), at("b", { portalName: "My Osprey" })), [
      "My Osprey",
      "OspreyChart",
    ]);
    assert.deepEqual(await told(at("a", { vendor: "Epic" }), at("b", { vendor: "Cerner" })), ["Cerner", "Epic"]);
    assert.deepEqual(await told(at("a", { vendor: "Epic" }), at("b", { vendor: "Epic" })), [
      "a.example.org",
      "b.example.org",
    ]);
    const own = ["a.quail.example", "b.wren.example"].map((host) =>
      facility("Osprey Medical Center", { fhirBaseUrl: `https://${host}/r4`, vendor: "Epic" }),
    );
    assert.deepEqual(await told(...own), ["quail.example", "wren.example"]);
    const hosted = ["1", "2"].map((tenant) =>
      facility("Osprey", { fhirBaseUrl: `https://c.example.org/${tenant}`, vendor: "Epic" }),
    );
    assert.deepEqual(await told(...hosted), ["Epic (1/2)", "Epic (2/2)"]);
    const tenants = ["1", "2"].map((tenant) => facility("Osprey", { fhirBaseUrl: `https://c.example.org/${tenant}` }));
    assert.deepEqual(await told(...tenants), ["c.example.org (1/2)", "c.example.org (2/2)"]);
    assert.deepEqual(await told(at("a", { city: "Reno" }), at("b", { city: "Elko" })), [null, null], "by their places");
  });

  test("recommended sources come first among those that match as well, not before those that match better", async () => {
    const { found } = await ask(
      [facility("Merlin Clinic"), facility("Merlin Hospital of the Valley"), facility("Merlins Bakery Clinic")],
      ["Merlin Hospital of the Valley", "Merlins Bakery Clinic"],
    );
    assert.deepEqual(
      (await found({ q: "merlin" })).map(({ name }) => name),
      ["Merlin Hospital of the Valley", "Merlin Clinic", "Merlins Bakery Clinic"],
    );
  });

  test("what cannot be reached comes last, however well it matches", async () => {
    const { database, found } = await ask([facility("Plover Clinic"), facility("Plover Clinic of the Far Coast")]);
    const { fhir_base_url } = await database.db
      .selectFrom("sources")
      .select("fhir_base_url")
      .where("name", "=", "Plover Clinic")
      .executeTakeFirstOrThrow();
    const mark = {
      state: "unreachable",
      reason: "timeout",
      since: 1,
      failures: 3,
      failing_since: 1,
      checked_at: 1,
    } as const;
    await keepMark(database.db, { fhir_base_url: fhir_base_url ?? "", ...mark });
    assert.deepEqual(
      (await found({ q: "plover clinic" })).map(({ name }) => name),
      ["Plover Clinic of the Far Coast", "Plover Clinic"],
    );
  });
});
