/** Ours: a worker that pulls. Option: where the database is. */
import { setTimeout as delay } from "node:timers/promises";
import { readPage } from "#server/fhir/page.js";
import type { Pulling } from "#server/pulling/reading.js";
import { requestPull } from "#server/pulling/schedule.js";
import { keep } from "#server/pulling/search.js";
import { plainForm } from "#server/store/records.js";
import { createWorker } from "#server/worker.js";
import { connect, openServer } from "./connected.ts";
import { atMost } from "./memory.ts";
import { searchsets } from "./pages.ts";
import { playPart } from "./part.ts";

const [location = ""] = process.argv.slice(2);
const { context } = await openServer(location);
const { db } = context;

async function settled(count: number): Promise<boolean> {
  const pulls = db.selectFrom("pulls").select(({ fn }) => fn.countAll().as("n"));
  const row = await pulls.where("state", "=", "settled").where("wanted", "is", null).executeTakeFirstOrThrow();
  return Number(row.n) >= count;
}

async function stored(): Promise<number> {
  const rows = db.selectFrom("pull_types").select(({ fn }) => fn.sum<number>("records").as("n"));
  return Number((await rows.executeTakeFirstOrThrow()).n ?? 0);
}

/** What a stretch of the work cost. */
interface Stretch {
  records: number;
  /** µs. */
  cpu: number;
}

playPart({
  async connect({ from, count, url }: { from: number; count: number; url: string }) {
    const connected = { server: url.replace(/\/fhir$/, ""), refresh_token: null, accessSeconds: 24 * 3600 };
    for (let n = from; n < from + count; n++) {
      await connect(context, n, connected, (tx, id) => requestPull(context, tx, id, "connect"));
    }
  },
  async again({ from, count }: { from: number; count: number }) {
    await db.transaction().execute(async (tx) => {
      for (let n = from; n < from + count; n++) await requestPull(context, tx, `conn_${n}`, "demand");
    });
  },
  stored,
  /** Works until so many pulls have settled, in all processes together; answers the most memory used in MiB, and its stretches. */
  async run({ count }: { count: number }) {
    const most = atMost();
    const stretches: Stretch[] = [];
    const worker = createWorker(context, Promise.resolve());
    let [records, cpu] = [await stored(), process.cpuUsage()];
    await worker.start();
    for (let rest = 0; !(await settled(count)); rest = (rest + 1) % 40) {
      await delay(50);
      if (rest !== 39) continue;
      const spent = process.cpuUsage(cpu);
      const now = await stored();
      stretches.push({ records: now - records, cpu: spent.user + spent.system });
      [records, cpu] = [now, process.cpuUsage()];
    }
    await worker.stop();
    return { memory: most(), stretches };
  },
  /** Stores pages out of memory as the records of one connection. */
  async ingest({ connection, pages }: { connection: string; pages: number }) {
    const texts = searchsets(pages);
    const subject = { fhir_patient_id: "example-patient", base: "http://127.0.0.1:9/fhir/" };
    const row = await db.selectFrom("connections").selectAll().where("id", "=", connection).executeTakeFirstOrThrow();
    const known = { noted: new Set<string>(), read: new Set<string>() };
    const pulling = { context, connection: row, subject, form: plainForm, known } as unknown as Pulling;
    for (const text of texts) {
      const page = readPage(text, subject, "Condition");
      await db.transaction().execute((tx) => keep(pulling, tx, page?.records ?? [], 1));
    }
  },
});
