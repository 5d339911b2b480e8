/**
 * What the element shows, as one value, and how each happening changes it. Pure: no DOM, no requests, no clock.
 */
import type { ReturnResult } from "../../shared/src/return-url.ts";
import type { Pull, Source, SourcePage } from "./client.ts";

/**
 * Where the patient is. `empty`: nothing to offer for what was typed, because nothing matches or (with `:state(error)`)
 * because search is not available. `failed`: declined, expired or gone wrong; `result` or the code tells which.
 */
export type ConnectState =
  | "idle"
  | "searching"
  | "results"
  | "empty"
  | "starting"
  | "redirecting"
  | "connected"
  | "failed";

/** Why a session is started: picked from a search, tried again, or access renewed. */
export type PickReason = "search" | "retry" | "reconnect";

/** The source that a patient picked: a whole row of a search, or what is remembered of one. */
export type Picked = Pick<Source, "id" | "name"> & Partial<Source>;

/** Everything that a render needs to know. */
export interface View {
  readonly state: ConnectState;
  /** What stands in the field. */
  readonly value: string;
  readonly rows: readonly Source[];
  readonly hasMore: boolean;
  /** Index of the row that arrow keys lead to; -1 for none. */
  readonly active: number;
  /** Whether the list, or the word in its place, is on show. */
  readonly open: boolean;
  /** Why search, the start of a session or the connecting failed; null where nothing did. */
  readonly code: string | null;
  readonly pick: Picked | null;
  readonly result: ReturnResult | null;
  /** How the records of what was connected arrive; null until that is known. */
  readonly pull: Pull | null;
}

/** Nothing typed, nothing under way. */
export const INITIAL: View = {
  state: "idle",
  value: "",
  rows: [],
  hasMore: false,
  active: -1,
  open: false,
  code: null,
  pick: null,
  result: null,
  pull: null,
};

/** What is asked of search: the typed text without stray spaces. */
export function queryOf(value: string): string {
  return value.trim().replace(/\s+/g, " ");
}

/** Whether the element is on its way out, so that nothing else may start. */
export function isLeaving(state: ConnectState): boolean {
  return state === "starting" || state === "redirecting";
}

/** Whether a screen says how it ended. */
export function hasEnded(state: ConnectState): boolean {
  return state === "connected" || state === "failed";
}

/** The view after a change. Whatever changes, arrow keys begin anew unless the change says otherwise. */
export function reduce(view: View, change: Partial<View>): View {
  return { ...view, active: -1, ...change };
}

/** Typing: older rows stay until newer ones come, because a list that empties at each key makes the page jump. */
export function typed(value: string, minLength: number): Partial<View> {
  return queryOf(value).length < minLength
    ? { ...INITIAL, value }
    : { value, state: "searching", open: true, code: null };
}

/** An answer to what was typed. */
export function found({ data, has_more }: SourcePage): Partial<View> {
  return { state: data.length > 0 ? "results" : "empty", rows: data, hasMore: has_more };
}

/** A source was picked, and its session is being made. */
export function picked(pick: Picked): Partial<View> {
  return { state: "starting", open: false, code: null, result: null, pick };
}

/** Staying after all: the rows are on show again where there were any. */
export function canceled({ rows }: View): Partial<View> {
  return rows.length > 0 ? { state: "results", open: true } : { state: "idle" };
}

/** Back from the hospital. The last pick names it, unless another one was connected. */
export function returned(result: ReturnResult, last: Picked | null): Partial<View> {
  if (!result.success) return { ...INITIAL, state: "failed", code: result.error, result, pick: last };
  return { ...INITIAL, state: "connected", result, pick: last?.id === result.connection_id ? last : null };
}
