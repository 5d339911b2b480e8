import { z } from "zod";
import { connectionDetail } from "./connection.ts";
import { metadata, patientId } from "./patient-session.ts";

/** What `mb.patients.create` takes. Unknown fields are refused. */
export const patientCreate = z.strictObject({
  id: patientId,
  name: z.string().min(1).max(200).nullish(),
  email: z.email().max(320).nullish(),
  metadata: metadata.nullish(),
});

/** What `mb.patients.update` takes: the patient is replaced whole, so what is left out becomes null. */
export const patientUpdate = patientCreate.omit({ id: true });

export type PatientCreate = z.infer<typeof patientCreate>;
export type PatientUpdate = z.infer<typeof patientUpdate>;

/** A patient, under the host's own id. */
export const patient = z.object({
  id: z.string(),
  resource_type: z.literal("patient"),
  name: z.string().nullable(),
  email: z.string().nullable(),
  metadata: metadata.nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});

export type Patient = z.infer<typeof patient>;

/** A patient with their connections, newest first. */
export const patientDetail = patient.extend({ connections: z.array(connectionDetail) });

export type PatientDetail = z.infer<typeof patientDetail>;
