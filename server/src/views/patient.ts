/** Patients, as a host's server reads them. */
import type { Patient, PatientDetail } from "../../../shared/src/patient.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { findPatientRow } from "../store/patients.ts";
import type { PatientRow } from "../store/schema.ts";
import { connectionDetails } from "./connection.ts";

/** @throws {ConnectError} `resource_not_found` */
export async function retrievePatient(context: Context, id: string): Promise<PatientDetail> {
  const row = await findPatientRow(context.db, id);
  if (!row) throw patientNotFound();
  return { ...patientView(row), connections: await connectionDetails(context, id) };
}

export function patientView(row: PatientRow): Patient {
  return {
    id: row.id,
    resource_type: "patient",
    name: row.name,
    email: row.email,
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
}

export function patientNotFound(): ConnectError {
  return new ConnectError("resource_not_found", { message: "There is no such patient", param: "id" });
}
