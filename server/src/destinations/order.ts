/** In which order types of records are handed over: what others refer to comes before those others, as far as it can. */

const FIRST = [
  "Organization",
  "Location",
  "Practitioner",
  "PractitionerRole",
  "Medication",
  "Patient",
  "RelatedPerson",
  "Device",
  "Encounter",
  "Condition",
  "Goal",
  "CareTeam",
  "Specimen",
  "ServiceRequest",
  "MedicationRequest",
];
const LAST = ["CarePlan", "DiagnosticReport", "Provenance"];

/** Compares two types; those that nothing is known of come by name. */
export function byHandOver(one: string, other: string): number {
  return rank(one) - rank(other) || (one < other ? -1 : one > other ? 1 : 0);
}

function rank(type: string): number {
  const first = FIRST.indexOf(type);
  if (first >= 0) return first;
  const last = LAST.indexOf(type);
  return last >= 0 ? FIRST.length + 1 + last : FIRST.length;
}
