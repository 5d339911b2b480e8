/** Connections, as a host's server reads them and as the patient's own page does. */
import type { Connection, PatientConnection } from "../../../shared/src/connection.ts";
import { ENDPOINTS } from "../../../shared/src/endpoints.ts";
import type { Context } from "../context.ts";
import { listConnections } from "../store/connections.ts";
import type { ConnectionRow } from "../store/schema.ts";

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

/** The connections of the logged-in patient, newest first. */
export async function patientConnections(context: Context, patient_id: string): Promise<PatientConnection[]> {
  const rows = await listConnections(context.db, patient_id, context.clock());
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
      };
    }),
  );
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
