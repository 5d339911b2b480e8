/**
 * The pace at which one process asks FHIR servers: so many requests a second and so many at once, for each host and for each
 * source. Each worker process keeps its own; what a server asks for itself is stored, and heeded by all.
 */

/** What a source's server bears. */
export interface PaceLimits {
  /** Requests a second. */
  rps: number;
  /** Requests at once. */
  concurrency: number;
}

/** A place among the requests that are out; give it back when the answer is there. */
export interface Turn {
  release(): void;
}

export interface Pace {
  /**
   * Asks for a turn at all of these names, such as a host and a source.
   *
   * @returns the turn, or from when on to ask again, in milliseconds since 1970
   */
  take(names: readonly string[], limits: PaceLimits, now: number): Turn | { at: number };
  /** Gives no turn at a name before a time. */
  pause(name: string, until: number): void;
}

interface Bucket {
  /** When the requests sent so far are paid for at an even pace. */
  paidUntil: number;
  pausedUntil: number;
  out: number;
}

/** When all places are taken, it is asked again after this. */
const BUSY_MS = 20;

/** Makes the pace of a process. A name that nothing was asked of for a while takes no memory. */
export function createPace(): Pace {
  const buckets = new Map<string, Bucket>();

  function bucketOf(name: string): Bucket {
    const bucket = buckets.get(name) ?? { paidUntil: 0, pausedUntil: 0, out: 0 };
    buckets.set(name, bucket);
    return bucket;
  }

  function sweep(now: number): void {
    for (const [name, { out, paidUntil, pausedUntil }] of buckets) {
      if (out === 0 && paidUntil < now && pausedUntil < now) buckets.delete(name);
    }
  }

  return {
    pause(name, until) {
      const bucket = bucketOf(name);
      bucket.pausedUntil = Math.max(bucket.pausedUntil, until);
    },
    take(names, { rps, concurrency }, now) {
      const each = 1000 / rps;
      // As many as may be out at once may also be sent at once; all others at an even pace.
      const ahead = (concurrency - 1) * each;
      const asked = names.map(bucketOf);
      if (asked.some(({ out }) => out >= concurrency)) return { at: now + BUSY_MS };
      const at = Math.max(...asked.map(({ paidUntil, pausedUntil }) => Math.max(paidUntil - ahead, pausedUntil)));
      if (at > now) return { at: Math.ceil(at) };
      for (const bucket of asked) {
        bucket.out += 1;
        bucket.paidUntil = Math.max(bucket.paidUntil, now) + each;
      }
      let released = false;
      return {
        release() {
          if (released) return;
          released = true;
          for (const bucket of asked) bucket.out -= 1;
          if (buckets.size > 1000) sweep(now);
        },
      };
    },
  };
}
