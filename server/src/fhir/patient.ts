/** Finds which FHIR patient a grant is for. */
import { decodeJwt } from "jose";
import type { Door } from "../fetch.ts";
import { type FhirAccess, readFhir } from "./client.ts";

/** The patient, and the route by which they were found; or why there is none. */
export type FoundPatient =
  | { fhir_patient_id: string; patient_from: "token" | "id_token" | "access_token" | "search" | "beneficiary" }
  | { fhir_patient_id: null; reason: "no_patient" | "several_patients" };

/** A place to look for the patient. `access_token:x` is the claim x of an access token that is a JWT. */
export type PatientRoute = "token" | "id_token" | "search" | `access_token:${string}`;

/** @see FHIR R4, "id" */
export const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

const NOBODY: FoundPatient = { fhir_patient_id: null, reason: "no_patient" };
const SEVERAL: FoundPatient = { fhir_patient_id: null, reason: "several_patients" };

/**
 * Looks along the routes; the first that tells wins. `token` is the answer's `patient`. `id_token` is a verified `fhirUser`
 * that is a Patient below this FHIR base: a RelatedPerson or Person is the patient's proxy, never the patient. `search`
 * finds the one Patient that the token opens; where Patient is refused, the one beneficiary of all Coverage, or else of all
 * ExplanationOfBenefit. A search that has more pages has not found just one.
 *
 * @param grant.fhirUser of a verified id_token only
 * @see SMART App Launch 2.2, "Scopes for requesting context data" and "Scopes for requesting identity data"
 */
export async function findPatient(
  door: Door,
  grant: FhirAccess & { patient: string | null; fhirUser: unknown; patient_from: readonly PatientRoute[] },
): Promise<FoundPatient> {
  for (const route of grant.patient_from) {
    if (route === "search") {
      const found = await searchPatient(door, grant);
      if (found !== NOBODY) return found;
      continue;
    }
    const fhir_patient_id =
      route === "token"
        ? grant.patient
        : route === "id_token"
          ? patientIn(grant.fhirUser, grant.fhir_base_url)
          : claimOf(grant.access_token, route.slice("access_token:".length));
    const patient_from = route === "token" || route === "id_token" ? route : "access_token";
    if (fhir_patient_id !== null) return { fhir_patient_id, patient_from };
  }
  return NOBODY;
}

// The claim is as good as the answer's own `patient`: both come out of the token endpoint, and neither is signed for us.
function claimOf(access_token: string, claim: string): string | null {
  try {
    const value = decodeJwt(access_token)[claim];
    return typeof value === "string" && FHIR_ID.test(value) ? value : null;
  } catch {
    return null;
  }
}

/** The id of a reference to a Patient below a FHIR base, relative or absolute; null for all else. */
function patientIn(reference: unknown, fhirBaseUrl: string): string | null {
  if (typeof reference !== "string") return null;
  const base = new URL(`${fhirBaseUrl.replace(/\/+$/, "")}/`).href;
  const url = URL.canParse(reference, base) ? new URL(reference, base).href : "";
  const [type, id = "", ...rest] = url.startsWith(base) ? url.slice(base.length).split("/") : [];
  return type === "Patient" && rest.length === 0 && FHIR_ID.test(id) ? id : null;
}

async function searchPatient(door: Door, access: FhirAccess): Promise<FoundPatient> {
  const resources = [
    {
      type: "Patient",
      search: "Patient",
      patientOf: ({ id }: Resource) => (typeof id === "string" && FHIR_ID.test(id) ? id : null),
    },
    {
      type: "Coverage",
      search: "Coverage?_count=50",
      patientOf: ({ beneficiary }: Resource) => patientIn(beneficiary?.reference, access.fhir_base_url),
    },
    {
      type: "ExplanationOfBenefit",
      search: "ExplanationOfBenefit?_count=50",
      patientOf: ({ patient }: Resource) => patientIn(patient?.reference, access.fhir_base_url),
    },
  ];
  for (const { type, search, patientOf } of resources) {
    const answer = await readFhir(door, access, search).catch(() => null);
    const bundle = answer?.status === 200 ? (answer.body as Bundle | null) : null;
    const found = resourcesIn(bundle, type).map(patientOf);
    if (found.length === 0) continue;
    const [only] = new Set(found);
    const more = list(bundle?.link).some((link) => link?.relation === "next");
    // A patient that cannot be read is a second one for all we know.
    if (more || only === null || only === undefined || new Set(found).size > 1) return SEVERAL;
    return { fhir_patient_id: only, patient_from: type === "Patient" ? "search" : "beneficiary" };
  }
  return NOBODY;
}

interface Resource {
  resourceType?: unknown;
  id?: unknown;
  beneficiary?: { reference?: unknown } | null;
  patient?: { reference?: unknown } | null;
}

interface Bundle {
  entry?: ({ resource?: Resource | null } | null)[];
  link?: ({ relation?: unknown } | null)[];
}

function resourcesIn(bundle: Bundle | null, type: string): Resource[] {
  return list(bundle?.entry).flatMap((entry) => (entry?.resource?.resourceType === type ? [entry.resource] : []));
}

function list<T>(value: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(value) ? value : [];
}
