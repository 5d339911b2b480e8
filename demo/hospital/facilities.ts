/**
 * Two hundred invented facilities and the few that are broken on purpose. Made from `names.ts` by counting, so that every
 * run of the demo offers the same ones. All sign in at the one simulated hospital, told apart by the first part of the path.
 */
import { CIVIC, FAMILIES, PATRON_KINDS, PATRONS, PORTALS, PRACTICES, SYSTEMS, TOWNS } from "./names.ts";

/** What a facility does wrong; its name says the same. */
export type Fault =
  | "declines"
  | "never_answers"
  | "wrong_issuer"
  | "dead_token_endpoint"
  | "no_refresh_token"
  | "fewer_scopes"
  | "answers_html"
  | "expires_tokens"
  | "throttles"
  | "throttles_by_date"
  | "overloaded"
  | "forbids_procedures"
  | "lacks_goals"
  | "html_care_plans"
  | "cuts_short"
  | "hangs_up";

/** A facility as a patient would name it. Those of one health system share `slug`, portal and FHIR endpoint. */
export interface Facility {
  name: string;
  /** The health system above it, or null. */
  brand: string | null;
  city: string | null;
  state: string | null;
  zip: string | null;
  /** First part of the path of everything this facility answers. */
  slug: string;
  /** Name of its patient portal. */
  portal: string;
  /** The authorization server's issuer; not the FHIR base, as is usual. */
  issuer: string;
  /** FHIR base URL, without a slash at its end; the only `aud` that is taken. */
  fhirBaseUrl: string;
  /** Which scope syntax is understood; what is written in the other is dropped without a word. */
  scopeSyntax: "v1" | "v2" | "both";
  /** Whether authorization responses carry `iss` (RFC 9207). */
  issParameter: boolean;
  /** Searches that are refused without one more parameter: type → `category`, `status` or `intent`. */
  requires: Record<string, string>;
  /** Whether each searchset carries an OperationOutcome entry. */
  outcomeInEach: boolean;
  /** Matches on a page, at most; a smaller `_count` is heeded. */
  pageSize: number;
  /** A test may change it while the hospital runs. */
  fault: Fault | null;
}

/** Their names share no word with what a patient would type, so they are found by those who look for them. */
const FAULTS: Record<Fault, string> = {
  declines: "declines",
  never_answers: "never answers",
  wrong_issuer: "wrong issuer",
  dead_token_endpoint: "dead token endpoint",
  no_refresh_token: "without refresh token",
  fewer_scopes: "fewer scopes",
  answers_html: "answers HTML",
  expires_tokens: "expires tokens",
  throttles: "throttles, seconds form",
  throttles_by_date: "throttles, HTTP form",
  overloaded: "overloaded",
  forbids_procedures: "forbids procedures",
  lacks_goals: "lacks goals",
  html_care_plans: "HTML instead",
  cuts_short: "truncates",
  hangs_up: "severs answers",
};

/** What servers want to know beside the patient: nothing, or as Epic and others do, or as US Core allows for. */
const REQUIREMENTS: Record<string, string>[] = [
  {},
  { Observation: "category", Condition: "category", CarePlan: "category" },
  { CareTeam: "status", MedicationRequest: "intent" },
];

const PAGE_SIZES = [50, 100, 20] as const;

const SYNTAXES = ["both", "v2", "v1"] as const;

const slugOf = (words: string): string =>
  words
    .toLowerCase()
    .replace(/['.:]/g, "")
    .replace(/[^a-z0-9]+/g, "-");

const pick = <T>(from: readonly T[], index: number): T => from[index % from.length] as T;

/**
 * Every facility of the hospital that listens at `url`.
 *
 * @param url origin without a slash at its end
 */
export function facilitiesAt(url: string): Facility[] {
  const facility = (name: string, rest: Partial<Facility>, index: number): Facility => {
    const slug = slugOf(rest.brand ?? name);
    return {
      name,
      brand: null,
      city: null,
      state: null,
      zip: null,
      slug,
      portal: pick(PORTALS, index),
      issuer: `${url}/${slug}`,
      fhirBaseUrl: `${url}/${slug}/fhir`,
      scopeSyntax: pick(SYNTAXES, index),
      issParameter: index % 2 === 0,
      requires: pick(REQUIREMENTS, index),
      outcomeInEach: index % 5 === 4,
      pageSize: pick(PAGE_SIZES, index),
      fault: null,
      ...rest,
    };
  };
  const invented = TOWNS.flatMap(({ name: city, state, zip }, index) => {
    const place = { city, state, zip };
    const system = index % SYSTEMS.length;
    const brand = SYSTEMS[system] as string;
    return [
      facility(`${city} ${pick(CIVIC, index)}`, place, index),
      facility(`${pick(PATRONS, index)} ${pick(PATRON_KINDS, index)}`, place, index + 1),
      facility(`${pick(FAMILIES, index)} ${pick(PRACTICES, index)}`, place, index + 2),
      facility(`${brand} ${city}`, { ...place, brand }, system),
    ];
  });
  const faulty = Object.entries(FAULTS).map(([fault, words]) =>
    facility(`Test server: ${words}`, { fault: fault as Fault, scopeSyntax: "both", issParameter: true }, 0),
  );
  return [...invented, ...faulty];
}
