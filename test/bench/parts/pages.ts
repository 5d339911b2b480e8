/** Searchset pages as a hospital would send them: a hundred Conditions each, of some 1.4 kB, none alike. */

/** All pages of a search, as bytes; a hundred records each. */
export function searchsets(pages: number, at = "http://127.0.0.1:9/fhir"): Buffer[] {
  return Array.from({ length: pages }, (_, page) => Buffer.from(searchset(at, page, pages)));
}

/** Records on a page. */
export const PER_PAGE = 100;

const CONDITIONS = ["Seasonal allergic rhinitis", "Essential hypertension", "Migraine without aura", "Low back pain"];

function searchset(at: string, page: number, pages: number): string {
  const link = [{ relation: "self", url: `${at}/Condition?page=${page}` }];
  if (page + 1 < pages) link.push({ relation: "next", url: `${at}/Condition?page=${page + 1}` });
  const entry = Array.from({ length: PER_PAGE }, (_, index) => {
    const resource = condition(page * PER_PAGE + index);
    return { fullUrl: `${at}/Condition/${resource.id}`, resource, search: { mode: "match" } };
  });
  return JSON.stringify({ resourceType: "Bundle", type: "searchset", total: pages * PER_PAGE, link, entry });
}

function condition(n: number) {
  const name = CONDITIONS[n % CONDITIONS.length] ?? "";
  const day = new Date(Date.UTC(2015, 0, 1 + (n % 3650))).toISOString();
  return {
    resourceType: "Condition",
    id: `condition-${n}`,
    meta: {
      versionId: "1",
      lastUpdated: day,
      profile: ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns"],
    },
    text: {
      status: "generated",
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${name}, noted on ${day}</p></div>`,
    },
    clinicalStatus: {
      coding: [
        { system: "http://terminology.hl7.org/CodeSystem/condition-clinical", code: "active", display: "Active" },
      ],
    },
    verificationStatus: {
      coding: [{ system: "http://terminology.hl7.org/CodeSystem/condition-ver-status", code: "confirmed" }],
    },
    category: [
      {
        coding: [
          {
            system: "http://terminology.hl7.org/CodeSystem/condition-category",
            code: "problem-list-item",
            display: "Problem List Item",
          },
        ],
      },
    ],
    code: {
      coding: [{ system: "http://snomed.info/sct", code: String(10_000_000 + (n % 977)), display: name }],
      text: name,
    },
    subject: { reference: "Patient/example-patient" },
    onsetDateTime: day,
    recordedDate: day,
    note: [{ text: `Visit ${n}: the same as last time. ${"Nothing new was seen. ".repeat(12)}` }],
  };
}
