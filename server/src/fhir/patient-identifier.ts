/** The host's own id of a patient, in the Patient resources that a host reads or is handed. */
import { editJson } from "./json-text.ts";

const SYSTEM = "urn:medblocks:patient-id";

/**
 * A Patient with the host's id of the patient as its first identifier, in place of any other of that system. All else stays
 * as it was written, numbers included.
 *
 * @param text a FHIR Patient
 */
export function withPatientIdentifier(text: string, patient_id: string): string {
  return editJson(text, (patient) => {
    const others = Array.isArray(patient.identifier) ? patient.identifier : [];
    patient.identifier = [{ system: SYSTEM, value: patient_id }, ...others.filter((one) => !isOurs(one))];
  });
}

function isOurs(identifier: unknown): boolean {
  return (identifier as { system?: unknown } | null)?.system === SYSTEM;
}
