/**
 * Search over a person's record: which parameters a type knows, what they match, and the pages of an answer. A further page is
 * named by a link that tells nothing of the search behind it and dies after a while, as at the large vendors.
 *
 * @see FHIR R4, Search: token, date and reference parameters, _include, _revinclude, _count, paging; US Core, search requirements
 */
import type { Resource } from "./codes.ts";
import type { Facility } from "./facilities.ts";
import { CLINICAL_TYPES } from "./records.ts";
import { type Chart, type Entry, type FurtherPage, type HospitalState, randomToken, type Search } from "./state.ts";

/** Milliseconds that a link to a further page works. */
const PAGE_LIFE_MS = 5 * 60_000;

/** Which types know which parameter, beside `patient`, `_id` and `_count`, which all do. Others are ignored, as servers may. */
const KNOWN: Record<string, readonly string[]> = {
  category: ["CarePlan", "Condition", "DiagnosticReport", "DocumentReference", "Observation", "ServiceRequest"],
  status: [
    "CarePlan",
    "CareTeam",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "MedicationRequest",
    "Observation",
  ],
  intent: ["MedicationRequest", "ServiceRequest"],
  _lastUpdated: [
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "Observation",
    "Procedure",
  ],
};

const INCLUDE = "MedicationRequest:medication";
const REVINCLUDE = "Provenance:target";

/** The search parameters of a type, with FHIR's name for their kind, as a CapabilityStatement lists them. */
export function parametersOf(type: string): { name: string; type: string }[] {
  const kinds: Record<string, string> = { category: "token", status: "token", intent: "token", _lastUpdated: "date" };
  const known = Object.entries(kinds).filter(([name]) => KNOWN[name]?.includes(type));
  return [
    ...(type === "Patient" ? [] : [{ name: "patient", type: "reference" }]),
    { name: "_id", type: "token" },
    ...known.map(([name, kind]) => ({ name, type: kind })),
  ];
}

/** What further resources a search of a type can bring along. */
export const includesOf = (type: string): object => ({
  ...(type === "MedicationRequest" ? { searchInclude: [INCLUDE] } : {}),
  ...(type === "Patient" || type === "Provenance" ? {} : { searchRevInclude: [REVINCLUDE] }),
});

/** Types that can be searched for; the rest of what is known here is only read. */
export const SEARCHED_TYPES = ["Patient", ...CLINICAL_TYPES];

/** Why a search is refused: HTTP status, FHIR issue type, and the words. */
export type Refusal = readonly [status: number, code: string, diagnostics: string];

/** Runs a search; whether Provenance may be brought along is the scopes' matter. */
export function search(
  chart: Chart,
  facility: Facility,
  {
    username,
    type,
    query,
    provenance,
  }: { username: string; type: string; query: URLSearchParams; provenance: boolean },
): Search | Refusal {
  const heeded = new URLSearchParams();
  const asked = (name: string): string | null => {
    const value = query.get(name);
    if (value !== null) heeded.set(name, value);
    return value;
  };
  const named = asked(type === "Patient" ? "_id" : "patient")?.replace(/^Patient\//, "");
  if (type !== "Patient" && named === undefined) return [403, "forbidden", "Search by the patient who granted access"];
  if (named !== undefined && named !== chart.patient)
    return [403, "forbidden", "That is not the patient who granted access"];
  const needed = facility.requires[type];
  if (needed && !query.has(needed)) return [400, "required", `Searches for ${type} need the parameter ${needed}`];
  const count = Number(asked("_count") ?? facility.pageSize);
  if (!Number.isInteger(count) || count < 0) return [400, "invalid", "_count is not valid"];

  let matches = chart.byType.get(type) ?? [];
  const id = type === "Patient" ? null : asked("_id");
  if (id !== null) matches = matches.filter(({ resource }) => id.split(",").includes(resource.id));
  for (const name of ["category", "status", "intent"]) {
    const value = KNOWN[name]?.includes(type) ? asked(name) : null;
    if (value !== null) matches = matches.filter(({ resource }) => hasToken(resource[name], value.split(",")));
  }
  if (KNOWN._lastUpdated?.includes(type)) {
    for (const value of query.getAll("_lastUpdated")) {
      const holds = lastUpdated(value);
      if (!holds) return [400, "invalid", "_lastUpdated is not valid"];
      heeded.append("_lastUpdated", value);
      matches = matches.filter(({ resource }) => holds(resource));
    }
  }
  const include = type === "MedicationRequest" && query.getAll("_include").includes(INCLUDE);
  const revinclude = provenance && type !== "Patient" && query.getAll("_revinclude").includes(REVINCLUDE);
  if (include) heeded.set("_include", INCLUDE);
  if (revinclude) heeded.set("_revinclude", REVINCLUDE);
  return {
    slug: facility.slug,
    username,
    type,
    matches,
    count: Math.min(count, facility.pageSize),
    include,
    revinclude,
    heeded,
  };
}

/** Whether a code, a concept or a list of concepts holds one of some tokens, `code` or `system|code`. */
function hasToken(value: unknown, tokens: string[]): boolean {
  if (typeof value === "string") return tokens.includes(value);
  const concepts = (Array.isArray(value) ? value : [value]) as { coding?: { system?: string; code: string }[] }[];
  const codings = concepts.flatMap((one) => one?.coding ?? []);
  return codings.some(({ system, code }) => tokens.includes(code) || tokens.includes(`${system}|${code}`));
}

/** The test of a `_lastUpdated` with one of the prefixes gt, ge, lt and le; null where it is none. */
function lastUpdated(value: string): ((resource: Resource) => boolean) | null {
  const [, prefix, text = ""] = /^(gt|ge|lt|le)(\d{4}-\d\d-\d\d(?:T.+)?)$/.exec(value) ?? [];
  const bound = Date.parse(text);
  if (Number.isNaN(bound)) return null;
  return ({ meta }) => {
    const at = Date.parse((meta as { lastUpdated: string }).lastUpdated);
    return prefix === "gt" ? at > bound : prefix === "ge" ? at >= bound : prefix === "lt" ? at < bound : at <= bound;
  };
}

/** Where a link leads: the page, or null where it is not known or not any more. */
export function furtherPage(state: HospitalState, id: string): FurtherPage | null {
  const page = state.pages.get(id);
  return page && state.clock() < page.expires_at ? page : null;
}

/** A page as the text of a Bundle: matches, then what they bring along, then an outcome where the facility adds one. */
export function bundleText(
  state: HospitalState,
  facility: Facility,
  chart: Chart,
  search: Search,
  offset: number,
): string {
  const { type, matches, count } = search;
  const page = matches.slice(offset, offset + count);
  const link = [{ relation: "self", url: `${facility.fhirBaseUrl}/${type}?${search.heeded}` }];
  if (count > 0 && offset + count < matches.length) {
    link.unshift({
      relation: "next",
      url: `${facility.fhirBaseUrl}/${type}?sessionID=${linkTo(state, search, offset + count)}`,
    });
  }
  const entries = [
    ...page.map((entry) => entryText(facility, entry, "match")),
    ...broughtAlong(chart, search, page).map((entry) => entryText(facility, entry, "include")),
    ...(facility.outcomeInEach ? [OUTCOME] : []),
  ];
  const head = JSON.stringify({ resourceType: "Bundle", type: "searchset", total: matches.length, link });
  // A list that is empty does not stand in FHIR's JSON.
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(",")}]}`;
}

function linkTo(state: HospitalState, search: Search, offset: number): string {
  const now = state.clock();
  for (const [id, { expires_at }] of state.pages) {
    if (expires_at > now) break;
    state.pages.delete(id);
  }
  const id = randomToken();
  state.pages.set(id, { search, offset, expires_at: now + PAGE_LIFE_MS });
  return id;
}

function entryText(facility: Facility, { resource, text }: Entry, mode: string): string {
  return `{"fullUrl":"${facility.fhirBaseUrl}/${resource.resourceType}/${resource.id}","resource":${text},"search":{"mode":"${mode}"}}`;
}

function broughtAlong(chart: Chart, { include, revinclude }: Search, page: Entry[]): Entry[] {
  const found: Entry[] = [];
  if (include) {
    const references = page.map(
      ({ resource }) => (resource.medicationReference as { reference: string } | undefined)?.reference,
    );
    for (const reference of new Set(references)) {
      const entry = chart.byReference.get(reference ?? "");
      if (entry) found.push(entry);
    }
  }
  if (revinclude) {
    const targets = new Set(page.map(({ resource }) => `${resource.resourceType}/${resource.id}`));
    const pointsHere = ({ resource }: Entry): boolean =>
      (resource.target as { reference: string }[]).some(({ reference }) => targets.has(reference));
    found.push(...(chart.byType.get("Provenance") ?? []).filter(pointsHere));
  }
  return found;
}

/** What one large vendor adds to each of its searchsets. */
const OUTCOME = JSON.stringify({
  fullUrl: "urn:uuid:6f3d2c1e-8a54-4b7e-9c0d-2f1a5b6c7d8e",
  resource: {
    resourceType: "OperationOutcome",
    issue: [
      { severity: "warning", code: "suppressed", diagnostics: "Some kinds of records are not shown to this app" },
    ],
  },
  search: { mode: "outcome" },
});
