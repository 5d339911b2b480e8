/**
 * The documents behind a record: what a DocumentReference or a DiagnosticReport points to, made anew each time from the
 * Binary's own id. Attachments come in the three ways that FHIR has: by a relative reference, by an absolute one, and inline.
 *
 * @see FHIR R4, Attachment and Binary
 */
import { createHash } from "node:crypto";
import type { Facility } from "./facilities.ts";

/** A document's bytes and their media type. */
export interface Content {
  type: string;
  bytes: Buffer;
}

const KINDS = ["application/pdf", "text/html", "application/xml"] as const;

/** The Binary's id says what kind it is: `…-0`, `…-1` and so on. */
const binaryId = (patient: string, n: number): string => `${patient}-note-${n}`;

/** The content of a Binary of a patient, or null where there is none of that id. */
export function binaryOf(patient: string, id: string): Content | null {
  const [, owner, number] = /^(.+)-note-(\d+)$/.exec(id) ?? [];
  return owner === patient ? contentOf(Number(number)) : null;
}

function contentOf(n: number): Content {
  const type = KINDS[n % KINDS.length] as string;
  const words = `Note ${n}. This patient does not exist, and neither does what is written here. `.repeat(3 + (n % 40));
  if (type === "application/pdf") return { type, bytes: pdf(`Note ${n} about nobody`, words) };
  if (type === "text/html") {
    return { type, bytes: Buffer.from(`<!doctype html><html><body><h1>Note ${n}</h1><p>${words}</p></body></html>`) };
  }
  const title = `<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Note ${n}</title>`;
  return { type, bytes: Buffer.from(`<?xml version="1.0"?>${title}<text>${words}</text></ClinicalDocument>`) };
}

/** The smallest PDF that shows a line. */
function pdf(title: string, words: string): Buffer {
  const stream = `BT /F1 12 Tf 72 720 Td (${title}) Tj ET\n% ${words}`;
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
    `<</Length ${stream.length}>>stream\n${stream}\nendstream`,
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const at = text.length;
    text += `${index + 1} 0 obj${object}endobj\n`;
    return `${String(at).padStart(10, "0")} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}`;
  return Buffer.from(
    `${text}${table}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF`,
  );
}

/**
 * The attachment of a patient's n-th document. Every third stands inline; of the others one is named by a relative reference
 * and one by an absolute one, which also tells its size and SHA-1, as R4 defines `hash`.
 */
export function attachmentOf(facility: Facility, patient: string, n: number): object {
  if (n % 3 === 2) {
    const words = Buffer.from(`Note ${n}, in line. Nobody was harmed in the writing of it.`);
    return { contentType: "text/plain", data: words.toString("base64"), size: words.length, title: `Note ${n}` };
  }
  const { type, bytes } = contentOf(n);
  const binary = `Binary/${binaryId(patient, n)}`;
  if (n % 3 === 0) return { contentType: type, url: binary };
  const hash = createHash("sha1").update(bytes).digest("base64");
  return { contentType: type, url: `${facility.fhirBaseUrl}/${binary}`, size: bytes.length, hash, title: `Note ${n}` };
}
