/** Ids: a prefix that names the noun, and a ULID that sorts by time. */
import { monotonicFactory } from "ulid";

/** Makes the ids of one process. */
export interface Ids {
  next(prefix: "ps" | "att" | "conn" | "step" | "job" | "req"): string;
}

// The monotonic form keeps its randomness within a millisecond; the plain one is forty times slower.
export function createIds(clock: () => number): Ids {
  const ulid = monotonicFactory();
  return { next: (prefix) => `${prefix}_${ulid(clock())}` };
}
