/** The calls about destinations, and what sets an export off, on both databases. */
import assert from "node:assert/strict";
import { readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mbConnect } from "@mb-connect/server";
import { isAbout, readAudit } from "#server/audit.js";
import { destination, destinationTest, exportRun } from "#shared/destination.js";
import { until } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import {
  addDestination,
  type ExportDesk,
  type Link,
  lineNames,
  newFolder,
  openExportDesk,
  readFolder,
  record,
  recordNames,
  records,
} from "./support/export-desk.ts";
import { startQuickFhirTarget } from "./support/quick-fhir-target.ts";

forEachDatabase((databases) => {
  describe("calls", () => {
    test("create, list, retrieve, update, test, delete, in the wire's shape", async (t) => {
      const { mb } = await openExportDesk(t, databases);
      const folder = join(await newFolder(t), "made", "anew");
      const created = await mb.destinations.create({ kind: "ndjson", folder });
      assert.deepEqual(destination.parse(created), created);
      assert.deepEqual([created.status, created.kind === "ndjson" && created.folder], ["active", folder]);
      assert.deepEqual(await readdir(folder), [], "the trial leaves nothing behind");
      const other = await mb.destinations.create({ kind: "ndjson", folder: await newFolder(t) });
      const ids: string[] = [];
      for await (const { id } of mb.destinations.list({ limit: 1 }).autoPagingIterator()) ids.push(id);
      assert.deepEqual(ids, [other.id, created.id], "newest first");
      assert.deepEqual(await mb.destinations.retrieve(created.id), created);
      assert.equal((await mb.destinations.update(created.id, { status: "inactive" })).status, "inactive");
      const tried = await mb.destinations.test(created.id);
      assert.deepEqual(destinationTest.parse(tried), tried);
      assert.deepEqual([tried.ok, tried.error], [true, null]);
      assert.deepEqual(await mb.destinations.delete(created.id), {
        id: created.id,
        resource_type: "destination",
        deleted: true,
      });
      for (const call of [
        () => mb.destinations.retrieve(created.id),
        () => mb.destinations.update(created.id, {}),
        () => mb.destinations.delete(created.id),
        () => mb.destinations.test(created.id),
        () => mb.destinations.export(created.id),
        () => mb.destinations.runs(created.id).then((list) => list),
      ]) {
        await assert.rejects(call(), { code: "resource_not_found" });
      }
    });

    test("what is wrong is refused by name, and nothing is kept", async (t) => {
      const { mb } = await openExportDesk(t, databases);
      const folder = await newFolder(t);
      const file = join(folder, "file");
      await writeFile(file, "");
      const s3 = {
        kind: "s3",
        bucket: "records",
        region: "us-east-1",
        credentials: { access_key_id: "a", secret_access_key: "b" },
      };
      const refused: [input: unknown, param: string | null][] = [
        [{}, "kind"],
        [{ kind: "tape" }, "kind"],
        [{ kind: "ndjson" }, "folder"],
        [{ kind: "ndjson", folder: "relative/path" }, "folder"],
        [{ kind: "ndjson", folder: file }, "folder"],
        [{ kind: "ndjson", folder: join(file, "below") }, "folder"],
        [{ kind: "ndjson", folder, colour: "blue" }, "colour"],
        [{ kind: "fhir", url: "not a url" }, "url"],
        [{ kind: "fhir", url: "https://user:pass@fhir.example.org/" }, "url"],
        [{ kind: "fhir", url: "https://fhir.example.org/?a=b" }, "url"],
        [{ kind: "fhir", url: "http://fhir.example.org/" }, "url"],
        [{ kind: "fhir", url: "https://169.254.169.254/latest" }, "url"],
        [{ kind: "fhir", url: "https://fhir.example.org/", auth: { username: "a" } }, "auth"],
        [{ ...s3, bucket: "../other" }, "bucket"],
        [{ ...s3, prefix: "a/../b/" }, "prefix"],
        [{ ...s3, prefix: "no-slash" }, "prefix"],
        [{ ...s3, credentials: {} }, "credentials.access_key_id"],
      ];
      for (const [input, param] of refused) {
        await assert.rejects(mb.destinations.create(input as never), {
          name: "ConnectError",
          code: "bad_request",
          param,
        });
      }
      // It would be shown as it is.
      for (const endpoint of ["https://user:canary@s3.example.org", "https://s3.example.org/?token=canary"]) {
        const message = /^endpoint: takes no/;
        await assert.rejects(mb.destinations.create({ ...s3, endpoint } as never), { param: "endpoint", message });
      }
      assert.deepEqual((await mb.destinations.list()).data, []);
      const { id } = await mb.destinations.create({ kind: "ndjson", folder });
      await assert.rejects(mb.destinations.update(id, { auth: { bearer_token: "x" } }), { param: "auth" });
      await assert.rejects(mb.destinations.update(id, { credentials: s3.credentials }), { param: "credentials" });
      await assert.rejects(mb.destinations.update(id, { folder } as never), { code: "bad_request", param: "folder" });
      await assert.rejects(mb.destinations.export(id, { connection: "conn_nothing" }), { code: "resource_not_found" });
      await mb.destinations.update(id, { status: "inactive" });
      await assert.rejects(mb.destinations.export(id), { code: "bad_request" });
    });

    test("secrets that are being tried undo nothing that was said meanwhile", async (t) => {
      const desk = await openExportDesk(t, databases);
      const { mb } = desk;
      const fhir = await startQuickFhirTarget(t);
      const id = await addDestination(desk, { kind: "fhir", url: fhir.url });
      fhir.before = () => mb.destinations.update(id, { status: "inactive" }).then(() => {});
      const after = await mb.destinations.update(id, { auth: { bearer_token: "new" } });
      assert.deepEqual(await mb.destinations.retrieve(id), after);
      assert.deepEqual([after.status, after.kind === "fhir" && after.auth], ["inactive", "bearer"]);
      fhir.before = () =>
        mb.destinations.delete(id).then(
          () => {},
          () => {},
        );
      await assert.rejects(mb.destinations.update(id, { auth: null }), { code: "resource_not_found" });
    });
  });

  describe("what sets an export off", () => {
    test("a destination that is new gets what there is, and what each pull brings; one made active again catches up", async (t) => {
      const desk = await openExportDesk(t, databases);
      const { mb } = desk;
      const folder = await newFolder(t);
      const links = [await desk.connect("alma"), await desk.connect("bela"), await desk.connect("cato")];
      const [alma, bela] = links as [Link, Link, Link];
      for (const link of [alma, bela]) await desk.store(link, records(9));
      await mb.worker.start();
      const id = await addDestination(desk, { kind: "ndjson", folder });
      await runsReach(desk, id, 2, "backfill");
      await desk.store(alma, records(9, 2).slice(0, 2));
      await desk.settle(alma);
      await runsReach(desk, id, 1, "delta");
      await mb.destinations.update(id, { status: "inactive" });
      await desk.store(bela, [record("Condition", "c1")]);
      await desk.settle(bela);
      await mb.destinations.update(id, { status: "active" });
      await runsReach(desk, id, 1, "catch_up");
      await mb.destinations.export(id, { connection: alma.id, again: true });
      await runsReach(desk, id, 1, "manual");
      const runs = await desk.runs(id);
      for (const run of runs) assert.deepEqual(exportRun.parse(run), run);
      assert.deepEqual(runs.map(({ trigger, records }) => [trigger, records]).slice(2), [
        ["delta", 2],
        ["catch_up", 1],
        ["manual", 9],
      ]);
      const names = lineNames((await readFolder(folder, bela)).files);
      assert.deepEqual(names.sort(), recordNames([...records(9), record("Condition", "c1")]).sort());
      assert.equal((await readFolder(folder, links[2] as Link)).files.size, 0, "who has no records has no run");
    });

    test("the audit says whose records a destination was given, and who added or ended one, and names nobody", async (t) => {
      const desk = await openExportDesk(t, databases);
      const folder = await newFolder(t);
      const id = await addDestination(desk, { kind: "ndjson", folder });
      const link = await desk.connect("alma");
      await desk.store(link, records(9));
      await desk.run(id, link);
      await desk.mb.destinations.update(id, { status: "inactive" });
      await desk.store(link, [record("Condition", "c1")]);
      await desk.run(id, link);
      assert.equal((await desk.runs(id)).length, 1, "inactive, it gets nothing");
      await desk.mb.destinations.delete(id);
      const rows = (await readAudit(desk.context.db, null, 100)).filter(({ action }) =>
        /destination|export/.test(action),
      );
      assert.deepEqual(
        rows.map(({ action, actor, subject }) => [action, actor, subject]),
        [
          ["destination_created", "host", id],
          ["records_exported", "server", link.id],
          ["destination_updated", "host", id],
          ["destination_deleted", "host", id],
        ],
      );
      const exported = rows[1];
      assert.deepEqual([exported?.detail?.destination, exported?.detail?.records], [id, 9]);
      assert.ok(exported && isAbout(desk.context.vault, exported, "alma"));
      assert.doesNotMatch(JSON.stringify(rows), /alma/);
    });

    test("made inactive in the midst of a run it gets no further batch, the run says so and goes on when it is active", async (t) => {
      const desk = await openExportDesk(t, databases);
      const { mb } = desk;
      const fhir = await startQuickFhirTarget(t);
      const id = await addDestination(desk, { kind: "fhir", url: fhir.url });
      const link = await desk.connect("alma");
      await desk.store(link, records(250));
      fhir.transactions.length = 0;
      fhir.before = () => mb.destinations.update(id, { status: "inactive" }).then(() => {});
      await desk.run(id, link);
      const state = async () => (await desk.runs(id)).map((run) => [run.status, run.error, run.records]);
      assert.deepEqual([fhir.transactions.length, await state()], [1, [["failed", "inactive", 100]]]);
      fhir.before = () => undefined;
      await desk.run(id, link);
      assert.deepEqual(await state(), [["failed", "inactive", 100]]);
      await mb.destinations.update(id, { status: "active" });
      await desk.run(id, link);
      assert.deepEqual(await state(), [["ok", null, 250]]);
    });

    test("a run whose worker went away ends when its destination is made inactive", async (t) => {
      const desk = await openExportDesk(t, databases);
      const id = await addDestination(desk, { kind: "ndjson", folder: await newFolder(t) });
      const link = await desk.connect("alma");
      await desk.store(link, records(9));
      await assert.rejects(desk.run(id, link, { signal: AbortSignal.abort() }), { name: "AbortError" });
      await desk.mb.destinations.update(id, { status: "inactive" });
      const [run] = await desk.runs(id);
      assert.deepEqual([run?.status, run?.error, run?.ended_at === null], ["failed", "inactive", false]);
    });

    test("asked for by hand, a run is there even when nothing was new", async (t) => {
      const desk = await openExportDesk(t, databases);
      const id = await addDestination(desk, { kind: "ndjson", folder: await newFolder(t) });
      const link = await desk.connect("alma");
      await desk.store(link, records(2));
      for (const trigger of ["manual", "delta", "manual"] as const) await desk.run(id, link, { trigger });
      assert.deepEqual(
        (await desk.runs(id)).map((run) => [run.trigger, run.status, run.records]),
        [
          ["manual", "ok", 2],
          ["manual", "ok", 0],
        ],
      );
    });

    test("a destination that fails is tried again until it works, and says meanwhile what is wrong", async (t) => {
      const desk = await openExportDesk(t, databases);
      const folder = await newFolder(t);
      const id = await addDestination(desk, { kind: "ndjson", folder });
      const link = await desk.connect("alma");
      await desk.store(link, records(9));
      await rename(folder, `${folder}-away`);
      await desk.mb.worker.start();
      await until(
        () => desk.runs(id),
        ([run]) => run?.error === "folder_missing",
      );
      await rename(`${folder}-away`, folder);
      await runsReach(desk, id, 1);
      assert.deepEqual(
        (await desk.runs(id)).map(({ error, records }) => [error, records]),
        [[null, 9]],
      );
    });
  });

  test("what the last attempt of a job leaves is tried again later, whether or not a pull comes", async (t) => {
    if (databases.name === "postgres") return t.skip("its queue has a clock of its own");
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    // Its backfill, which would see to it as well.
    await desk.context.db.deleteFrom("jobs").execute();
    const link = await desk.connect("alma");
    await desk.store(link, records(9));
    await rename(folder, `${folder}-away`);
    await assert.rejects(desk.run(id, link, { last: true }), { code: "folder_missing" });
    await rename(`${folder}-away`, folder);
    const later = mbConnect(desk.options, { clock: () => Date.now() + 7_200_000, jobs: { pollSeconds: 0.05 } });
    t.after(() => later.close());
    await later.worker.start();
    await runsReach(desk, id, 1);
    assert.equal(lineNames((await readFolder(folder, link)).files).length, 9);
  });

  describe("what ends with whom", () => {
    test("a patient's deletion takes watermarks and runs, and leaves the host's files alone", async (t) => {
      const desk = await openExportDesk(t, databases);
      const folder = await newFolder(t);
      const id = await addDestination(desk, { kind: "ndjson", folder });
      const [alma, bela] = [await desk.connect("alma"), await desk.connect("bela")];
      for (const link of [alma, bela]) {
        await desk.store(link, records(3));
        await desk.run(id, link);
      }
      await desk.mb.patients.delete("alma");
      const { db } = desk.context;
      const left = await db.selectFrom("watermarks").select("connection_id").execute();
      assert.deepEqual(
        [left, (await desk.runs(id)).map(({ connection }) => connection)],
        [[{ connection_id: bela.id }], [bela.id]],
      );
      assert.equal(lineNames((await readFolder(folder, alma)).files).length, 3);
      await desk.run(id, alma);
      await desk.mb.destinations.delete(id);
      assert.deepEqual(await db.selectFrom("watermarks").selectAll().execute(), []);
      await desk.run(id, bela);
    });

    test("a worker that stops says nothing of the destination: the run goes on where it was", async (t) => {
      const desk = await openExportDesk(t, databases);
      const folder = await newFolder(t);
      const id = await addDestination(desk, { kind: "ndjson", folder });
      const link = await desk.connect("alma");
      await desk.store(link, records(9));
      await assert.rejects(desk.run(id, link, { signal: AbortSignal.abort() }), { name: "AbortError" });
      assert.deepEqual(
        (await desk.runs(id)).map(({ status, error }) => [status, error]),
        [["running", null]],
      );
      await desk.run(id, link);
      assert.deepEqual(
        (await desk.runs(id)).map(({ status, records }) => [status, records]),
        [["ok", 9]],
      );
    });
  });
});

/** Waits until so many runs with a trigger have ended well. */
async function runsReach(desk: ExportDesk, id: string, count: number, trigger?: string): Promise<void> {
  await until(
    async () => (await desk.runs(id)).filter((run) => run.status === "ok" && run.trigger === (trigger ?? run.trigger)),
    (runs) => runs.length >= count,
  );
}
