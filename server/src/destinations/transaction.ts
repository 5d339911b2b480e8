/**
 * Records as entries of a transaction for another FHIR server, which gives them ids of its own. Each is known there by a name
 * of ours, so that coming twice changes nothing; references are turned into what they mean there. Reads records as text and
 * writes text, since numbers must stay as they are.
 *
 * @see FHIR R4, 3.1.0.4.3 "Conditional update", 3.1.0.11.2 "Transaction processing rules"
 */
import { createHash } from "node:crypto";
import { editJson, type Json } from "../fhir/json-text.ts";
import type { HandedRecord } from "./destination.ts";

/** The system of the names that records have at a FHIR server: an identifier's, or a tag's. */
export const RECORD_SYSTEM = "urn:mb-connect:record";

/** Whose records they are: what makes a hospital's ids unique. */
export interface Origin {
  connection_id: string;
  /** Without a slash at its end. */
  fhir_base_url: string;
}

/** A resource of the hospital's, `Patient/123`. */
export type RecordKey = `${string}/${string}`;

/** Types of which a resource has no identifier, or has one only and may need it itself; these are known by a tag. */
const TAGGED: ReadonlySet<string> = new Set([
  "AuditEvent",
  "Binary",
  "Bundle",
  "Composition",
  "Linkage",
  "MessageHeader",
  "OperationOutcome",
  "Parameters",
  "Provenance",
  "QuestionnaireResponse",
  "VerificationResult",
]);

/** The name that a record has at a FHIR server. */
export function recordName({ connection_id }: Pick<Origin, "connection_id">, key: RecordKey): string {
  return `${connection_id}/${key}`;
}

/** The search that finds records of one type by their names. */
export function searchFor(type: string, names: readonly string[]): string {
  const parameter = TAGGED.has(type) ? "_tag" : "identifier";
  return `${type}?${parameter}=${names.map((name) => encodeURIComponent(`${RECORD_SYSTEM}|${name}`)).join(",")}`;
}

/** The names of ours that a resource bears. */
export function namesOf(resource: unknown): string[] {
  const { identifier, meta } = (resource ?? {}) as { identifier?: unknown; meta?: { tag?: unknown } };
  const named = [...listOf(identifier), ...listOf(meta?.tag)] as {
    system?: unknown;
    value?: unknown;
    code?: unknown;
  }[];
  return named.filter((one) => one?.system === RECORD_SYSTEM).map(({ value, code }) => String(value ?? code));
}

/**
 * What the resources refer to, each once: those of the same hospital, told by their keys.
 *
 * @param text a resource
 */
export function referencesIn(text: string, origin: Origin): Set<RecordKey> {
  const found = new Set<RecordKey>();
  editJson(text, (resource) =>
    rewriteReferences(resource, (reference) => {
      const key = keyOf(reference, origin);
      if (key) found.add(key);
      return reference;
    }),
  );
  return found;
}

/**
 * A transaction's text that creates or updates records.
 *
 * @param idOf the id that a resource which is not among the records has at the destination; undefined where it has none.
 *   Those are referred to where they are, at the hospital, so that no reference leads to a stranger of the same id.
 */
export function transactionOf(
  records: readonly HandedRecord[],
  origin: Origin,
  idOf: (key: RecordKey) => string | undefined,
): string {
  const within = new Set<RecordKey>(records.map(keyOfRecord));
  const target = (reference: string): string => {
    const key = keyOf(reference, origin);
    if (key && within.has(key)) return uuidOf(origin, key);
    const id = key ? idOf(key) : undefined;
    if (key && id !== undefined) return `${typeOf(key)}/${id}`;
    return isRelative(reference) ? `${origin.fhir_base_url}/${reference}` : reference;
  };
  const entries = records.map((record) => {
    const key = keyOfRecord(record);
    const resource = editJson(record.text, (value) => {
      rewriteReferences(value, target);
      name(value, record.type, recordName(origin, key));
      // The server gives its own; one that it does not know would be refused, or taken for another resource's.
      value.id = undefined;
    });
    const request = JSON.stringify({ method: "PUT", url: searchFor(record.type, [recordName(origin, key)]) });
    return `{"fullUrl":"${uuidOf(origin, key)}","resource":${resource},"request":${request}}`;
  });
  return `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(",")}]}`;
}

/** The type of what a key names. */
export function typeOf(key: RecordKey): string {
  return key.slice(0, key.indexOf("/"));
}

/** A record's key. */
export function keyOfRecord({ type, fhir_id }: Pick<HandedRecord, "type" | "fhir_id">): RecordKey {
  return `${type}/${fhir_id}`;
}

function name(resource: Record<string, Json | undefined>, type: string, value: string): void {
  if (!TAGGED.has(type)) {
    resource.identifier = [...listOf(resource.identifier), { system: RECORD_SYSTEM, value }];
    return;
  }
  const meta = isObject(resource.meta) ? resource.meta : {};
  resource.meta = { ...meta, tag: [...listOf(meta.tag), { system: RECORD_SYSTEM, code: value }] };
}

/** Goes through all References, and the URLs of attachments that are relative. */
function rewriteReferences(value: Json | undefined, target: (reference: string) => string): void {
  if (Array.isArray(value)) {
    for (const one of value) rewriteReferences(one, target);
  } else if (isObject(value)) {
    for (const [member, one] of Object.entries(value)) {
      if (typeof one !== "string") rewriteReferences(one, target);
      else if (member === "reference" || (member === "url" && one.startsWith("Binary/"))) value[member] = target(one);
    }
  }
}

/** What a reference names, where it is a resource of the same hospital; null for any other. */
function keyOf(reference: string, { fhir_base_url }: Origin): RecordKey | null {
  const base = `${fhir_base_url}/`;
  const path = reference.startsWith(base) ? reference.slice(base.length) : reference;
  const [, type, id] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/.exec(path) ?? [];
  return type && id ? `${type}/${id}` : null;
}

// What remains is contained (#…) or says itself where it is (https:…, urn:…).
function isRelative(reference: string): boolean {
  return !/^(#|[a-z][a-z0-9+.-]*:)/i.test(reference);
}

/** Names an entry within its bundle; the same for the same record, so that a bundle sent again is the same. */
function uuidOf(origin: Origin, key: RecordKey): string {
  const hash = createHash("sha256").update(recordName(origin, key)).digest("hex");
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 3) | 8).toString(16);
  // Version 8 is for what is made as one likes (RFC 9562 section 5.8).
  return `urn:uuid:${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

function isObject(value: unknown): value is Record<string, Json | undefined> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf<T>(value: T): (T extends readonly (infer One)[] ? One : Json)[] {
  return (Array.isArray(value) ? value : []) as (T extends readonly (infer One)[] ? One : Json)[];
}
