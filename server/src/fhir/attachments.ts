/**
 * The documents that a record points to: a DocumentReference by its contents, a DiagnosticReport by its presented forms. Reads
 * the resource as parsed, and what it says of each is hostile until proven: a patient's token goes only below the FHIR base.
 *
 * @see FHIR R4, Attachment, DocumentReference, DiagnosticReport
 */
import { baseOf, urlBelow } from "./client.ts";

/** One document, as a record tells of it. */
export interface Attachment {
  /** Which of the record's contents, from 0. */
  position: number;
  /** A media type in small letters and without parameters, or null where none that makes sense is given. */
  content_type: string | null;
  /** Where to read it, below the FHIR base; null where it is inline, or where no token may go. */
  url: string | null;
  /** Its bytes in base64 as they stand in the record, or null. */
  data: string | null;
  /** Of the bytes; null where it is not given, or cannot be right. */
  size: number | null;
  /** The bytes of a SHA-1, as FHIR has it, or of a SHA-256; null where it is neither. */
  hash: Buffer | null;
  /**
   * What tells one state of the document from the next. Not its URL: where a document is made anew at each reading, its URL is
   * made anew with it, and the document is known by the record that names it.
   */
  version: string;
}

/** Where a type of resource keeps its attachments. */
const PLACES: Readonly<Record<string, (resource: Said) => unknown[]>> = {
  DocumentReference: ({ content }) => list(content).map((one) => said(one).attachment),
  DiagnosticReport: ({ presentedForm }) => list(presentedForm),
};

/** Whether resources of this type have attachments at all. */
export function hasAttachments(type: string): boolean {
  return Object.hasOwn(PLACES, type);
}

/** The attachments of a resource; those that name nothing to read are left out. */
export function attachmentsIn(resource: unknown, fhirBaseUrl: string): Attachment[] {
  const { resourceType, status, docStatus, meta } = said(resource);
  const { versionId, lastUpdated } = said(meta);
  const found = Object.hasOwn(PLACES, String(resourceType)) ? PLACES[String(resourceType)]?.(said(resource)) : [];
  return (found ?? []).flatMap((one, position) => {
    const { contentType, url, data, size, hash, creation } = said(one);
    const inline = text(data);
    if (inline === null && text(url) === null) return [];
    return {
      position,
      content_type: mediaType(contentType),
      url: inline === null ? below(fhirBaseUrl, text(url) ?? "") : null,
      data: inline,
      size: typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null,
      hash: digest(hash),
      version: JSON.stringify([status, docStatus, versionId ?? lastUpdated, contentType, size, hash, creation]),
    };
  });
}

/** A media type as `type/subtype` in small letters, or null where it is none. */
export function mediaType(value: unknown): string | null {
  const [, type = null] = /^\s*([\w.+-]+\/[\w.+-]+)\s*(?:;|$)/.exec(text(value) ?? "") ?? [];
  return type && type.length <= 100 ? type.toLowerCase() : null;
}

/** The URL where it lies below the base, else null. */
function below(fhirBaseUrl: string, url: string): string | null {
  const base = baseOf(fhirBaseUrl);
  const found = url.startsWith("#") ? null : urlBelow(base, url);
  return found && found.pathname.length > new URL(base).pathname.length ? found.href : null;
}

function digest(hash: unknown): Buffer | null {
  const bytes = Buffer.from(text(hash) ?? "", "base64");
  return bytes.length === 20 || bytes.length === 32 ? bytes : null;
}

type Said = Record<string, unknown>;

function said(value: unknown): Said {
  return typeof value === "object" && value !== null ? (value as Said) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
