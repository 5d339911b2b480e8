/**
 * A page of a search as it came: each resource with its own text, whose it is, and where the next page is. Validates the
 * envelope only; what a resource says is the hospital's.
 *
 * @see FHIR R4, Bundle, "searchset"
 */
import { sliceResources } from "./json-slices.ts";
import { type Issue, issuesOf } from "./operation-outcome.ts";
import { FHIR_ID } from "./patient.ts";
import { REFERENCED_TYPES, type ResourceKey, referencesOf, resolveReference } from "./reference.ts";

/** Whose records are read, from where. */
export interface Subject {
  fhir_patient_id: string;
  /** With a slash at its end. */
  base: string;
}

/** A resource as it came. */
export interface PageRecord extends ResourceKey {
  /** Its own text. */
  body: string;
  last_updated: number | null;
  version_id: string | null;
  /** `match`: of the patient. `include`: came along. `foreign`: names another patient. */
  role: "match" | "include" | "foreign";
  /** Practitioners and the like that it refers to. */
  references: ResourceKey[];
}

/** What a page holds. */
export interface Page {
  records: PageRecord[];
  /** What the server said of the search itself. */
  issues: Issue[];
  /** Entries that are no resource with a type and an id, or nested beyond reason. */
  unusable: number;
  /** As the server wrote it; null on the last page. */
  next: string | null;
  /** As the server wrote it; null on the first page, or where it does not tell. */
  previous: string | null;
}

type Json = Record<string, unknown>;

/**
 * Reads a page.
 *
 * @param type that was searched for; null for all
 * @returns null where the answer is no Bundle: HTML, text that broke off, or a single resource
 */
export function readPage(bytes: Buffer, subject: Subject, type: string | null): Page | null {
  const bundle = parseJson(bytes);
  if (bundle?.resourceType !== "Bundle") return null;
  const slices = sliceResources(bytes);
  const page: Page = {
    records: [],
    issues: [],
    unusable: 0,
    next: linkOf(bundle, /^next$/),
    previous: linkOf(bundle, /^prev(ious)?$/),
  };
  for (const [index, entry] of list(bundle.entry).entries()) {
    const { resource, search } = (entry ?? {}) as { resource?: Json; search?: { mode?: unknown } };
    const body = slices[index];
    if (resource?.resourceType === "OperationOutcome") page.issues.push(...issuesOf(resource));
    else if (search?.mode !== "outcome") {
      const matches = isMatch(search?.mode, String(resource?.resourceType), type);
      const record = body === undefined ? null : readRecord(resource, body, subject, matches);
      if (record) page.records.push(record);
      else page.unusable += 1;
    }
  }
  return page;
}

/** A practitioner never is the patient's record, whatever a server that sends all there is calls it. */
function isMatch(mode: unknown, found: string, searched: string | null): boolean {
  if (found === searched) return mode !== "include";
  return !REFERENCED_TYPES.has(found) && (mode === "match" || (mode !== "include" && searched === null));
}

/** The resource that an answer is as a whole; null where it is none with a type and an id, or nested beyond reason. */
export function readSingle(bytes: Buffer, subject: Subject, matches: boolean): PageRecord | null {
  const resource = parseJson(bytes);
  return resource && readRecord(resource, textOf(bytes).trim(), subject, matches);
}

/** The JSON object that an answer is, or null. */
export function parseJson(bytes: Buffer): Json | null {
  try {
    const value: unknown = JSON.parse(textOf(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : null;
  } catch {
    return null;
  }
}

function textOf(bytes: Buffer): string {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString("utf8", marked ? 3 : 0);
}

function readRecord(resource: unknown, body: string, subject: Subject, matches: boolean): PageRecord | null {
  const { resourceType: type, id, meta } = (resource ?? {}) as { resourceType?: unknown; id?: unknown; meta?: Json };
  if (typeof type !== "string" || !TYPE.test(type) || typeof id !== "string" || !FHIR_ID.test(id)) return null;
  const references = referencesOf(resource, subject.base);
  if (!references) return null;
  const updated = Date.parse(String(meta?.lastUpdated ?? ""));
  return {
    type,
    fhir_id: id,
    body,
    last_updated: Number.isNaN(updated) ? null : updated,
    version_id: typeof meta?.versionId === "string" ? meta.versionId : null,
    role: namesAnother(resource as Json, subject) ? "foreign" : matches ? "match" : "include",
    references,
  };
}

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;

/** True where a resource says that it is about another patient than the one who granted access. */
function namesAnother(resource: Json, { fhir_patient_id, base }: Subject): boolean {
  if (resource.resourceType === "Patient") return resource.id !== fhir_patient_id;
  return [resource.subject, resource.patient, resource.beneficiary].some((about) => {
    const reference = (about as Json | null | undefined)?.reference;
    if (typeof reference !== "string") return false;
    // A server may know itself by another address than the catalog's: only the end counts.
    const key = resolveReference(reference.replace(/^https?:\/\/.*\/(?=Patient\/)/, ""), base);
    return key?.type === "Patient" && key.fhir_id !== fhir_patient_id;
  });
}

function linkOf(bundle: Json, relation: RegExp): string | null {
  const link = list(bundle.link).find((one) => relation.test(String((one as Json | null)?.relation)));
  const { url } = (link ?? {}) as { url?: unknown };
  return typeof url === "string" && url !== "" ? url : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
