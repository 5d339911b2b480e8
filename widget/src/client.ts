/**
 * The element's one way out: the three requests that it makes to the host's own routes, and the check of the address that
 * it is told to go to. Reads JSON answers and error envelopes; of an error it takes the code alone.
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
  /** Not shown yet. */
  logo_url?: string | null;
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
}

const TIMEOUT_SECONDS = 10;

function fault(code: FaultCode, status?: number): ClientFault {
  return Object.assign(new Error(code), { code, status });
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
 * @param url may carry a query of its own; `q` and `limit` are set on it
 */
export function requestSources(url: string, query: string, limit: number, signal: AbortSignal): Promise<object> {
  const address = new URL(url, document.baseURI);
  address.searchParams.set("q", query);
  address.searchParams.set("limit", `${limit}`);
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
  const body = JSON.stringify({ connectionId, patientId });
  return request(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
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
 * Asks the host's route for the patient's connections how the records of one arrive.
 *
 * @param sourceId the source's id (`fhirsrc_…`)
 * @returns null or undefined where nothing has begun
 */
export async function requestPull(url: string, sourceId: string): Promise<Pull | null | undefined> {
  const { data } = (await request(url, deadline(TIMEOUT_SECONDS))) as {
    data?: { connection_id: string; pull?: Pull | null }[];
  };
  return data?.find?.((one) => one.connection_id === sourceId)?.pull;
}

/** A page made of whatever a search gave: rows need an id and a name, and anything that is no list is a fault. */
export function pageOf(answer: object, limit: number): SourcePage {
  const { data, has_more } = answer as Partial<SourcePage>;
  if (!Array.isArray(data)) throw fault("internal_error");
  const rows = data.filter((row) => typeof row?.id === "string" && typeof row.name === "string");
  return { data: rows.slice(0, limit), has_more: has_more === true || rows.length > limit };
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

async function request(url: string, init: RequestInit): Promise<object> {
  const answer = await fetch(url, { credentials: "same-origin", ...init }).catch(() => {
    throw fault(init.signal?.aborted ? "internal_error" : "offline");
  });
  const { status, ok, redirected } = answer;
  const body = await answer.json().catch(() => null);
  if (ok && body) return body;
  throw fault(body?.error?.code ?? codeOf(status, ok && redirected), status);
}

/**
 * For answers without an envelope of ours: a host's guard, a proxy's page, a route that is not there. Many hosts lead an
 * unauthenticated request to their sign-in page, which then answers HTML with 200.
 */
function codeOf(status: number, ledElsewhere: boolean): FaultCode {
  if (status === 401 || ledElsewhere) return "not_authenticated";
  if (status === 429) return "throttled";
  return status >= 400 && status < 500 ? "config_missing" : "internal_error";
}
