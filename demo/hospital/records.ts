/**
 * What stands in a patient's record: about a dozen small resources, the same each time for a facility and a person.
 * Everything is invented; codes are from SNOMED CT, LOINC, RxNorm and CVX.
 *
 * @see US Core Implementation Guide, Profiles
 */
import { type Account, fhirPatientId } from "./accounts.ts";
import type { Facility } from "./facilities.ts";

/** A FHIR R4 resource, as far as this server looks at one. */
export interface Resource {
  resourceType: string;
  id: string;
  [element: string]: unknown;
}

const SYSTEMS = {
  snomed: "http://snomed.info/sct",
  loinc: "http://loinc.org",
  rxnorm: "http://www.nlm.nih.gov/research/umls/rxnorm",
  cvx: "http://hl7.org/fhir/sid/cvx",
};

const concept = (system: keyof typeof SYSTEMS, code: string, display: string): object => ({
  coding: [{ system: SYSTEMS[system], code, display }],
  text: display,
});

const status = (system: string, code: string): object => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

/** Every record of a person at a facility, the Patient first. */
export function recordsOf(facility: Facility, account: Account): Resource[] {
  const patient = fhirPatientId(facility, account.username);
  const subject = { reference: `Patient/${patient}` };
  const numbered = new Map<string, number>();
  const resource = (resourceType: string, elements: object): Resource => {
    const number = (numbered.get(resourceType) ?? 0) + 1;
    numbered.set(resourceType, number);
    const meta = { lastUpdated: "2025-11-04T15:30:00Z" };
    return { resourceType, id: `${patient}-${resourceType.toLowerCase()}-${number}`, meta, ...elements };
  };
  const condition = (code: string, display: string, onsetDateTime: string): Resource =>
    resource("Condition", {
      clinicalStatus: status("condition-clinical", "active"),
      verificationStatus: status("condition-ver-status", "confirmed"),
      category: [status("condition-category", "problem-list-item")],
      code: concept("snomed", code, display),
      subject,
      onsetDateTime,
    });
  const observation = (category: string, code: string, display: string, value: number, unit: string): Resource =>
    resource("Observation", {
      status: "final",
      category: [status("observation-category", category)],
      code: concept("loinc", code, display),
      subject,
      effectiveDateTime: "2025-10-28T08:15:00Z",
      valueQuantity: { value, unit, system: "http://unitsofmeasure.org", code: unit },
    });
  const medication = (code: string, display: string, text: string): Resource =>
    resource("MedicationRequest", {
      status: "active",
      intent: "order",
      medicationCodeableConcept: concept("rxnorm", code, display),
      subject,
      authoredOn: "2025-06-12",
      dosageInstruction: [{ text }],
    });
  return [
    {
      resourceType: "Patient",
      id: patient,
      meta: { lastUpdated: "2025-11-04T15:30:00Z" },
      identifier: [{ system: `${facility.issuer}/record-number`, value: patient.slice(0, 8).toUpperCase() }],
      name: [{ use: "official", family: account.family, given: [account.given] }],
      gender: account.gender,
      birthDate: account.birthDate,
    },
    condition("38341003", "Hypertensive disorder", "2019-05-02"),
    condition("195967001", "Asthma", "1998-09-14"),
    resource("AllergyIntolerance", {
      clinicalStatus: status("allergyintolerance-clinical", "active"),
      verificationStatus: status("allergyintolerance-verification", "confirmed"),
      code: concept("snomed", "91936005", "Allergy to penicillin"),
      patient: subject,
    }),
    medication("314076", "lisinopril 10 MG Oral Tablet", "One tablet in the morning"),
    medication("745679", "albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "Two puffs when short of breath"),
    observation("vital-signs", "8867-4", "Heart rate", 68, "/min"),
    observation("vital-signs", "29463-7", "Body weight", 71.5, "kg"),
    observation("laboratory", "4548-4", "Hemoglobin A1c", 5.4, "%"),
    resource("Immunization", {
      status: "completed",
      vaccineCode: concept("cvx", "140", "Influenza, seasonal, injectable, preservative free"),
      patient: subject,
      occurrenceDateTime: "2025-10-28",
      primarySource: true,
    }),
    resource("Procedure", {
      status: "completed",
      code: concept("snomed", "80146002", "Appendectomy"),
      subject,
      performedDateTime: "2007-08-19",
    }),
    resource("Encounter", {
      status: "finished",
      class: { system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: "AMB", display: "ambulatory" },
      type: [concept("snomed", "185349003", "Encounter for check up")],
      subject,
      period: { start: "2025-10-28T08:00:00Z", end: "2025-10-28T08:40:00Z" },
      serviceProvider: { display: facility.name },
    }),
  ];
}
