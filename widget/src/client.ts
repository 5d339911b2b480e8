/**
 * The element's one way out: the requests that it makes to the host's own routes, and the check of the addresses that it is
 * told of. Reads JSON answers and error envelopes; of an error it takes the code, and the id by which it can be looked up.
 */
import type { ErrorCode } from "../../shared/src/errors.ts";

/** A hospital or clinic, as `GET connections` lists it; fields that the element does not show are left out. */
export interface Source {
  /** `fhirsrc_…`; what `connectionId` takes. */
  id: string;
  name: string;
  /** The health system above `name`. */
  brand?: string | null;
  city?: string | null;
  state?: string | null;
  zip?: string | null;
  /** The EHR: `epic`, `cerner`, … */
  type?: string | null;
  /** The portal's own name ("MyChart"). */
  portal_name?: string | null;
  /** Shown where it stands on the search route's own origin. */
  logo_url?: string | null;
  /** What tells it from others of the same name and place. */
  distinction?: string | null;
  /** How many places behind the same login match; more than one can be shown one by one. */
  locations?: number;
  /** Where in `name` stands what was typed: from a place to before another. */
  matches?: [number, number][];
}

/** What is asked of the search route: what was typed, how many rows at most, and the source whose other places are wanted. */
export interface Query {
  q: string;
  limit: number;
  brand?: string | undefined;
}

/** What a search answers. */
export interface SourcePage {
  data: Source[];
  has_more: boolean;
}

/** A code of the registry, or the one that only a browser can see: no answer came at all. */
export type FaultCode = ErrorCode | "offline";

/** A request that did not bring what it should. `code` decides the screen; `status` is absent when no answer came. */
export interface ClientFault extends Error {
  code: FaultCode;
  status?: number | undefined;
  request_id?: string | undefined;
}

const TIMEOUT_SECONDS = 10;

function fault(code: FaultCode, status?: number, request_id?: string): ClientFault {
  return Object.assign(new Error(code), { code, status, request_id });
}

/** A controller that also ends by itself: an answer that takes longer is none. */
export function deadline(seconds: number): AbortController {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), seconds * 1000);
  return controller;
}

/**
 * Asks the host's search route.
 *
 * @param url may carry a query of its own; ours is set on it
 */
export function requestSources(url: string, query: Query, signal: AbortSignal): Promise<object> {
  const address = new URL(url, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) address.searchParams.set(name, value);
  }
  return request(address.href, { signal });
}

/**
 * Asks the host's session route for the address where the patient signs in.
 *
 * @param patientId only a hint: the host's server knows who is signed in
 */
export function requestSession(
  url: string,
  connectionId: string,
  patientId: string | undefined,
  signal: AbortSignal,
): Promise<object> {
  return request(url, { method: "POST", body: JSON.stringify({ connectionId, patientId }), signal });
}

/** How a connection's records arrive, as `GET patient-connections` tells it; fields that the element does not show are left out. */
export interface Pull {
  state: "waiting" | "running" | "settled";
  /** Here so far. */
  records: number;
  /** Why it broke off, or null. */
  failure: string | null;
}

/**
 * A patient's connection, as `GET patient-connections` lists it; what the element does not show is left out. `id` is the
 * connection's (`conn_…`), `connection_id` the source's (`fhirsrc_…`).
 */
export interface PatientConnection {
  id: string;
  connection_id: string;
  name: string;
  status: "active" | "failed" | "expired" | "refresh_failed" | "disconnected";
  logo_url?: string | null;
  last_refreshed_at?: string | null;
  /** FHIR resource types that were asked for and not granted. */
  not_granted?: readonly string[];
  /** Null where nothing has begun. */
  pull?: Pull | null;
}

/** Asks the host's route for the patient's connections. */
export async function requestConnections(url: string): Promise<PatientConnection[]> {
  return named<PatientConnection>(await request(url, deadline(TIMEOUT_SECONDS)));
}

/** Ends a connection, by its id (`conn_…`). */
export function requestEnd(url: string, id: string): Promise<object> {
  return request(`${url}/${id}`, { ...deadline(TIMEOUT_SECONDS), method: "DELETE" });
}

/** A page made of whatever a search gave. */
export function pageOf(answer: object, limit: number): SourcePage {
  const rows = named<Source>(answer);
  return { data: rows.slice(0, limit), has_more: (answer as SourcePage).has_more === true || rows.length > limit };
}

/** What of a list has an id and a name. Throws where it is no list. */
function named<Row extends { id: string; name: string }>(answer: object): Row[] {
  const { data } = answer as { data: Row[] };
  return data.filter((one) => typeof one?.id === "string" && typeof one.name === "string");
}

/** The address to leave for. Refuses everything but `https:`, and `http:` on this very machine. */
export function leavingAddress(answer: object): string {
  const { url } = answer as { url?: string };
  if (url) {
    const { href, protocol, hostname } = new URL(url, document.baseURI);
    if (/^(https:.*|http:((.+\.)?localhost|127\.[\d.]+|\[::1\]))$/.test(protocol + hostname)) return href;
  }
  throw fault("config_missing");
}

/** The address of a logo, or null where it stands elsewhere than the search route: no other origin learns of the patient. */
export function logoAddress(logo: string | null | undefined, searchUrl: string): string | null {
  try {
    const route = new URL(searchUrl, document.baseURI);
    const { origin, href } = new URL(logo ?? "", route);
    return logo && origin === route.origin ? href : null;
  } catch {
    return null;
  }
}

async function request(url: string, init: RequestInit): Promise<object> {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, init.method ? { ...init, headers } : init).catch(() => {
    throw fault(init.signal?.aborted ? "internal_error" : "offline");
  });
  const { status, ok, redirected } = answer;
  const body = await answer.json().catch(() => null);
  if (ok && body) return body;
  const { code, request_id } = body?.error ?? {};
  // Many hosts lead an unauthenticated request to their sign-in page, which then answers HTML with 200.
  throw fault(code ?? codeOf(ok && redirected ? 401 : status), status, request_id);
}

/** For answers without an envelope of ours: a host's guard, a proxy's page, a route that is not there. */
function codeOf(status: number): FaultCode {
  if (status === 401) return "not_authenticated";
  if (status === 429) return "throttled";
  return status >= 400 && status < 500 ? "config_missing" : "internal_error";
}
