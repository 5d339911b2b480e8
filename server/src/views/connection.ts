/** Connections, as a host's server reads them and as the patient's own page does. */
import type { Connection, ConnectionDetail, PatientConnection } from "../../../shared/src/connection.ts";
import { ENDPOINTS } from "../../../shared/src/endpoints.ts";
import type { EventObjects } from "../../../shared/src/webhook.ts";
import type { Context } from "../context.ts";
import { listConnections } from "../store/connections.ts";
import { readProgress } from "../store/pulls.ts";
import type { AttemptRow, ConnectionRow } from "../store/schema.ts";
import { pullView } from "./pull.ts";
import { time } from "./time.ts";

// On the wire `connection_id` is the source's id. That spelling is kept there and nowhere else: in the store and in the
// code a source is `source_id` and a link is a connection. The views, the session init and the return URL are the mapping.
export function connectionView(row: ConnectionRow): Connection {
  return {
    id: row.id,
    resource_type: "connection",
    patient_session_id: row.session_id,
    connection_id: row.source_id,
    status: row.status,
    scopes: JSON.parse(row.scopes),
    failure_code: row.failure_code,
    failure_at: time(row.failure_at),
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
}

/** A patient's connections with how their pulls go, newest first. */
export async function connectionDetails({ db, clock }: Context, patient_id: string): Promise<ConnectionDetail[]> {
  const rows = await listConnections(db, patient_id, clock());
  const progress = await readProgress(db, idsOf(rows));
  return rows.map((row) => ({ ...connectionView(row), pull: pullView(progress.get(row.id)) }));
}

/** An attempt that failed, as an event tells of it. */
export function failedConnectionView(attempt: AttemptRow, patient_id: string): EventObjects["connection.failed"] {
  return {
    id: null,
    resource_type: "connection",
    patient_id,
    patient_session_id: attempt.session_id,
    connection_id: attempt.source_id,
    status: "failed",
    failure_code: attempt.failure_code ?? "internal_error",
    failure_at: new Date(attempt.failure_at ?? attempt.created_at).toISOString(),
    created_at: new Date(attempt.created_at).toISOString(),
  };
}

/** The connections of the logged-in patient, newest first. */
export async function patientConnections(context: Context, patient_id: string): Promise<PatientConnection[]> {
  const rows = await listConnections(context.db, patient_id, context.clock());
  const progress = await readProgress(context.db, idsOf(rows));
  return Promise.all(
    rows.map(async (row) => {
      const source = await context.catalog.get(row.source_id);
      return {
        id: row.id,
        connection_id: row.source_id,
        name: source?.name ?? "",
        logo_url: source?.logo_url
          ? context.configuration.publicUrl + ENDPOINTS.logo.replace(":id", row.source_id)
          : null,
        status: row.status,
        last_refreshed_at: time(row.last_refreshed_at),
        not_granted: JSON.parse(row.not_granted),
        pull: pullView(progress.get(row.id)),
      };
    }),
  );
}

const idsOf = (rows: readonly ConnectionRow[]): string[] => rows.map(({ id }) => id);
