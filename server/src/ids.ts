/** Ids: a prefix that names the noun, and a ULID that sorts by time. */
import { randomFillSync } from "node:crypto";
import { monotonicFactory } from "ulid";

/** Makes the ids of one process. */
export interface Ids {
  next(prefix: "ps" | "att" | "conn" | "file" | "step" | "req" | "audit" | "wh" | "evt" | "dest" | "run"): string;
}

// The monotonic form keeps its randomness within a millisecond; the plain one is forty times slower.
export function createIds(clock: () => number): Ids {
  const ulid = monotonicFactory(randomNumbers());
  return { next: (prefix) => `${prefix}_${ulid(clock())}` };
}

/** Numbers from 0 up to 1 by chance, read from the system a block at a time: ulid's own source asks it for every character. */
function randomNumbers(): () => number {
  const block = new Uint8Array(1024);
  let used = block.length;
  return () => {
    if (used === block.length) {
      randomFillSync(block);
      used = 0;
    }
    const byte = block[used] ?? 0;
    used += 1;
    return byte / 256;
  };
}
