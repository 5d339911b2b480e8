/**
 * What stands in a patient's record: some hundreds of small resources over the types of US Core, or as many as are asked for,
 * the same each time for a facility and a person. Everything is invented.
 *
 * @see US Core Implementation Guide, Profiles
 */
import { type Account, fhirPatientId } from "./accounts.ts";
import {
  ALLERGIES,
  CONDITIONS,
  concept,
  MEDICATIONS,
  NOTES,
  PANELS,
  PROCEDURES,
  quantity,
  type Resource,
  status,
  VACCINES,
  VISITS,
} from "./codes.ts";
import { refer } from "./directory.ts";
import { attachmentOf } from "./documents.ts";
import type { Facility } from "./facilities.ts";
import { day, type Make, moment, type Person, pick } from "./making.ts";
import { observation } from "./observations.ts";

/** The types, with how many of every thousand records are of each; of each there is one at least. */
const MIX: Record<string, [share: number, make: Make]> = {
  Observation: [560, observation],
  Encounter: [
    70,
    (n, { subject }) => ({
      status: "finished",
      class: { system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: "AMB", display: "ambulatory" },
      type: [concept("snomed", pick(VISITS, n))],
      subject,
      participant: [{ individual: refer.practitioner(n) }],
      period: { start: moment(n), end: moment(n).replace("T08:00", "T08:40") },
      location: [{ location: refer.location(n) }],
      serviceProvider: refer.organization(),
    }),
  ],
  MedicationRequest: [
    60,
    // Every other names its medication by a reference, which is to be read or included.
    (n, { subject }) => ({
      status: pick(["active", "completed", "stopped"], n),
      intent: pick(["order", "order", "plan"], n),
      ...(n % 2 === 0
        ? { medicationCodeableConcept: concept("rxnorm", pick(MEDICATIONS, n)) }
        : { medicationReference: refer.medication(n) }),
      subject,
      authoredOn: day(n),
      requester: refer.practitioner(n),
      dosageInstruction: [{ text: "One in the morning" }],
    }),
  ],
  Condition: [
    50,
    (n, { subject }) => ({
      clinicalStatus: status("condition-clinical", "active"),
      verificationStatus: status("condition-ver-status", "confirmed"),
      category: [status("condition-category", pick(["problem-list-item", "encounter-diagnosis"], n))],
      code: concept("snomed", pick(CONDITIONS, n)),
      subject,
      onsetDateTime: day(n),
      recorder: refer.role(n),
    }),
  ],
  DiagnosticReport: [
    45,
    (n, { subject, facility, patient, own }) => ({
      status: "final",
      category: [{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0074", code: "LAB" }] }],
      code: concept("loinc", pick(PANELS, n)),
      subject,
      effectiveDateTime: moment(n),
      issued: moment(n),
      performer: [refer.organization()],
      result: [own("Observation", n), own("Observation", n + 1)],
      ...(n % 4 === 3 ? { presentedForm: [attachmentOf(facility, patient, n * 3)] } : {}),
    }),
  ],
  DocumentReference: [
    35,
    (n, { subject, facility, patient, own }) => ({
      status: "current",
      type: concept("loinc", pick(NOTES, n)),
      category: [
        {
          coding: [
            {
              system: "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
              code: "clinical-note",
            },
          ],
        },
      ],
      subject,
      date: moment(n),
      author: [refer.practitioner(n)],
      content: [{ attachment: attachmentOf(facility, patient, n) }],
      context: { encounter: [own("Encounter", n)] },
    }),
  ],
  Procedure: [
    30,
    (n, { subject }) => ({
      status: "completed",
      code: concept("snomed", pick(PROCEDURES, n)),
      subject,
      performedDateTime: day(n),
      performer: [{ actor: refer.practitioner(n) }],
    }),
  ],
  Immunization: [
    25,
    (n, { subject }) => ({
      status: "completed",
      vaccineCode: concept("cvx", pick(VACCINES, n)),
      patient: subject,
      occurrenceDateTime: day(n),
      primarySource: true,
      location: refer.location(n),
    }),
  ],
  ServiceRequest: [
    25,
    (n, { subject }) => ({
      status: "completed",
      intent: "order",
      category: [concept("snomed", ["108252007", "Laboratory procedure"])],
      code: concept("loinc", pick(PANELS, n)),
      subject,
      authoredOn: day(n),
      requester: refer.practitioner(n),
    }),
  ],
  MedicationDispense: [
    25,
    (n, { subject, own }) => ({
      status: "completed",
      medicationCodeableConcept: concept("rxnorm", pick(MEDICATIONS, n)),
      subject,
      authorizingPrescription: [own("MedicationRequest", n)],
      quantity: quantity("{tbl}", "30.0"),
      whenHandedOver: moment(n),
    }),
  ],
  Specimen: [
    20,
    (n, { subject }) => ({
      type: concept("snomed", ["119297000", "Blood specimen"]),
      subject,
      collection: { collectedDateTime: moment(n) },
    }),
  ],
  Provenance: [
    15,
    (n, { own }) => ({
      target: [own("Encounter", n), own("Condition", n)],
      recorded: moment(n),
      agent: [{ type: status("provenance-participant-type", "author"), who: refer.practitioner(n) }],
    }),
  ],
  CarePlan: [
    5,
    (_n, { subject }) => ({
      status: "active",
      intent: "plan",
      category: [
        { coding: [{ system: "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", code: "assess-plan" }] },
      ],
      subject,
      text: { status: "generated", div: '<div xmlns="http://www.w3.org/1999/xhtml">Walk a little each day.</div>' },
    }),
  ],
  Goal: [
    5,
    (n, { subject }) => ({
      lifecycleStatus: "active",
      description: { text: "Walk a little each day" },
      subject,
      startDate: day(n),
    }),
  ],
  AllergyIntolerance: [
    5,
    (n, { subject }) => ({
      clinicalStatus: status("allergyintolerance-clinical", "active"),
      verificationStatus: status("allergyintolerance-verification", "confirmed"),
      code: concept("snomed", pick(ALLERGIES, n)),
      patient: subject,
    }),
  ],
  CareTeam: [
    5,
    (n, { subject }) => ({
      status: pick(["active", "inactive"], n),
      subject,
      participant: [{ role: [concept("snomed", ["17561000", "Cardiologist"])], member: refer.practitioner(n) }],
    }),
  ],
  Coverage: [
    3,
    (_n, { subject }) => ({
      status: "active",
      beneficiary: subject,
      relationship: status("subscriber-relationship", "self"),
      payor: [refer.organization()],
    }),
  ],
  Device: [
    3,
    (_n, { subject }) => ({
      status: "active",
      type: concept("snomed", ["14106009", "Cardiac pacemaker"]),
      patient: subject,
    }),
  ],
  FamilyMemberHistory: [
    3,
    (n, { subject }) => ({
      status: "completed",
      patient: subject,
      relationship: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v3-RoleCode", code: "MTH" }] },
      condition: [{ code: concept("snomed", pick(CONDITIONS, n)) }],
    }),
  ],
  QuestionnaireResponse: [
    3,
    (n, { subject }) => ({
      status: "completed",
      subject,
      authored: moment(n),
      item: [{ linkId: "1", text: "Do you sleep well?", answer: [{ valueBoolean: n % 2 === 0 }] }],
    }),
  ],
  RelatedPerson: [
    3,
    (n, { subject }) => ({
      active: true,
      patient: subject,
      name: [{ family: "Inventedson", given: [`Relation ${n + 1}`] }],
    }),
  ],
};

/** How many there are of each type; what the shares leave over are observations. */
function countsOf(size: number): Map<string, number> {
  const counts = new Map(
    Object.entries(MIX).map(([type, [share]]) => [type, Math.max(1, Math.round((size * share) / 1000))]),
  );
  const sum = [...counts.values()].reduce((one, other) => one + other);
  return counts.set("Observation", Math.max(1, (counts.get("Observation") ?? 0) + size - sum));
}

/** The types that hold records of a patient, besides the Patient itself. */
export const CLINICAL_TYPES = Object.keys(MIX);

/**
 * Every record of a person at a facility, the Patient first.
 *
 * @param size how many in all; more where some type would else have none
 */
export function recordsOf(
  facility: Facility,
  { username, given, family, gender, birthDate }: Account,
  size: number,
): Resource[] {
  const patient = fhirPatientId(facility, username);
  const idOf = (type: string, n: number): string => `${patient}-${type.toLowerCase()}-${n + 1}`;
  const counts = countsOf(size - 1);
  const person: Person = {
    facility,
    patient,
    subject: { reference: `Patient/${patient}` },
    own: (type, n) => ({ reference: `${type}/${idOf(type, n % (counts.get(type) ?? 1))}` }),
  };
  const clinical = Object.entries(MIX).flatMap(([resourceType, [, make]]) =>
    Array.from({ length: counts.get(resourceType) ?? 0 }, (_, n): Resource => {
      const meta = { versionId: "1", lastUpdated: moment(n + 1) };
      return { resourceType, id: idOf(resourceType, n), meta, ...make(n, person) };
    }),
  );
  return [
    {
      resourceType: "Patient",
      id: patient,
      meta: { versionId: "1", lastUpdated: "2025-11-04T15:30:00Z" },
      identifier: [{ system: `${facility.issuer}/record-number`, value: patient.slice(0, 8).toUpperCase() }],
      name: [{ use: "official", family, given: [given] }],
      gender,
      birthDate,
      generalPractitioner: [refer.practitioner(0)],
    },
    ...clinical,
  ];
}
