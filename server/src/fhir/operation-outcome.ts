/** What a FHIR server says of itself: the issues of an OperationOutcome. Its words are read for a few signs and kept nowhere. */

/** One issue. `text` is the server's own, which is neither stored nor logged. */
export interface Issue {
  severity: string;
  /** @see FHIR R4, value set "issue-type" */
  code: string;
  text: string;
}

/** The issues of an OperationOutcome; none of anything else. */
export function issuesOf(resource: unknown): Issue[] {
  const { resourceType, issue } = (resource ?? {}) as { resourceType?: unknown; issue?: unknown };
  if (resourceType !== "OperationOutcome" || !Array.isArray(issue)) return [];
  return issue.map((one) => {
    const { severity, code, diagnostics, details } = (one ?? {}) as Record<string, unknown>;
    const { text } = (details ?? {}) as Record<string, unknown>;
    return { severity: String(severity), code: String(code), text: [diagnostics, text].filter(isString).join(" ") };
  });
}

/** True where an issue means that what was asked for is not all there. */
export function isFailing({ severity }: Issue): boolean {
  return severity === "error" || severity === "fatal";
}

/** Parameters that servers are known to insist on beside the patient. */
export type Demanded = "category" | "code" | "status" | "intent";

/** What a server demands that a search did not say. */
export interface Demand {
  /** The issue code says so; else only its words do. */
  certain: boolean;
  /** The parameters that its words name, in the order of this list: category, code, status, intent. */
  named: Demanded[];
}

const DEMANDED: readonly Demanded[] = ["category", "code", "status", "intent"];

/**
 * What a server that refused a search demands; null where it is not about a missing parameter. The issue code `required`
 * tells for certain; for servers that use another, their words do.
 */
export function demandOf(issues: readonly Issue[]): Demand | null {
  const certain = issues.filter(({ code }) => code === "required");
  const words = (certain.length > 0 ? certain : issues.filter(isFailing)).map(({ text }) => text).join(" ");
  const named = DEMANDED.filter((name) => new RegExp(`\\b${name}\\b`, "i").test(words));
  return certain.length > 0 || named.length > 0 ? { certain: certain.length > 0, named } : null;
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
