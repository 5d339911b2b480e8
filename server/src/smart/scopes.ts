/**
 * Scopes: which to ask for, in which syntax, and what was granted of them.
 *
 * @see SMART App Launch 2.2, "Scopes and Launch Context"
 */
import type { SmartConfiguration } from "./configuration.ts";
import type { ScopeSyntax, SourceProfile } from "./source-profile.ts";

/** The resource types that a patient's records are read from (US Core), asked for by name: some servers refuse the wildcard, and others inflate their token by it. */
export const RESOURCE_TYPES = [
  "Patient",
  "AllergyIntolerance",
  "CarePlan",
  "CareTeam",
  "Condition",
  "Coverage",
  "Device",
  "DiagnosticReport",
  "DocumentReference",
  "Encounter",
  "Goal",
  "Immunization",
  "Location",
  "Medication",
  "MedicationDispense",
  "MedicationRequest",
  "Observation",
  "Organization",
  "Practitioner",
  "PractitionerRole",
  "Procedure",
  "Provenance",
  "QuestionnaireResponse",
  "RelatedPerson",
  "ServiceRequest",
  "Specimen",
] as const;

const CONTEXT_SCOPES = ["launch/patient", "openid", "fhirUser", "offline_access"];

/** The scopes to ask a source for, in the order sent. */
export function requestedScopes(configuration: SmartConfiguration, profile: SourceProfile): string[] {
  if (profile.scopes) return [...new Set(profile.scopes)];
  const suffix = (profile.scope_syntax ?? scopeSyntax(configuration)) === "v2" ? "rs" : "read";
  return [...CONTEXT_SCOPES, ...RESOURCE_TYPES.map((type) => `patient/${type}.${suffix}`)];
}

/**
 * Which syntax a server reads: by its `permission-v1` and `permission-v2` capabilities, else by its `scopes_supported`,
 * else v1. A server with both is asked in v2, unless a profile or registration says otherwise.
 */
export function scopeSyntax(configuration: SmartConfiguration): ScopeSyntax {
  const v1 = configuration.capabilities.includes("permission-v1");
  const v2 = configuration.capabilities.includes("permission-v2");
  if (v1 !== v2) return v2 ? "v2" : "v1";
  const clinical = configuration.scopes_supported.filter((scope) => scope.includes("/") && scope.includes("."));
  const inV2 = clinical.some((scope) => /\.(?=[cruds])c?r?u?d?s?(\?|$)/.test(scope));
  const inV1 = clinical.some((scope) => /\.(read|write|\*)$/.test(scope));
  return (v2 && (inV2 || !inV1)) || (inV2 && !inV1) ? "v2" : "v1";
}

/** What came of a request for scopes. */
export interface GrantedScopes {
  /** As granted, without repeats. */
  granted: string[];
  /** Resource types asked for that cannot be read, sorted as asked. */
  not_granted: string[];
  /** True where at least one resource type can be read. */
  clinical: boolean;
}

/**
 * Compares what was granted with what was asked for. `.read` and `.rs` are the same right, as are `.r` and `.s` together; a
 * wildcard covers each type; a scope narrowed by a query grants its slice.
 *
 * @param requested the scopes as sent
 * @param answer the token answer's `scope`: absent means as requested (RFC 6749 section 5.1), empty means nothing
 */
export function compareScopes(requested: readonly string[], answer: string | undefined): GrantedScopes {
  const granted = [...new Set(answer === undefined ? requested : answer.split(/\s+/).filter(Boolean))];
  const readable = readableTypes(granted);
  const asked = readableTypes(requested);
  const missing = [...asked].filter((type) => !readable.has(type) && !readable.has("*"));
  return { granted, not_granted: missing, clinical: readable.size > 0 };
}

/** The resource types (or `*`) that scopes let an app both read and search. */
function readableTypes(scopes: readonly string[]): Set<string> {
  const rights = new Map<string, string>();
  for (const scope of scopes) {
    const match = /^(?:patient|user)\/([A-Za-z]+|\*)\.([a-z]+|\*)(?:\?.*)?$/.exec(scope);
    if (!match) continue;
    const [, type = "", right = ""] = match;
    const letters = right === "read" || right === "*" ? "rs" : right === "write" ? "" : right;
    rights.set(type, (rights.get(type) ?? "") + letters);
  }
  return new Set([...rights].filter(([, letters]) => letters.includes("r")).map(([type]) => type));
}
