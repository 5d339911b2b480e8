/** Exports in processes that are killed, starved and doubled: nothing is lost, and in files nothing is doubled. */
import assert from "node:assert/strict";
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
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
import type { ExportMessage } from "./support/export-process.ts";
import { type Log, newLog } from "./support/log.ts";

const SCRIPT = fileURLToPath(new URL("support/export-process.ts", import.meta.url));

forEachDatabase((databases) => {
  test("killed between the hand-over and the watermark, the same files come again and nothing twice", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(400));
    const { child, log } = start(t, { ...exporting(desk, id, link), transactions: 2 });
    await log.reach(1, ({ event }) => event === "stopped");
    child.kill("SIGKILL");
    await once(child, "exit");
    const before = await readFolder(folder, link);
    assert.equal(lineNames(before.files).length, 400, "all was there when it was killed");
    assert.equal((await desk.runs(id))[0]?.records, 0, "and nothing of it was written down");
    // One of them changes before the next try.
    const changed = record("Observation", "o1", {}, 2);
    await desk.store(link, [changed]);
    await desk.run(id, link);
    const { files } = await readFolder(folder, link);
    const wanted = [...recordNames(records(400)).filter((name) => name !== "Observation/o1 1"), "Observation/o1 2"];
    assert.deepEqual(lineNames(files).sort(), wanted.sort());
    assert.ok(
      [...before.files.keys()].every((name) => files.has(name)),
      "under the same names",
    );
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.records]),
      [
        ["ok", 399],
        ["ok", 1],
      ],
    );
  });

  test("a worker that slept while another one went on writes nothing down any more", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    await desk.store(link, records(40));
    const { child, log } = start(t, { ...exporting(desk, id, link), transactions: 2 });
    await log.reach(1, ({ event }) => event === "stopped");
    // The other one hands the same batch over, and has no time for more.
    await desk.run(id, link, { workMs: 0 });
    const state = () => desk.context.db.selectFrom("watermarks").select(["seq", "place"]).execute();
    const before = await state();
    child.send("go");
    await log.reach(1, ({ event }) => event === "done");
    assert.deepEqual(await state(), before);
    await desk.store(link, [record("Condition", "c1")]);
    await desk.run(id, link);
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.records]),
      [
        ["ok", 40],
        ["ok", 1],
      ],
    );
    const names = lineNames((await readFolder(folder, link)).files);
    assert.deepEqual(names.sort(), recordNames([...records(40), record("Condition", "c1")]).sort());
  });

  test("killed at any step in the folder, an export ends as one that was let be", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    const all = records(11_000);
    for (let from = 0; from < all.length; from += 1000) await desk.store(link, all.slice(from, from + 1000));
    await mkdir(join(folder, link.id));
    let kills = 0;
    for (let steps = 1; ; steps += 2) {
      const { child, log } = start(t, exporting(desk, id, link));
      await log.reach(1, ({ event }) => event === "ready");
      let seen = 0;
      const watcher = watch(join(folder, link.id), () => {
        seen += 1;
        if (seen === steps) child.kill("SIGKILL");
      });
      await Promise.race([once(child, "exit"), log.reach(1, ({ event }) => event === "done")]);
      watcher.close();
      for (const names of (await readFolder(folder, link)).files.values()) for (const line of names) JSON.parse(line);
      if (log.all.some(({ event }) => event === "done")) break;
      kills += 1;
      assert.ok(kills < 40, "it gets on");
    }
    const { files, others } = await readFolder(folder, link);
    assert.deepEqual(others, []);
    assert.deepEqual(lineNames(files).sort(), recordNames(all).sort());
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.records]),
      [["ok", all.length]],
    );
    assert.ok(kills > 0);
    t.diagnostic(`killed ${kills} times`);
  });

  test("a disk that is full in the middle of a file: the run says so, and with space all is there once", async (t) => {
    const desk = await openExportDesk(t, databases);
    const folder = await newFolder(t);
    const id = await addDestination(desk, { kind: "ndjson", folder });
    const link = await desk.connect("alma");
    const large = { note: [{ text: "x".repeat(6000) }] };
    const all = Array.from({ length: 500 }, (_, n) => record("Observation", `o${n}`, large));
    await desk.store(link, [record("Patient", "p1"), ...all]);
    // A file may grow to 1 MiB, which the database's log must not have passed already.
    desk.context.purge();
    const { log } = start(t, exporting(desk, id, link), "ulimit -f 1024; ");
    await log.reach(1, ({ event }) => event === "failed");
    assert.deepEqual(log.all.at(-1), { event: "failed", code: "no_space" });
    const { files, others } = await readFolder(folder, link);
    assert.deepEqual([lineNames(files), others], [["Patient/p1 1"], []], "no half file");
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.error, run.records]),
      [["failed", "no_space", 0]],
    );
    await desk.run(id, link);
    const names = lineNames((await readFolder(folder, link)).files);
    assert.deepEqual(names.sort(), recordNames([record("Patient", "p1"), ...all]).sort());
    assert.deepEqual(
      (await desk.runs(id)).map((run) => [run.status, run.error, run.records]),
      [["ok", null, 501]],
    );
  });

  test("two workers hand on what settles, each record once, and a new destination gets all there is", async (t) => {
    const desk = await openExportDesk(t, databases);
    const [first, second] = [await newFolder(t), await newFolder(t)];
    const delta = await addDestination(desk, { kind: "ndjson", folder: first });
    const links: Link[] = [];
    for (let n = 0; n < 8; n++) links.push(await desk.connect(`patient ${n}`));
    for (const link of links) await desk.store(link, records(300));
    const workers = [start(t, { options: desk.options }), start(t, { options: desk.options })];
    for (const { log } of workers) await log.reach(1, ({ event }) => event === "ready");
    for (const link of links) await desk.settle(link);
    const ended = (id: string, count: number) =>
      until(
        () => desk.runs(id),
        (runs) => runs.length === count && runs.every(({ status }) => status === "ok"),
      );
    await ended(delta, links.length);
    const backfill = await addDestination(desk, { kind: "ndjson", folder: second });
    const runs = await ended(backfill, links.length);
    assert.ok(runs.every(({ trigger }) => trigger === "backfill"));
    for (const folder of [first, second]) {
      for (const link of links) {
        assert.deepEqual(lineNames((await readFolder(folder, link)).files).sort(), recordNames(records(300)).sort());
      }
    }
  });
});

function exporting({ options }: ExportDesk, destination_id: string, link: Link) {
  return { options, payload: { destination_id, connection_id: link.id, trigger: "delta" } };
}

/** @param before what a shell does first */
function start(t: TestContext, task: object, before?: string): { child: ChildProcess; log: Log<ExportMessage> } {
  const log = newLog<ExportMessage>();
  const child =
    before === undefined
      ? fork(SCRIPT, [JSON.stringify(task)], { execArgv: ["--import", "tsx"] })
      : spawn(
          "sh",
          ["-c", `${before}exec "$@"`, "sh", process.execPath, "--import", "tsx", SCRIPT, JSON.stringify(task)],
          {
            stdio: ["ignore", "inherit", "inherit", "ipc"],
          },
        );
  child.on("message", (message) => log.add(message as ExportMessage));
  t.after(() => child.kill("SIGKILL"));
  return { child, log };
}
