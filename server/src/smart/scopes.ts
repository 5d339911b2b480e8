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
  "Binary",
  "CarePlan",
  "CareTeam",
  "Condition",
  "Coverage",
  "Device",
  "DiagnosticReport",
  "DocumentReference",
  "Encounter",
  "FamilyMemberHistory",
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

/**
 * The scopes to ask a source for, in the order sent, all in one syntax: the profile's list or else the default plan, with
 * what the profile adds, of that what its allow-list lets through.
 *
 * @param plan `fallback` asks for what the profile falls back to, where it has something
 */
export function requestedScopes(
  configuration: SmartConfiguration,
  profile: SourceProfile,
  plan: "whole" | "fallback" = "whole",
): string[] {
  const listed = (plan === "fallback" && profile.scopes_fallback) || profile.scopes;
  const extra = plan === "fallback" && profile.scopes_fallback ? [] : profile.extra_scopes;
  const bare = [...(listed ?? [...CONTEXT_SCOPES, ...RESOURCE_TYPES.map((type) => `patient/${type}`)]), ...extra];
  const syntax = profile.scope_syntax ?? writtenSyntax(bare) ?? scopeSyntax(configuration);
  const allowed = profile.scope_allowlist && new Set(profile.scope_allowlist.map(withoutRights));
  const asked = bare.filter((scope) => !allowed || allowed.has(withoutRights(scope)));
  return [...new Set(asked.map((scope) => (BARE.test(scope) ? `${scope}.${syntax === "v2" ? "rs" : "read"}` : scope)))];
}

/** A clinical scope that leaves the rights to the syntax. */
const BARE = /^(patient|user)\/([A-Za-z]+|\*)$/;

/** The syntax of clinical scopes that are written out; null where none is. */
function writtenSyntax(scopes: readonly string[]): ScopeSyntax | null {
  const written = scopes.find((scope) => /^(patient|user)\/[^.]+\./.test(scope));
  return written === undefined ? null : /\.(read|write|\*)$/.test(written) ? "v1" : "v2";
}

function withoutRights(scope: string): string {
  return scope.replace(/^((?:patient|user)\/[^.]+)\..*$/, "$1");
}

/**
 * Which syntax a server reads: by its `permission-v1` and `permission-v2` capabilities, else by its `scopes_supported`,
 * else v1. A server with both is asked in v2, unless a profile or registration says otherwise.
 */
export function scopeSyntax(configuration: SmartConfiguration): ScopeSyntax {
  const v1 = configuration.capabilities.includes("permission-v1");
  const v2 = configuration.capabilities.includes("permission-v2");
  if (v1 !== v2) return v2 ? "v2" : "v1";
  const clinical = configuration.scopes_supported.filter((scope) => /^(patient|user|system)\//.test(scope));
  const inV2 = clinical.some((scope) => /\.(?=[cruds])c?r?u?d?s?(\?|$)/.test(scope));
  const inV1 = clinical.some((scope) => /\.(read|write|\*)$/.test(scope));
  return (v2 && (inV2 || !inV1)) || (inV2 && !inV1) ? "v2" : "v1";
}

/** What came of a request for scopes. */
export interface GrantedScopes {
  /** As granted, without repeats. */
  granted: string[];
  /**
   * Resource types that cannot be read and searched as asked, in the order asked; a wildcard that was granted type by type
   * counts as every type of the plan.
   */
  not_granted: string[];
  /** True where at least one resource type can be read. */
  clinical: boolean;
}

/**
 * Compares what was granted with what was asked for. `.read` and `.rs` are the same right, as are `.r` and `.s` together; a
 * wildcard covers each type; a scope narrowed by a query grants its slice, and its type is not missing.
 *
 * @param requested the scopes as sent
 * @param answer the token answer's `scope`: absent means as requested (RFC 6749 section 5.1), empty means nothing
 */
export function compareScopes(requested: readonly string[], answer: string | undefined): GrantedScopes {
  const granted = [...new Set(answer === undefined ? requested : answer.split(/\s+/).filter(Boolean))];
  const rights = rightsOf(granted);
  const everything = rights.get("*") ?? "";
  const has = (type: string, wanted: string): boolean =>
    [...wanted].every((letter) => everything.includes(letter) || (rights.get(type) ?? "").includes(letter));
  const asked = [...rightsOf(requested)].flatMap(([type, letters]) =>
    type === "*" ? RESOURCE_TYPES.map((each) => [each, letters] as const) : [[type, letters] as const],
  );
  const missing = asked.filter(([type, letters]) => !has(type, letters)).map(([type]) => type);
  const clinical = [...rights.values()].some((letters) => letters.includes("r"));
  return { granted, not_granted: [...new Set(missing)], clinical };
}

/** Whether granted scopes let the app read and search a resource type, if only a slice of it. */
export function mayRead(granted: readonly string[], type: string): boolean {
  return !compareScopes([`patient/${type}.rs`], granted.join(" ")).not_granted.includes(type);
}

/** Whether granted scopes let the app read a resource of a type whose id it knows. */
export function mayReadOne(granted: readonly string[], type: string): boolean {
  return !compareScopes([`patient/${type}.r`], granted.join(" ")).not_granted.includes(type);
}

/**
 * The slices of a type that granted scopes open, each the query of its scope, such as `category=laboratory`; null where one
 * opens all of it.
 *
 * @see SMART App Launch 2.2, "Finer-grained resource constraints using search parameters"
 */
export function slicesOf(granted: readonly string[], type: string): string[] | null {
  const queries = granted.flatMap((scope) => {
    const [, of = "", query] = /^(?:patient|user)\/([A-Za-z]+|\*)\.[a-z*]+(?:\?(.*))?$/.exec(scope) ?? [];
    const opens = (of === type || of === "*") && rightsOf([scope]).get(of)?.includes("s");
    return opens ? [query ?? ""] : [];
  });
  return queries.length === 0 || queries.includes("") ? null : [...new Set(queries)];
}

/** For each resource type (or `*`) of clinical scopes, which of `r` and `s` they hold. */
function rightsOf(scopes: readonly string[]): Map<string, string> {
  const rights = new Map<string, string>();
  for (const scope of scopes) {
    const match = /^(?:patient|user)\/([A-Za-z]+|\*)\.([a-z]+|\*)(?:\?.*)?$/.exec(scope);
    if (!match) continue;
    const [, type = "", right = ""] = match;
    const letters = right === "read" || right === "*" ? "rs" : right === "write" ? "" : right.replace(/[^rs]/g, "");
    rights.set(type, (rights.get(type) ?? "") + letters);
  }
  return rights;
}
