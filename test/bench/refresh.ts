/**
 * `refresh`: ten thousand connections whose refresh is due at once, worked off by the jobs of one process, beside
 * openid-client alone with as many requests in flight. The stub's pace is its own: it does four at a time, each in 25 ms.
 */
import { type Part, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";

const CONNECTIONS = 10_000;
/** What a worker runs at a time. */
const IN_FLIGHT = 8;
const PACE_MS = 25;
const PLACES = 4;

/** Refreshes a second, processor time for one, and the memory that all of them need. Throws where a token was sent twice. */
export function refreshBenchmark(): Promise<Row[]> {
  return withBench(async ({ folder, start }) => {
    const stub = await start("pacing-stub", String(PACE_MS), String(PLACES));
    const url = await stub.ask<string>("url");
    const bare = await start("bare-refresher", url);
    const worker = await start("refresher", folder, url);
    await worker.ask("connections", { count: CONNECTIONS });
    const floor = await measured(bare);
    const ours = await measured(worker);
    const seen = await stub.ask<{ spent: number; twice: number }>("seen");
    if (seen.twice > 0 || seen.spent !== 2 * CONNECTIONS) throw new Error(`refresh: ${JSON.stringify(seen)}`);
    return [
      row("refresh rate", "1/s", ours.rate, floor.rate),
      row("refresh cpu", "µs", ours.cpu, floor.cpu),
      row("refresh memory", "MiB", ours.memory, floor.memory),
    ];
  });
}

async function measured(part: Part): Promise<{ rate: number; cpu: number; memory: number }> {
  const cpu = async (): Promise<number> => {
    const { user, system } = await part.ask<NodeJS.CpuUsage>("cpu");
    return user + system;
  };
  const [before, at] = [await cpu(), performance.now()];
  const memory = await part.ask<number>("run", { count: CONNECTIONS, inFlight: IN_FLIGHT });
  const seconds = (performance.now() - at) / 1000;
  return { rate: CONNECTIONS / seconds, cpu: ((await cpu()) - before) / CONNECTIONS, memory };
}
