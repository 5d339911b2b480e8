/**
 * When a server of the catalog counts as live, unreachable or retired. One failed check says little: a source is marked
 * only after several in a row and some time, and taken back by the first answer.
 */
import type { SourceLivenessRow } from "../store/schema.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Unreachable: so many checks failed in a row, over at least so long. */
const SILENT = { failures: 3, ms: DAY_MS };
/** Retired: it is unreachable, and has said the same for so long: that it is gone, or nothing, its name having gone from the DNS. */
const GONE_MS: Record<string, number> = { http_410: DAY_MS, unknown_host: 30 * DAY_MS };

/** What a check found. */
export interface LivenessCheck {
  /** Without a slash at its end. */
  fhir_base_url: string;
  /** A word of ours for why patients could not sign in there; null where they could. */
  fault: string | null;
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * The mark after a check. A server that answered is live at once; one that was retired stays so until it answers.
 *
 * @param before undefined where it was never checked
 */
export function markAfter(before: SourceLivenessRow | undefined, check: LivenessCheck): SourceLivenessRow {
  const { fhir_base_url, fault, now } = check;
  const since = before && before.reason === fault ? before.since : now;
  const mark = { fhir_base_url, reason: fault, since, checked_at: now };
  if (fault === null) return { ...mark, state: "live", failures: 0, failing_since: null };
  const failures = (before?.failures ?? 0) + 1;
  const failing_since = before?.failing_since ?? now;
  const silent = failures >= SILENT.failures && now - failing_since >= SILENT.ms;
  const gone = now - since >= (GONE_MS[fault] ?? Number.POSITIVE_INFINITY);
  let state = before?.state ?? "unknown";
  if (silent && state !== "retired") state = gone ? "retired" : "unreachable";
  return { ...mark, state, failures, failing_since };
}
