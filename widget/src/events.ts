/** The element's events: their details, and the one place that dispatches them. All bubble and are composed. */
import type { ReturnResult } from "../../shared/src/return-url.ts";
import type { PatientConnection } from "./client.ts";
import type { Picked, PickReason } from "./state.ts";

/** An answer to `query` is about to be shown: how many rows, and whether there are more. */
export interface SearchDetail {
  query: string;
  count: number;
  hasMore: boolean;
}

/** A source was picked. Cancel to take over: nothing is posted. */
export interface SelectDetail {
  connection: Picked;
  reason: PickReason;
}

/** The page is about to leave for the hospital. Cancel to navigate by other means. */
export interface RedirectDetail {
  url: string;
  connection: Picked;
}

/** The patient's hospital is not among what search shows; `query` is what was typed. */
export interface NotListedDetail {
  query: string;
}

/** A connection has ended because the patient asked for it; a page that keeps a list of its own sets it anew. */
export interface DisconnectDetail {
  connection: PatientConnection;
}

/** Search, the start of a session or the end of a connection failed. `code` is one of the error registry, or `offline`. */
export interface ErrorDetail {
  phase: "search" | "session" | "disconnect";
  status?: number | undefined;
  code: string;
  error: unknown;
}

/** Event name → event. */
export interface MbConnectEventMap {
  "mb-search": CustomEvent<SearchDetail>;
  "mb-select": CustomEvent<SelectDetail>;
  "mb-redirect": CustomEvent<RedirectDetail>;
  "mb-return": CustomEvent<ReturnResult>;
  "mb-not-listed": CustomEvent<NotListedDetail>;
  "mb-disconnect": CustomEvent<DisconnectDetail>;
  "mb-error": CustomEvent<ErrorDetail>;
}

declare global {
  interface HTMLElementEventMap extends MbConnectEventMap {}
}

/** Dispatches; false where the event was canceled, which only those with a default action can be. */
export function emit<Name extends keyof MbConnectEventMap>(
  target: EventTarget,
  name: Name,
  detail: MbConnectEventMap[Name]["detail"],
  cancelable = false,
): boolean {
  return target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
}
