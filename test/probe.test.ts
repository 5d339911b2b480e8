/** `mb-connect probe`: what it makes of servers in every state, and what patients then see. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type MbConnect, mbConnect } from "@mb-connect/server";
import { importCatalog } from "#server/catalog/importer.js";
import { findEndpoints } from "#server/cli/probing.js";
import type { Database } from "#server/store/database.js";
import { readLiveness } from "#server/store/liveness.js";
import { until } from "./support/clinic.ts";
import { forEachDatabase, testDatabases } from "./support/databases.ts";
import {
  DAY_MS,
  endpointServers,
  nameOf,
  ODD_ANSWERS,
  optionsFor,
  prober,
  SMART,
  sound,
  varied,
} from "./support/probing.ts";
import { NEEDS_REAL_DATA, realData } from "./support/real-data.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

forEachDatabase((databases) => {
  const { start } = endpointServers();
  const write = listFolder();

  const importAll = (database: Database, facilities: object[]) =>
    importCatalog(
      database,
      { files: [write("list.jsonl", jsonLines(facilities))], list: "all", force: true },
      Date.now,
    );

  test("D7: every endpoint is asked as a sign-in would, and told alive, or why it is not", async () => {
    const { origin } = await start(varied());
    const { run, mark } = prober(await databases.open());
    const expected: Record<string, string | null> = {
      new: null,
      old: null,
      half: null,
      missing: "no_endpoints",
      page: "no_endpoints",
      silent: "timeout",
      broken: "http_503",
      closed: "http_403",
      gone: "http_410",
      inward: "blocked_endpoint",
      dropped: "unreachable",
    };
    const nowhere = "https://nowhere.example.org/fhir";
    const summary = await run([...Object.keys(expected).map((name) => `${origin}/${name}`), nowhere], {
      timeoutSeconds: 2,
    });
    for (const [name, reason] of Object.entries(expected)) {
      const mark_ = reason === null ? ["live", null, 0] : ["unknown", reason, 1];
      assert.deepEqual(await mark(`${origin}/${name}`), mark_, name);
    }
    assert.deepEqual(await mark(nowhere), ["unknown", "unknown_host", 1]);
    assert.deepEqual([summary.answered, summary.failed, summary.states.live], [3, 9, 3]);
    assert.equal(summary.faults.no_endpoints, 2);
    assert.deepEqual(summary.became, { live: 3 });
  });

  test("D7: one failed check marks nothing; three over a day do, and the first answer takes it back", async () => {
    const answers = { ...ODD_ANSWERS };
    const { origin } = await start(varied(answers));
    const { run, mark, pass } = prober(await databases.open());
    const [fine, broken] = [`${origin}/fine`, `${origin}/broken`];
    await run([fine, broken]);
    await run([fine, broken]);
    await run([fine, broken]);
    assert.deepEqual(await mark(broken), ["unknown", "http_503", 3], "three checks within the hour");
    pass(DAY_MS);
    assert.deepEqual((await run([fine, broken])).became, { unreachable: 1 });
    assert.deepEqual(await mark(broken), ["unreachable", "http_503", 4]);

    answers.broken = sound;
    const { became } = await run([broken]);
    assert.deepEqual([became, await mark(broken)], [{ live: 1 }, ["live", null, 0]]);
    answers.broken = ODD_ANSWERS.page as RequestListener;
    await run([broken]);
    pass(2 * DAY_MS);
    await run([fine, broken]);
    assert.deepEqual(await mark(broken), ["live", "no_endpoints", 2], "two checks, days apart");
  });

  test("D7: a server that says 410 for a day is retired, and a name that is gone from the DNS after thirty", async () => {
    const answers = { ...ODD_ANSWERS };
    const { origin } = await start(varied(answers));
    const { run, mark, pass } = prober(await databases.open());
    const [gone, nowhere] = [`${origin}/gone`, "https://nowhere.example.org/fhir"];
    const late = `${origin}/late`;
    answers.late = ODD_ANSWERS.broken as RequestListener;
    const all = [`${origin}/fine`, gone, nowhere, late];
    for (const days of [0, 1, 1]) {
      pass(days * DAY_MS);
      await run(all);
      if (days > 0) answers.late = ODD_ANSWERS.gone as RequestListener;
    }
    assert.deepEqual(await mark(late), ["unreachable", "http_410", 3], "it has failed for long, and said 410 but once");
    assert.deepEqual(await mark(gone), ["retired", "http_410", 3]);
    assert.deepEqual(await mark(nowhere), ["unreachable", "unknown_host", 3]);
    pass(28 * DAY_MS);
    await run(all);
    assert.deepEqual(await mark(nowhere), ["retired", "unknown_host", 4]);

    answers.gone = ODD_ANSWERS.broken as RequestListener;
    await run(all);
    assert.deepEqual(await mark(gone), ["retired", "http_503", 5], "it must answer to be taken back");
    answers.gone = sound;
    await run(all);
    assert.deepEqual(await mark(gone), ["live", null, 0]);
  });

  test("a run in which no server is reached keeps nothing: it says more of this machine than of theirs", async () => {
    const { origin } = await start(varied());
    const { run, mark, pass } = prober(await databases.open());
    const nowhere = ["a", "b"].map((name) => `https://${name}.example.org/fhir`);
    const cut = await run(nowhere);
    assert.deepEqual([cut.nothing_answered, cut.failed, await mark(nowhere[0] ?? "")], [true, 2, undefined]);
    // With one that answers among them, in whatever order.
    const heard = await run([...nowhere, `${origin}/fine`]);
    assert.deepEqual([heard.nothing_answered, await mark(nowhere[0] ?? "")], [false, ["unknown", "unknown_host", 1]]);
    // Gone on with soon after: this machine was let out then.
    assert.equal((await run(nowhere)).nothing_answered, false);
    pass(3 * DAY_MS);
    assert.equal((await run(nowhere)).nothing_answered, true);
    assert.deepEqual(await mark(nowhere[0] ?? ""), ["unknown", "unknown_host", 2]);
  });

  test("D7: what is retired is never offered, and what is unreachable is hidden only where the host says so", async () => {
    const answers = { ...ODD_ANSWERS };
    const { origin } = await start(varied(answers));
    const location = await databases.location();
    const database = await databases.open(location);
    const names = ["fine", "broken", "gone"];
    await importAll(
      database,
      names.map((name) => facility(`Larkspur ${name}`, { vendor: "Epic", fhirBaseUrl: `${origin}/${name}/` })),
    );
    const { run, pass } = prober(database);
    const hosts: MbConnect[] = [];
    const open = (unreachableSources: "last" | "hide"): MbConnect => {
      const mb = mbConnect({ ...optionsFor(location, { unreachableSources }), patient: () => null });
      hosts.push(mb);
      return mb;
    };
    const list = async (mb: MbConnect) => (await mb.connections.list({ q: "larkspur" })).data;
    const offeredBy = async (mb: MbConnect) => (await list(mb)).map(({ name }) => name.split(" ")[1]).sort();
    try {
      const [last, hide] = [open("last"), open("hide")];
      const ids = new Map((await list(last)).map(({ name, id }) => [name, id]));
      assert.deepEqual([await offeredBy(last), await offeredBy(hide)], [names.toSorted(), names.toSorted()]);
      const endpoints = await findEndpoints(database, () => true);
      for (const days of [0, 1, 1]) {
        pass(days * DAY_MS);
        await run(endpoints);
      }
      const connect = (mb: MbConnect, name: string) =>
        mb.patientSession.init({
          patient_id: "user_1",
          connection_id: ids.get(`Larkspur ${name}`) ?? "",
          return_url: "http://localhost/connected",
        });
      const notFound = { code: "resource_not_found" };
      await assert.rejects(connect(last, "gone"), notFound);
      await assert.rejects(connect(hide, "gone"), notFound);
      await assert.rejects(connect(hide, "broken"), notFound);
      assert.equal((await connect(last, "broken")).status, "open");
      assert.equal((await connect(hide, "fine")).status, "open");
      // The index of a running host follows within a second or two.
      await until(
        async () => [await offeredBy(last), await offeredBy(hide)],
        (offered) => isDeepStrictEqual(offered, [["broken", "fine"], ["fine"]]),
      );

      const later = open("hide");
      assert.deepEqual(await offeredBy(later), ["fine"]);
      // It follows while a probe runs too, and when it has ended.
      const held: (() => void)[] = [];
      answers.broken = sound;
      answers.gone = (...exchange) => void held.push(() => sound(...exchange));
      const again = await findEndpoints(database, ({ liveness }) => liveness !== "retired");
      const running = run(again);
      await until(
        () => offeredBy(later),
        (offered) => offered.length === 2,
      );
      for (const answer of held) answer();
      await running;
      await until(
        () => offeredBy(later),
        (offered) => offered.length === 3,
      );
      assert.equal((await connect(later, "gone")).status, "open");
    } finally {
      await Promise.all(hosts.map((mb) => mb.close()));
    }
  });

  test("how often patients got through counts by server, without what they or the host did", async () => {
    const database = await databases.open();
    const { db } = database;
    const base = "https://both.example.org/fhir";
    await importAll(database, [
      facility("North", { fhirBaseUrl: base }),
      facility("South", { fhirBaseUrl: `${base}/` }),
      facility("Rare"),
    ]);
    const ids = new Map(
      (await db.selectFrom("sources").select(["id", "name"]).execute()).map((one) => [one.name, one.id]),
    );
    const now = Date.now();
    const at = { created_at: now, updated_at: now, expires_at: now };
    await db
      .insertInto("patients")
      .values({ id: "user_1", last_record_seq: 0, created_at: now, updated_at: now })
      .execute();
    const { updated_at: _, ...session } = at;
    await db
      .insertInto("patient_sessions")
      .values({
        ...session,
        id: "ps_1",
        patient_id: "user_1",
        recommended_source_ids: "[]",
        return_url: "",
        status: "open",
      })
      .execute();
    let made = 0;
    const attempt = async (name: string, failure_code: string | null, days = 0) => {
      const id = `att_${++made}`;
      const row = {
        id,
        session_id: "ps_1",
        source_id: ids.get(name) ?? "",
        state_hash: id,
        snapshot: "{}",
        failure_code,
      };
      const status = failure_code === null ? "connected" : "failed";
      await db
        .insertInto("attempts")
        .values({ ...row, status, created_at: now - days * DAY_MS, expires_at: now })
        .execute();
    };
    for (const name of ["North", "North", "South"]) await attempt(name, null, 29);
    for (const code of ["oauth_error", "token_exchange_failed"]) await attempt("South", code);
    for (const code of ["user_denied", "session_expired", "patient_mismatch", "internal_error"])
      await attempt("North", code);
    await attempt("North", "oauth_error", 31);
    await attempt("Rare", "oauth_error");
    const known = await readLiveness(db, now);
    assert.deepEqual([...known], [[base, { state: "unknown", success_rate: 0.6 }]]);
  });
});

describe("documents of real servers", NEEDS_REAL_DATA, () => {
  const { start } = endpointServers();
  const databases = testDatabases("sqlite");

  test("count as alive where they name endpoints to sign in at", async () => {
    const files = ["lantern", "the-map"].flatMap((folder) =>
      readdirSync(realData("discovery", folder)).map((file) =>
        readFileSync(realData("discovery", folder, file), "utf8"),
      ),
    );
    const { origin } = await start((request, response) => {
      const text = files[Number(nameOf(request.url))] ?? "";
      const path = text.includes('"resourceType"') ? "/metadata" : SMART;
      response.writeHead(request.url?.endsWith(path) ? 200 : 404).end(text);
    });
    const { run } = prober(await databases.open());
    const { answered, faults } = await run(files.map((_, index) => `${origin}/${index}`));
    // Three hold no endpoints, and two are Oracle's, which names none there any more.
    assert.deepEqual([answered, faults], [files.length - 5, { no_endpoints: 5 }]);
  });
});
