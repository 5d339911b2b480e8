/** Reads from a hospital's FHIR server with a patient's access token. The token goes nowhere but below the connection's own FHIR base. */
import type { Door } from "../fetch.ts";

/** What reads go out with. */
export interface FhirAccess {
  fhir_base_url: string;
  access_token: string;
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
  const base = new URL(`${access.fhir_base_url.replace(/\/+$/, "")}/`);
  const url = new URL(path, base);
  if (url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) {
    throw new TypeError("The path leaves the FHIR base");
  }
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
