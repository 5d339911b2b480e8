/** Records handed on to a folder of NDJSON: whole files, each record once, whatever happens in between. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { forEachDatabase } from "./support/databases.ts";
import {
  addDestination,
  lineNames,
  newFolder,
  openExportDesk,
  readFolder,
  record,
  recordNames,
  records,
} from "./support/export-desk.ts";

const run = promisify(execFile);

forEachDatabase((databases) => {
  test("a settled pull's records come as one file a type, each record once, as they were received", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    const pretty =
      '{\n  "resourceType": "Observation",\r\n  "id": "o1",\n  "note": "two\\nlines",\n "valueQuantity": { "value": 1.10 },\n "meta": {"versionId": "1"}\n}';
    const all = [
      record("Patient", "p1", { identifier: [{ system: "urn:example:mrn", value: "7" }], multipleBirthInteger: 2 }),
      { ...record("Observation", "o1"), body: pretty },
      record("Practitioner", "d1"),
      { ...record("Observation", "o2"), role: "foreign" as const },
    ];
    await desk.store(link, all);
    await desk.run(id, link);
    const { files, others } = await readFolder(folder, link);
    assert.deepEqual(others, []);
    const types = [...files.keys()].map((name) => /^run_[0-9A-Z]{26}\.0000-(\w+)\.ndjson$/.exec(name)?.[1]);
    assert.deepEqual(types, ["Observation", "Patient", "Practitioner"]);
    const lines = [...files.values()].flat();
    assert.equal(lines.length, 3);
    const observation = lines.find((line) => line.includes("o1")) ?? "";
    assert.ok(observation.includes('"value": 1.10 '), observation);
    assert.ok(observation.includes('"two\\nlines"'));
    const patient = JSON.parse(lines.find((line) => line.includes("p1")) ?? "");
    assert.deepEqual(patient.identifier, [
      { system: "urn:medblocks:patient-id", value: "alma" },
      { system: "urn:example:mrn", value: "7" },
    ]);
    const [run] = await desk.runs(id);
    assert.deepEqual(
      [run?.trigger, run?.status, run?.records, run?.refused, run?.error, run?.connection],
      ["delta", "ok", 3, 0, null, link.id],
    );
    assert.ok((run?.bytes ?? 0) > 0 && run?.ended_at !== null);
  });

  test("only what changed comes with the next pull, and nothing new makes no file and no run", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(9));
    await desk.run(id, link);
    await desk.store(link, records(9));
    await desk.run(id, link);
    assert.equal((await desk.runs(id)).length, 1);
    const before = (await readFolder(folder, link)).files.size;
    await desk.store(link, records(9, 2).slice(2, 5));
    await desk.run(id, link);
    const { files } = await readFolder(folder, link);
    const added = new Map([...files].slice(before));
    assert.deepEqual(lineNames(added).sort(), recordNames(records(9, 2).slice(2, 5)).sort());
    assert.deepEqual(
      (await desk.runs(id)).map((run) => run.records),
      [9, 3],
    );
  });

  test("sealed records come open, to a folder that the operator chose", async (t) => {
    const desk = await openExportDesk(t, databases, { sealRecords: true });
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(9));
    await desk.run(id, link);
    assert.deepEqual(lineNames((await readFolder(folder, link)).files).sort(), recordNames(records(9)).sort());
  });

  test("what many batches and many jobs hand over is all of it, once", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    const all = records(12_000);
    for (let from = 0; from < all.length; from += 1000) await desk.store(link, all.slice(from, from + 1000));
    // No time at all: each job hands over one batch, and leaves the rest to the next.
    const places = new Set<string>();
    for (let jobs = 0; jobs < 10; jobs++) {
      await desk.run(id, link, { workMs: 0 });
      const { seq, place } = await desk.context.db.selectFrom("watermarks").selectAll().executeTakeFirstOrThrow();
      places.add(`${seq} ${place}`);
    }
    const { files } = await readFolder(folder, link);
    assert.deepEqual(lineNames(files).sort(), recordNames(all).sort());
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.records]),
      [["ok", all.length]],
    );
    assert.equal(places.size, 4, "three batches of 5,000 at most, and the end");
    assert.equal(
      await desk.context.db
        .selectFrom("watermarks")
        .select("place")
        .executeTakeFirst()
        .then((row) => row?.place),
      null,
    );
  });

  test("what cannot be written fails the run, which goes on where it was once it can", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(40));
    // A file in the place of the connection's folder.
    await writeFile(join(folder, link.id), "");
    for (let tries = 0; tries < 2; tries++) {
      await assert.rejects(desk.run(id, link), { name: "DestinationError", code: "folder_missing" });
    }
    const [failed] = await desk.runs(id);
    assert.deepEqual([failed?.status, failed?.error, failed?.records], ["failed", "folder_missing", 0]);
    await rm(join(folder, link.id));
    await desk.run(id, link);
    assert.deepEqual(lineNames((await readFolder(folder, link)).files).sort(), recordNames(records(40)).sort());
    const runs = await desk.runs(id);
    assert.deepEqual(
      runs.map((run) => [run.id, run.status, run.error, run.records]),
      [[failed?.id, "ok", null, 40]],
    );
  });

  test("a full disk: nothing is lost or doubled once there is space", async (t) => {
    const folder = join(await newFolder(t), "disk");
    await mkdir(folder);
    const mounted = await run("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]).catch(() => null);
    if (!mounted) return t.skip("this user may not mount a small disk");
    try {
      const desk = await openExportDesk(t, databases);
      const id = await addDestination(desk, { kind: "ndjson", folder });
      const link = await desk.connect("alma");
      const all = records(3000);
      for (let from = 0; from < all.length; from += 1000) await desk.store(link, all.slice(from, from + 1000));
      await assert.rejects(desk.run(id, link), { code: "no_space" });
      assert.deepEqual(
        (await desk.runs(id)).map(({ status, error }) => [status, error]),
        [["failed", "no_space"]],
      );
      assert.deepEqual((await readFolder(folder, link)).others, []);
      await run("mount", ["-o", "remount,size=8m", folder]);
      await desk.run(id, link);
      assert.deepEqual(lineNames((await readFolder(folder, link)).files).sort(), recordNames(all).sort());
      assert.deepEqual(
        (await desk.runs(id)).map(({ status, records }) => [status, records]),
        [["ok", 3000]],
      );
    } finally {
      await run("umount", [folder]);
    }
  });

  test("a folder that is not there any more is not made anew under an unmounted disk", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(4));
    await rename(folder, `${folder}-away`);
    t.after(() => rm(`${folder}-away`, { recursive: true, force: true }));
    await assert.rejects(desk.run(id, link), { code: "folder_missing" });
    await assert.rejects(readdir(folder), { code: "ENOENT" });
    await rename(`${folder}-away`, folder);
    await desk.run(id, link);
    assert.equal(lineNames((await readFolder(folder, link)).files).length, 4);
  });

  test("what a crash left half written is no file, and goes when the batch comes again", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(9));
    // A batch begun, its first file written and its second half: what a power cut leaves.
    const watermark = { destination_id: id, connection_id: link.id, seq: 0 };
    const run_id = "run_00000000000000000000000001";
    const place = { run_id, until: 9, at: null, number: 0, end: { type: "Observation", seq: 9 } };
    await desk.context.db
      .insertInto("watermarks")
      .values({ ...watermark, place: JSON.stringify(place) })
      .execute();
    await mkdir(join(folder, link.id));
    await writeFile(join(folder, link.id, `${run_id}.0000-Patient.ndjson`), "{}\n");
    await writeFile(join(folder, link.id, `${run_id}.0000-Encounter.ndjson.8c0d.part`), '{"resourceType":"Enc');
    // Meanwhile one of its records changed: it is the next run's.
    const changed = records(9, 2).filter(({ fhir_id }) => fhir_id === "o1");
    await desk.store(link, changed);
    const all = [...records(9).filter(({ fhir_id }) => fhir_id !== "o1"), ...changed];
    await desk.run(id, link);
    const { files, others } = await readFolder(folder, link);
    assert.deepEqual(others, []);
    assert.deepEqual(lineNames(files).sort(), recordNames(all).sort());
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.id === run_id, run.records]),
      [
        [true, 8],
        [false, 1],
      ],
    );
  });
});
