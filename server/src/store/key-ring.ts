/**
 * Which of several keys is in use. A ring is a list, the newest key first; a key may carry the time from which it is used.
 * Before that it is known already: a sealing key opens, a signing key is published. So every process of an app learns a
 * key before the first of them uses it.
 */

/** What a ring needs to know of a key. */
export interface RingKey {
  kid: string;
  /** ISO 8601; without it the key is used at once. */
  use_from?: string | undefined;
  /** ISO 8601; a key without `use_from` took its place then. */
  created_at?: string | undefined;
}

/** The first key whose time has come; the last, which is the oldest, where none has. */
export function keyInUse<Key extends RingKey>(ring: readonly Key[], now: number): Key | undefined {
  return ring.find(({ use_from }) => use_from === undefined || Date.parse(use_from) <= now) ?? ring.at(-1);
}

/** How a key stands in its ring. */
export type KeyState =
  | { state: "waits"; until: number }
  | { state: "in_use" }
  /** It still opens, or is published, for what was made with it. `until`: when that is surely over, or null if unknown. */
  | { state: "retired"; until: number | null };

/** How long a key is kept after the next one took its place: the longest life of a session, and of a published key in anyone's memory. */
export const KEPT_MS = 24 * 60 * 60 * 1000;

/** @returns null where the ring has no such key */
export function keyState(ring: readonly RingKey[], kid: string, now: number): KeyState | null {
  const at = ring.findIndex((key) => key.kid === kid);
  const key = ring[at];
  const inUse = keyInUse(ring, now);
  if (!key || !inUse) return null;
  if (key === inUse) return { state: "in_use" };
  if (at < ring.indexOf(inUse)) return { state: "waits", until: Date.parse(key.use_from ?? "") };
  const since = Date.parse(inUse.use_from ?? inUse.created_at ?? "");
  return { state: "retired", until: Number.isNaN(since) ? null : since + KEPT_MS };
}
