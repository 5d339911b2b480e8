/** A list that a test can wait for, in place of a sleep. */
import assert from "node:assert/strict";
import { once } from "node:events";

/** Milliseconds after which what a test waits for will not come. */
export const PATIENCE = 20_000;

/** What happened so far, and the wait for more of it. */
export interface Log<T> {
  all: T[];
  add(item: T): void;
  /** Waits until so many items that match are there, and answers them; fails after `PATIENCE`. */
  reach(length: number, matches?: (item: T) => boolean): Promise<T[]>;
}

/** Makes an empty list. */
export function newLog<T>(): Log<T> {
  const all: T[] = [];
  const grown = new EventTarget();
  return {
    all,
    add(item) {
      all.push(item);
      grown.dispatchEvent(new Event("grown"));
    },
    async reach(length, matches = () => true) {
      const signal = AbortSignal.timeout(PATIENCE);
      let found = all.filter(matches);
      while (found.length < length) {
        await once(grown, "grown", { signal }).catch(() =>
          assert.fail(`${found.length} of ${length} came; all there is: ${JSON.stringify(all)}`),
        );
        found = all.filter(matches);
      }
      return found;
    },
  };
}
