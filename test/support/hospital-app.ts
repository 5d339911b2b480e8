/** A public app at the simulated hospital that a patient has let in: its tokens, and reads of the FHIR server as it is. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { Facility, HospitalClient } from "../../demo/hospital/server.ts";
import { type PortalVisit, visitPortal } from "./portal.ts";

const REDIRECT = "http://localhost:3000/api/callback";

/** What `startHospital` is to know the app by. */
export const HOSPITAL_APP: HospitalClient = {
  client_id: "app",
  redirect_uris: [REDIRECT],
  token_endpoint_auth_method: "none",
};

/** The resources of a Bundle, as far as the tests look at them. */
export interface Searchset {
  resourceType: string;
  total: number;
  link: { relation: string; url: string }[];
  entry?: { fullUrl: string; resource: Record<string, unknown>; search: { mode: string } }[];
}

export interface HospitalApp {
  /** FHIR id of the patient. */
  patient: string;
  /** A path below the FHIR base, or a whole URL, as that server answers. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** A search's first page; `$` stands for the patient's id. */
  search(path: string): Promise<Searchset>;
  /** All pages of a search, by its links `next`. */
  pages(path: string): Promise<Searchset[]>;
  /** Takes new tokens by the refresh token. */
  refresh(): Promise<void>;
}

/** Lets the app in at a facility. */
export async function letIn(at: Facility, scope: string, visit?: PortalVisit): Promise<HospitalApp> {
  const code_verifier = randomBytes(32).toString("base64url");
  const url = new URL(`${at.issuer}/authorize`);
  const parameters = {
    response_type: "code",
    client_id: HOSPITAL_APP.client_id,
    redirect_uri: REDIRECT,
    scope,
    state: "a-state",
    aud: at.fhirBaseUrl,
    code_challenge: createHash("sha256").update(code_verifier).digest("base64url"),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const code = (await visitPortal(url, visit)).searchParams.get("code") ?? "";
  const ask = async (form: Record<string, string>): Promise<Record<string, string>> => {
    const body = new URLSearchParams({ client_id: HOSPITAL_APP.client_id, ...form });
    const response = await fetch(`${at.issuer}/token`, { method: "POST", body });
    assert.equal(response.status, 200, "tokens");
    return (await response.json()) as Record<string, string>;
  };
  let tokens = await ask({ grant_type: "authorization_code", code, code_verifier, redirect_uri: REDIRECT });
  const patient = tokens.patient ?? "";
  const get: HospitalApp["get"] = (path, headers = {}) =>
    fetch(path.startsWith("http") ? path : `${at.fhirBaseUrl}/${path.replace("$", patient)}`, {
      headers: { Authorization: `Bearer ${tokens.access_token}`, Accept: "application/fhir+json", ...headers },
    });
  const search: HospitalApp["search"] = async (path) => {
    const response = await get(path);
    const text = await response.text();
    assert.equal(response.status, 200, text.slice(0, 300));
    return JSON.parse(text) as Searchset;
  };
  return {
    patient,
    get,
    search,
    async pages(path) {
      const pages: Searchset[] = [];
      for (let next: string | undefined = path; next; ) {
        const page: Searchset = await search(next);
        pages.push(page);
        next = page.link.find(({ relation }) => relation === "next")?.url;
      }
      return pages;
    },
    async refresh() {
      tokens = await ask({ grant_type: "refresh_token", refresh_token: tokens.refresh_token ?? "" });
    },
  };
}
