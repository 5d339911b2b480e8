/**
 * What is asked for of a patient's records: each type, and how a search for it is narrowed at a server that does not take
 * the patient alone. Data; the plan is made of it.
 *
 * @see US Core, "US Core Server CapabilityStatement" and the profiles' mandatory search parameters
 */
import type { Demanded } from "./operation-outcome.ts";

/** How one type is searched. */
export interface CompartmentType {
  /** Where a server demands a parameter, the values that are asked for one after another. */
  values: Partial<Record<Demanded, readonly string[]>>;
  /** An `_include` that spares reads, where the server offers it. */
  include?: string;
}

const REQUEST_STATUS = [
  "active",
  "completed",
  "on-hold",
  "stopped",
  "cancelled",
  "draft",
  "entered-in-error",
  "unknown",
];
const EVENT_STATUS = [
  "completed",
  "in-progress",
  "preparation",
  "not-done",
  "on-hold",
  "stopped",
  "entered-in-error",
  "unknown",
];
const REPORT_STATUS = [
  "final",
  "registered",
  "partial",
  "preliminary",
  "amended",
  "corrected",
  "appended",
  "cancelled",
  "entered-in-error",
  "unknown",
];

/** Each type of the compartment. `Patient` is a read. Practitioners and the like come by reference, Provenance by `_revinclude`. */
export const PATIENT_COMPARTMENT: Readonly<Record<string, CompartmentType>> = {
  Patient: { values: {} },
  AllergyIntolerance: { values: {} },
  CarePlan: { values: { category: ["assess-plan"], status: REQUEST_STATUS } },
  CareTeam: { values: { status: ["active", "proposed", "suspended", "inactive", "entered-in-error"] } },
  Condition: { values: { category: ["problem-list-item", "encounter-diagnosis", "health-concern"] } },
  Coverage: { values: { status: ["active", "cancelled", "draft", "entered-in-error"] } },
  Device: { values: { status: ["active", "inactive", "entered-in-error", "unknown"] } },
  DiagnosticReport: {
    values: { category: ["LAB", "LP29684-5", "LP29708-2", "LP7839-6"], status: REPORT_STATUS },
  },
  DocumentReference: {
    values: { category: ["clinical-note"], status: ["current", "superseded", "entered-in-error"] },
  },
  Encounter: {
    values: {
      status: [
        "finished",
        "in-progress",
        "planned",
        "arrived",
        "triaged",
        "onleave",
        "cancelled",
        "entered-in-error",
        "unknown",
      ],
    },
  },
  ExplanationOfBenefit: { values: { status: ["active", "cancelled", "draft", "entered-in-error"] } },
  FamilyMemberHistory: { values: { status: ["completed", "partial", "health-unknown", "entered-in-error"] } },
  Goal: { values: {} },
  Immunization: { values: { status: ["completed", "not-done", "entered-in-error"] } },
  MedicationDispense: {
    values: { status: [...EVENT_STATUS, "cancelled", "declined"] },
    include: "MedicationDispense:medication",
  },
  MedicationRequest: {
    values: {
      intent: [
        "order",
        "plan",
        "proposal",
        "original-order",
        "reflex-order",
        "filler-order",
        "instance-order",
        "option",
      ],
      status: REQUEST_STATUS,
    },
    include: "MedicationRequest:medication",
  },
  Observation: {
    values: {
      category: [
        "laboratory",
        "vital-signs",
        "social-history",
        "survey",
        "sdoh",
        "exam",
        "imaging",
        "procedure",
        "therapy",
        "activity",
        "smartdata",
        "core-characteristics",
      ],
      status: [
        "final",
        "registered",
        "preliminary",
        "amended",
        "corrected",
        "cancelled",
        "entered-in-error",
        "unknown",
      ],
    },
  },
  Procedure: { values: { status: EVENT_STATUS } },
  QuestionnaireResponse: { values: { status: ["completed", "in-progress", "amended", "stopped", "entered-in-error"] } },
  RelatedPerson: { values: {} },
  ServiceRequest: {
    values: {
      category: [
        "387713003",
        "103693007",
        "108252007",
        "363679005",
        "409063005",
        "409073007",
        "386053000",
        "410606002",
      ],
      status: ["active", "completed", "on-hold", "revoked", "draft", "entered-in-error", "unknown"],
      intent: [
        "order",
        "plan",
        "proposal",
        "directive",
        "original-order",
        "reflex-order",
        "filler-order",
        "instance-order",
        "option",
      ],
    },
  },
  Specimen: { values: {} },
};
