/**
 * The plan of a pull: which types are asked for, and by which searches. The compartment's types that the server knows and
 * the patient granted.
 */
import type { Capabilities } from "../fhir/capability-statement.ts";
import { PATIENT_COMPARTMENT } from "../fhir/patient-compartment.ts";
import { mayRead, mayReadOne, slicesOf } from "../smart/scopes.ts";
import type { SourceProfile } from "../smart/source-profile.ts";
import type { PullRow, PullTypeRow } from "../store/schema.ts";
import { newPlace, type Place } from "./place.ts";

/** The one search that asks for all there is. */
export const EVERYTHING = "$everything";

/** What a plan is made of. */
export interface PlanInput {
  profile: Pick<SourceProfile, "search_overrides" | "everything">;
  /** Scopes as granted. */
  scopes: readonly string[];
  /** Types that were asked for and not granted. */
  not_granted: readonly string[];
  /** Null where the server does not tell. */
  capabilities: Capabilities | null;
  mode: PullRow["mode"];
  /** What earlier pulls left. */
  known: readonly Pick<PullTypeRow, "type" | "complete_at" | "incremental" | "searches">[];
}

/** A type as planned: with its work, or with what there is to say instead. */
export interface PlannedType {
  type: string;
  state: "waiting" | "not_granted" | "unsupported";
  place: Place | null;
}

/** Older than the last good pull by this, so that clocks which disagree lose nothing. */
const OVERLAP_MS = 24 * 3600 * 1000;

/** Plans a pull. A type that was neither asked for nor granted is not in it. */
export function planPull(input: PlanInput): PlannedType[] {
  const { scopes, capabilities, not_granted } = input;
  return Object.keys(PATIENT_COMPARTMENT).flatMap((type): PlannedType[] => {
    const granted = type === "Patient" ? mayReadOne(scopes, type) : mayRead(scopes, type);
    if (!granted) return not_granted.includes(type) ? [{ type, state: "not_granted", place: null }] : [];
    if (capabilities && !capabilities.has(type)) return [{ type, state: "unsupported", place: null }];
    return [{ type, state: "waiting", place: placeOf(type, input) }];
  });
}

function placeOf(type: string, { profile, scopes, capabilities, mode, known }: PlanInput): Place {
  if (type === "Patient") return newPlace([profile.everything ? EVERYTHING : ""]);
  const before = known.find((one) => one.type === type);
  const asked = profile.search_overrides[type] ?? slicesOf(scopes, type) ?? [""];
  const learned = before?.searches ? (JSON.parse(before.searches) as string[]) : null;
  const since = mode === "incremental" ? (before?.complete_at ?? null) : null;
  const listed = capabilities?.get(type)?.searchParams.has("_lastUpdated") ?? false;
  const extras = extrasOf(type, scopes, capabilities);
  if (since === null || !listed || before?.incremental === 0) return newPlace(asked, { extras });
  const from = new Date(since - OVERLAP_MS).toISOString();
  return newPlace(learned ?? asked, { extras, since: from, probe: before?.incremental !== 1 });
}

/** What each search of a type asks for beside its matches: what was granted, and where the server tells, what it offers. */
function extrasOf(type: string, scopes: readonly string[], capabilities: Capabilities | null): string[] {
  const rule = PATIENT_COMPARTMENT[type];
  const offered = capabilities?.get(type);
  const extras: string[] = [];
  if (rule?.include && (!offered || offered.includes.has(rule.include))) extras.push(`_include=${rule.include}`);
  const provenance = "Provenance:target";
  if (mayRead(scopes, "Provenance") && (!offered || offered.revincludes.has(provenance))) {
    extras.push(`_revinclude=${provenance}`);
  }
  return extras;
}
