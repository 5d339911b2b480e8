/** What the reading of a file counted: entries read, and those left out by their reason, with one example each. */
import { asText } from "./json.ts";

/** Counts of one file. */
export interface Tally {
  /** Entries met. */
  read: number;
  /** Reason → how many, and where the first stands. */
  readonly leftOut: Map<string, { count: number; example: string }>;
  /** Counts an entry as left out. */
  leaveOut(reason: string, example: string): [];
}

/** An empty tally. */
export function createTally(): Tally {
  const leftOut: Tally["leftOut"] = new Map();
  return {
    read: 0,
    leftOut,
    leaveOut(reason, example) {
      const counted = leftOut.get(reason);
      if (counted) counted.count++;
      else leftOut.set(reason, { count: 1, example });
      return [];
    },
  };
}

/** A name that a patient could read: with a letter or digit in it. Otherwise the fallback. */
export function readName(published: unknown, fallback: string | null): string | null {
  const name = asText(published);
  return name !== null && /[\p{L}\p{N}]/u.test(name) ? name.slice(0, 300) : fallback;
}
