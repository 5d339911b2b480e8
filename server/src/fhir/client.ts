/** Reads from a hospital's FHIR server with a patient's access token. The token goes nowhere but below the connection's own FHIR base. */
import type { Door } from "../fetch.ts";

/** What reads go out with. */
export interface FhirAccess {
  fhir_base_url: string;
  access_token: string;
}

/** An answer as it came. */
export interface FhirBytes {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

/** A page may be large: one of 4 MB was seen, and some servers answer a whole search in one. */
const LARGEST_PAGE = 64 * 1024 * 1024;
const PAGE_SECONDS = 30;

/** A FHIR base with one slash at its end. */
export function baseOf(fhir_base_url: string): string {
  return `${fhir_base_url.replace(/\/+$/, "")}/`;
}

/**
 * The URL that a server wrote, where the token may go to it: the FHIR base itself, with another query, or below it. Null for
 * one to elsewhere.
 */
export function urlBelow(base: string, written: string): URL | null {
  if (!URL.canParse(written, base)) return null;
  const url = new URL(written, base);
  const home = new URL(base);
  const below = url.pathname === home.pathname.slice(0, -1) || url.pathname.startsWith(home.pathname);
  // An escaped slash or dot may lead out of the base at a server that takes it for one.
  const escaped = /%2f|%5c|%2e/i.test(url.pathname);
  return url.origin === home.origin && below && !escaped && !url.username && !url.password ? url : null;
}

/**
 * GET below the FHIR base, as it comes: 64 MiB and 30 seconds at most. An aborted one rejects.
 *
 * @throws {DoorError} when the server cannot be reached, or its answer does not come whole
 */
export async function fetchFhir(
  door: Door,
  access: FhirAccess,
  url: URL,
  { accept, signal }: { accept: string; signal?: AbortSignal },
): Promise<FhirBytes> {
  if (!urlBelow(baseOf(access.fhir_base_url), url.href)) throw new TypeError("The URL leaves the FHIR base");
  const answer = await door.stream(url, {
    headers: { accept, authorization: `Bearer ${access.access_token}` },
    maxRedirects: 0,
    maxBytes: LARGEST_PAGE,
    timeoutSeconds: PAGE_SECONDS,
    ...(signal ? { signal } : {}),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return { status: answer.status, headers: answer.headers, bytes: Buffer.concat(chunks) };
}

/** A FHIR answer: JSON, or null where the body was none. */
export interface FhirAnswer {
  status: number;
  body: unknown;
}

/**
 * GET below the FHIR base.
 *
 * @param path relative to the base, such as `Patient?_count=2`
 * @throws {DoorError} when the server cannot be reached
 */
export async function readFhir(door: Door, access: FhirAccess, path: string): Promise<FhirAnswer> {
  const url = urlBelow(baseOf(access.fhir_base_url), path);
  if (!url) throw new TypeError("The path leaves the FHIR base");
  const response = await door.request(url, {
    headers: {
      accept: "application/fhir+json, application/json;q=0.9",
      authorization: `Bearer ${access.access_token}`,
    },
    maxRedirects: 0,
    maxBytes: 8 * 1024 * 1024,
  });
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) };
  } catch {
    return { status: response.status, body: null };
  }
}
