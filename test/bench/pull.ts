/**
 * `pull`: records out of a FHIR server into SQLite and Postgres, beside the bare parts of the same; what an unchanged pull
 * costs, how a million records weigh on one process, and what a second worker brings where the hospital is slow.
 */
import { join } from "node:path";
import { postgresDatabase } from "../support/postgres.ts";
import { type Bench, byTurns, type Part, type Round, timed, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";

const PER_PAGE = 100;
const ROUNDS = 5;

export async function pullBenchmark(): Promise<Row[]> {
  return [
    ...(await withBench(ingest)),
    ...(await withBench(paged)),
    ...(await withBench(million)),
    ...(await withBench(twoWorkers)),
  ];
}

/** Pages out of memory: slicing, parsing, hashing, storing. */
async function ingest({ folder, start }: Bench): Promise<Row[]> {
  const pages = 100;
  const ours = await start("puller", join(folder, "ours.db"));
  const bare = await start("bare-puller", folder);
  let turn = 0;
  const round = async (part: Part): Promise<Round> => {
    turn += 1;
    if (part === ours) await ours.ask("connect", { from: turn, count: 1, url: "http://127.0.0.1:9/fhir" });
    const connection = `conn_${turn}`;
    return timed(part, pages * PER_PAGE, () => part.ask("ingest", { connection, pages }));
  };
  const found = await byTurns(ROUNDS, { ours: () => round(ours), floor: () => round(bare) });
  return [row("pull: ingest alone", "1/s", found.ours.rate, found.floor.rate)];
}

/** Pages over loopback: four patients at a time, the first time and again with nothing changed. */
async function paged({ folder, start }: Bench): Promise<Row[]> {
  const [pages, patients] = [50, 8];
  const url = await (await start("hospital", String(pages))).ask<string>("url");
  const ours = await start("puller", join(folder, "ours.db"));
  const bare = await start("bare-puller", folder);
  const count = pages * patients * PER_PAGE;
  let turn = 0;
  const first = async (): Promise<Round> => {
    await ours.ask("connect", { from: patients * turn, count: patients, url });
    turn += 1;
    return timed(ours, count, () => ours.ask("run", { count: patients * turn }));
  };
  const again = async (): Promise<Round> => {
    await ours.ask("again", { from: patients * (turn - 1), count: patients });
    return timed(ours, count, () => ours.ask("run", { count: patients * turn }));
  };
  const floor = (): Promise<Round> => {
    const connections = Array.from({ length: patients }, (_, n) => `bare-${turn}-${n}`);
    return timed(bare, count, () => bare.ask("pull", { connections, url, inFlight: 4 }));
  };
  const found = await byTurns(ROUNDS, { first, floor, again });
  return [
    row("pull: over loopback", "1/s", found.first.rate, found.floor.rate),
    row("pull: over loopback, CPU for each", "µs", found.first.cpu, found.floor.cpu),
    row("pull: again, nothing changed, beside the first", "1/s", found.again.rate, found.first.rate),
    row("pull: again, nothing changed, CPU for each", "µs", found.again.cpu, found.first.cpu),
  ];
}

/** A million records of 200 patients in one process: its memory, and the cost of a record at the end beside the beginning. */
async function million({ folder, start }: Bench): Promise<Row[]> {
  const [pages, patients] = [50, 200];
  const url = await (await start("hospital", String(pages))).ask<string>("url");
  const ours = await start("puller", join(folder, "ours.db"));
  await ours.ask("connect", { from: 0, count: patients, url });
  const { memory, stretches } = await ours.ask<Run>("run", { count: patients });
  const records = await ours.ask<number>("stored");
  if (records !== pages * patients * PER_PAGE + patients) throw new Error(`pull: ${records} records are stored`);
  const part = Math.max(1, Math.floor(stretches.length / 10));
  const [early, late] = [costOf(stretches.slice(1, 1 + part)), costOf(stretches.slice(-part))];
  return [
    row("pull: a million records, CPU for each, last tenth beside first", "µs", late, early),
    row("pull: a million records, resident memory beside 300 MiB", "MiB", memory, 300),
  ];
}

interface Run {
  memory: number;
  stretches: { records: number; cpu: number }[];
}

function costOf(stretches: Run["stretches"]): number {
  const sum = (name: "cpu" | "records") => stretches.reduce((total, one) => total + one[name], 0);
  return sum("cpu") / sum("records");
}

/** A hospital that takes its time: two workers beside one, on Postgres. */
async function twoWorkers({ start }: Bench): Promise<Row[]> {
  const [pages, patients, answerMs] = [10, 24, 100];
  const postgres = await postgresDatabase();
  try {
    const url = await (await start("hospital", String(pages), String(answerMs))).ask<string>("url");
    const workers = [await start("puller", postgres.url), await start("puller", postgres.url)] as const;
    let turn = 0;
    const round = async (some: readonly Part[]): Promise<Round> => {
      await workers[0].ask("connect", { from: patients * turn, count: patients, url });
      turn += 1;
      return timed(workers[0], pages * patients * PER_PAGE, () =>
        Promise.all(some.map((worker) => worker.ask("run", { count: patients * turn }))),
      );
    };
    const found = await byTurns(3, { two: () => round(workers), one: () => round([workers[0]]) });
    return [row("pull: two workers beside one, a slow hospital", "1/s", found.two.rate, found.one.rate)];
  } finally {
    await postgres.drop();
  }
}
