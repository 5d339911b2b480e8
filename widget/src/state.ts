/**
 * What the element shows, as one value, and how each happening changes it. Pure: no DOM, no requests, no clock.
 */
import type { ReturnResult } from "../../shared/src/return-url.ts";
import type { PatientConnection, Source, SourcePage } from "./client.ts";

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

/** A row of the list. */
export interface Row extends Source {
  /** It was picked on this device before. */
  recent?: boolean;
  /** It stands for the other places behind the login of the row above. */
  unfolds?: boolean;
}

/** Everything that a render needs to know. */
export interface View {
  readonly state: ConnectState;
  /** What stands in the field. */
  readonly value: string;
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
  /** Index of the row that arrow keys lead to; -1 for none. */
  readonly active: number;
  /** Whether the list, or the word in its place, is on show. */
  readonly open: boolean;
  /** Changes with each answer, which is then all new elements: the list begins at its top, and no row seems to move. */
  readonly turn: boolean;
  /** Why search, the start of a session or the connecting failed; null where nothing did. */
  readonly code: string | null;
  /** The id by which that failure can be looked up; empty where it has none. */
  readonly support: string;
  /** Whether the patient said that their hospital is not listed. */
  readonly unlisted: boolean;
  /**
   * The connection that the patient is asked about ending; `told` of the words of *wait* stands in place of the question, the
   * title while it is being ended, the text where that failed.
   */
  readonly ending: (Pick<PatientConnection, "id" | "name"> & { told?: "title" | "text" }) | null;
  readonly pick: Picked | null;
  readonly result: ReturnResult | null;
  /** What was connected, as the host knows it; null until that is known. */
  readonly link: PatientConnection | null;
}

/** Nothing typed, nothing under way. */
export const INITIAL: View = {
  state: "idle",
  value: "",
  rows: [],
  hasMore: false,
  active: -1,
  open: false,
  turn: false,
  code: null,
  support: "",
  unlisted: false,
  ending: null,
  pick: null,
  result: null,
  link: null,
};

/** What is asked of search: the typed text without stray spaces, as much of it as search reads; more would not fit into an address. */
export function queryOf(value: string): string {
  return value.trim().replace(/\s+/g, " ").slice(0, 300);
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

/** On show before anything is typed: what was picked on this device before, then what the host recommends. */
export function suggested(recent: readonly Picked[], recommended: readonly Row[]): Partial<View> {
  const rows: Row[] = [
    ...recent.map((one) => ({ ...one, recent: true })),
    ...recommended.filter(({ id }) => recent.every((one) => one.id !== id)),
  ];
  return { rows, open: rows.length > 0, code: null };
}

/** Typing: older rows stay until newer ones come, because a list that empties at each key makes the page jump. */
export function typed(value: string, minLength: number): Partial<View> {
  return queryOf(value).length < minLength
    ? { ...INITIAL, value }
    : { value, state: "searching", open: true, code: null, unlisted: false, ending: null };
}

/** An answer to what was typed. */
export function found({ turn }: View, { data, has_more }: SourcePage): Partial<View> {
  const rows = data.flatMap((row): Row | Row[] => {
    const { id, name, brand, locations = 1 } = row;
    return locations > 1 ? [row, { id, name: brand ?? name, locations, unfolds: true }] : row;
  });
  return { state: rows.length > 0 ? "results" : "empty", rows, hasMore: has_more, turn: !turn };
}

/**
 * The places behind a row's login, in the stead of the row that stands for them. The active row stays so wherever it comes to
 * stand; the first of the places follows the row that they replace.
 */
export function unfolded({ rows, active }: View, row: Row, { data }: SourcePage): Partial<View> {
  const all = rows.flatMap((one) => (one === row ? data.filter(({ id }) => id !== row.id) : one));
  const place = all.indexOf(rows[active] as Row);
  return { rows: all, active: place < 0 ? active : place };
}

/** A source was picked, and its session is being made. */
export function picked(pick: Picked): Partial<View> {
  return { state: "starting", open: false, code: null, ending: null, result: null, link: null, pick };
}

/** Staying after all: the rows are on show again where there were any. */
export function canceled({ rows }: View): Partial<View> {
  return rows.length > 0 ? { state: "results", open: true } : { state: "idle" };
}

/** Back from the hospital. The last pick names it, unless another one was connected. */
export function returned(result: ReturnResult, last: Picked | null): Partial<View> {
  const support = result.patient_session_id;
  if (!result.success) return { ...INITIAL, state: "failed", code: result.error, support, result, pick: last };
  return { ...INITIAL, state: "connected", result, pick: last?.id === result.connection_id ? last : null };
}
