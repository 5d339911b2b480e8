/** How pulls go, as the wire shows it. */
import type { PullProgress } from "../../../shared/src/pull.ts";
import type { PullProgress as StoredProgress } from "../store/pulls.ts";
import { time } from "./time.ts";

/** Null where a connection has had no pull. */
export function pullView(progress: StoredProgress | undefined): PullProgress | null {
  if (!progress) return null;
  const { state, reason, failure, records, started_at, settled_at, types } = progress;
  return {
    state,
    reason,
    failure,
    records,
    started_at: time(started_at),
    settled_at: time(settled_at),
    types: types.map((one) => ({ ...one, started_at: time(one.started_at), settled_at: time(one.settled_at) })),
  };
}
