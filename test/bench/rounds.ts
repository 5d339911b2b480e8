/** Runs the processes that a benchmark is made of, and its rounds: ours and the floor by turns, so that a busy moment of the machine meets both. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer } from "./parts/part.ts";

/** A process that answers questions. */
export interface Part {
  /** @throws what the part's function threw, as text; or that the part has ended */
  ask<T>(name: string, argument?: unknown): Promise<T>;
}

/** What a benchmark works with; all of it is gone when the benchmark ends. */
export interface Bench {
  /** An empty folder. */
  folder: string;
  /** Starts `parts/{name}.ts` and waits until it is ready. */
  start(name: string, ...options: string[]): Promise<Part>;
}

/** Runs a benchmark and tidies up after it. */
export async function withBench<T>(measure: (bench: Bench) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "mb-bench-"));
  const children: ChildProcess[] = [];
  const start: Bench["start"] = async (name, ...options) => {
    const child = fork(fileURLToPath(new URL(`parts/${name}.ts`, import.meta.url)), options);
    children.push(child);
    return openPart(name, child);
  };
  try {
    return await measure({ folder, start });
  } finally {
    await Promise.all(children.map(stop));
    await rm(folder, { recursive: true, force: true });
  }
}

/** What one round of one side came to. */
export interface Round {
  /** Processor time for one piece of work, in µs. */
  cpu: number;
  /** Pieces of work in a second. */
  rate: number;
}

/** Rounds that do not count: what is compiled late and cached at first use is ready by then, as it is in a server that runs. */
const WARM_UP = 4;

/** Medians of some rounds of each side, by turns, after a few of each that do not count. */
export async function byTurns<Side extends string>(
  rounds: number,
  sides: Record<Side, () => Promise<Round>>,
): Promise<Record<Side, Round>> {
  const names = Object.keys(sides) as Side[];
  const seen = new Map<Side, Round[]>(names.map((name) => [name, []]));
  for (let round = 0; round < WARM_UP + rounds; round++) {
    for (const name of names) {
      const one = await sides[name]();
      if (round >= WARM_UP) seen.get(name)?.push(one);
    }
  }
  return Object.fromEntries(names.map((name) => [name, middle(seen.get(name) ?? [])])) as Record<Side, Round>;
}

/**
 * One round: what `work` costs the processor of a part, and how long it takes.
 *
 * @param count pieces of work in it
 */
export async function timed(part: Part, count: number, work: () => Promise<unknown>): Promise<Round> {
  const cpu = async (): Promise<number> => {
    const { user, system } = await part.ask<NodeJS.CpuUsage>("cpu");
    return user + system;
  };
  const [before, at] = [await cpu(), performance.now()];
  await work();
  const seconds = (performance.now() - at) / 1000;
  return { cpu: ((await cpu()) - before) / count, rate: count / seconds };
}

async function openPart(name: string, child: ChildProcess): Promise<Part> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  const answer = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.on("message", ({ id, value, fault }: Answer) => {
    if (fault === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(`${name}: ${fault}`));
    waiting.delete(id);
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} has ended`));
  });
  await answer(0);
  return {
    ask<T>(question: string, argument?: unknown) {
      asked += 1;
      child.send({ id: asked, name: question, argument });
      return answer(asked) as Promise<T>;
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  if (child.connected) child.disconnect();
  await exit;
}

function middle(rounds: Round[]): Round {
  return { cpu: median(rounds.map(({ cpu }) => cpu)), rate: median(rounds.map(({ rate }) => rate)) };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
