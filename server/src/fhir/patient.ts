/** Finds which FHIR patient a grant is for. */
import type { Door } from "../fetch.ts";
import { readFhir } from "./client.ts";

/** A patient, and the route by which they were found. */
export interface FoundPatient {
  fhir_patient_id: string;
  patient_from: "token" | "id_token" | "search";
}

/** @see FHIR R4, "id" */
export const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;

/**
 * The first of these that answers: the token's `patient`; a verified `fhirUser` that is a Patient below this FHIR base (a
 * RelatedPerson or Person is the patient's proxy, never the patient); a search that finds exactly one.
 *
 * @param grant.fhirUser of a verified id_token only
 * @returns null where no patient, or more than one, was found
 * @see SMART App Launch 2.2, "Scopes for requesting context data" and "Scopes for requesting identity data"
 */
export async function findPatient(
  door: Door,
  grant: { fhir_base_url: string; access_token: string; patient: string | null; fhirUser: unknown },
): Promise<FoundPatient | null> {
  if (grant.patient !== null) return { fhir_patient_id: grant.patient, patient_from: "token" };
  const user = patientReference(grant.fhirUser, grant.fhir_base_url);
  if (user !== null) return { fhir_patient_id: user, patient_from: "id_token" };
  const answer = await readFhir(door, grant, "Patient").catch(() => null);
  const ids = answer?.status === 200 ? patientIds(answer.body) : new Set<string>();
  const [only] = ids;
  return ids.size === 1 && only !== undefined ? { fhir_patient_id: only, patient_from: "search" } : null;
}

function patientReference(reference: unknown, fhirBaseUrl: string): string | null {
  if (typeof reference !== "string") return null;
  const base = `${fhirBaseUrl.replace(/\/+$/, "")}/`;
  const relative = reference.startsWith(base) ? reference.slice(base.length) : reference;
  const [type, id = "", ...rest] = relative.split("/");
  return type === "Patient" && rest.length === 0 && FHIR_ID.test(id) ? id : null;
}

function patientIds(bundle: unknown): Set<string> {
  const entries = (bundle as { entry?: { resource?: { resourceType?: unknown; id?: unknown } }[] } | null)?.entry;
  const ids = (Array.isArray(entries) ? entries : [])
    .filter((entry) => entry?.resource?.resourceType === "Patient")
    .map((entry) => entry.resource?.id);
  return new Set(ids.filter((id): id is string => typeof id === "string" && FHIR_ID.test(id)));
}
