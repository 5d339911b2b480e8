/** References between resources: which resource below a FHIR base one means. */
import { FHIR_ID } from "./patient.ts";

/** A resource by type and id. */
export interface ResourceKey {
  type: string;
  fhir_id: string;
}

/**
 * What a reference means below a FHIR base, with the slash at the base's end; null for one to elsewhere, into the resource
 * itself (`#x`), or by another scheme (`urn:uuid:`). A version is left out.
 *
 * @see FHIR R4, References, "Literal References"
 */
export function resolveReference(reference: string, base: string): ResourceKey | null {
  const relative = reference.startsWith(base) ? reference.slice(base.length) : reference;
  const [type = "", fhir_id = "", history, , ...rest] = relative.split("/");
  const plain = (history === undefined || history === "_history") && rest.length === 0;
  return plain && TYPE.test(type) && FHIR_ID.test(fhir_id) ? { type, fhir_id } : null;
}

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;

/** The types that are read by reference where records name them: who, where and what, but nothing of another patient. */
export const REFERENCED_TYPES: ReadonlySet<string> = new Set([
  "Practitioner",
  "PractitionerRole",
  "Organization",
  "Location",
  "Medication",
]);

/** No record is nested as deep; what is would exhaust the stack of whoever writes or reads it. */
const DEEPEST = 200;

/** The resources of those types that a resource refers to, wherever in it; repeats included. Null where it is nested beyond 200. */
export function referencesOf(resource: unknown, base: string): ResourceKey[] | null {
  const found: ResourceKey[] = [];
  return collect(resource, base, found, 0) ? found : null;
}

/** False where it goes too deep. */
function collect(value: unknown, base: string, found: ResourceKey[], depth: number): boolean {
  if (depth > DEEPEST) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && !collect(item, base, found, depth + 1)) return false;
    return true;
  }
  for (const name in value as Record<string, unknown>) {
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === "object") {
      if (member !== null && !collect(member, base, found, depth + 1)) return false;
    } else if (name === "reference" && typeof member === "string") {
      const key = resolveReference(member, base);
      if (key && REFERENCED_TYPES.has(key.type)) found.push(key);
    }
  }
  return true;
}
