/**
 * SMART scopes: which of those asked for a facility grants, which request a granted scope allows, and what the consent
 * page calls them. Knows both spellings, `patient/Observation.read` (v1) and `patient/Observation.rs` (v2).
 *
 * @see SMART App Launch 2.2, Scopes and Launch Context
 */
import type { Facility } from "./facilities.ts";

/** Type of record → what a patient calls it. The types are those of US Core. */
const WORDS: Record<string, string> = {
  Patient: "Your name, birth date, address and contact details",
  AllergyIntolerance: "Your allergies",
  Binary: "Documents and letters",
  CarePlan: "Your care plans and goals",
  CareTeam: "Who cares for you",
  Condition: "Your conditions and diagnoses",
  Coverage: "Your health insurance",
  Device: "Implants and devices",
  DiagnosticReport: "Test results and reports",
  DocumentReference: "Documents and letters",
  Encounter: "Your visits",
  FamilyMemberHistory: "Family history",
  Goal: "Your care plans and goals",
  Immunization: "Your vaccinations",
  Location: "Your visits",
  Medication: "Your medications",
  MedicationDispense: "Your medications",
  MedicationRequest: "Your medications",
  Observation: "Test results, vital signs and social history",
  Organization: "Who cares for you",
  Practitioner: "Who cares for you",
  PractitionerRole: "Who cares for you",
  Procedure: "Procedures you had",
  Provenance: "Where each record came from",
  QuestionnaireResponse: "Answers you gave in questionnaires",
  RelatedPerson: "People related to you",
  ServiceRequest: "Tests and referrals that were ordered",
  Specimen: "Test results and reports",
};

export const RESOURCE_TYPES = Object.keys(WORDS);

const PERSONAL = ["launch/patient", "openid", "fhirUser", "offline_access"];

/** What a facility grants where `fewer_scopes` is its fault. */
const FEWER = ["Patient", "Condition"];

interface ClinicalScope {
  type: string;
  syntax: "v1" | "v2";
  read: boolean;
  search: boolean;
}

/** A `patient/…` scope taken apart; null where it is none, asks to write, or is narrowed by a query. */
function clinicalScope(scope: string): ClinicalScope | null {
  const [, type, v1, v2] = /^patient\/(\*|[A-Z][A-Za-z]+)\.(?:(read)|(rs?|s))$/.exec(scope) ?? [];
  if (!type || !(type === "*" || Object.hasOwn(WORDS, type))) return null;
  if (v1) return { type, syntax: "v1", read: true, search: true };
  return { type, syntax: "v2", read: v2?.includes("r") ?? false, search: v2?.includes("s") ?? false };
}

/** The scopes that a facility grants of those asked for; the rest fall away in silence, as at real ones. */
export function grantable(asked: string[], facility: Facility): string[] {
  return [...new Set(asked)].filter((scope) => {
    if (scope === "offline_access") return facility.fault !== "no_refresh_token";
    if (PERSONAL.includes(scope)) return true;
    const clinical = clinicalScope(scope);
    if (!clinical) return false;
    if (facility.fault === "fewer_scopes" && !FEWER.includes(clinical.type)) return false;
    return facility.scopeSyntax === "both" || facility.scopeSyntax === clinical.syntax;
  });
}

/** Whether the scopes allow an interaction with records of a type. */
export const allows = (scopes: string[], type: string, interaction: "read" | "search"): boolean =>
  scopes
    .map(clinicalScope)
    .some((scope) => scope?.[interaction] === true && (scope.type === "*" || scope.type === type));

/** What the clinical scopes open, in a patient's words, each thing once. */
export function inPlainWords(scopes: string[]): string[] {
  const types = scopes.flatMap((scope) => clinicalScope(scope)?.type ?? []);
  const words = types.flatMap((type) => (type === "*" ? Object.values(WORDS) : (WORDS[type] ?? [])));
  return [...new Set(words)];
}

/** What the SMART configuration lists. */
export function scopesSupported(facility: Facility): string[] {
  const suffixes = { v1: ["read"], v2: ["rs"], both: ["read", "rs"] }[facility.scopeSyntax];
  const types = ["*", ...RESOURCE_TYPES];
  return [...PERSONAL, ...types.flatMap((type) => suffixes.map((suffix) => `patient/${type}.${suffix}`))];
}
