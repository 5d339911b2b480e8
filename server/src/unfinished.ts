/** Work that must come to its end before the process lets go of the database: what a hospital has given or been asked for. */
import type { Context } from "./context.ts";

/** Hands the work on, and has `close` wait for it. */
export async function untilDone<T>(context: Pick<Context, "unfinished">, work: Promise<T>): Promise<T> {
  context.unfinished.add(work);
  try {
    return await work;
  } finally {
    context.unfinished.delete(work);
  }
}
