/** Patient sessions with their attempts, as a host's server reads them. */
import type { PatientSession } from "../../../shared/src/patient-session.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { sessionUrl } from "../session-url.ts";
import { listAttempts } from "../store/attempts.ts";
import { listConnections } from "../store/connections.ts";
import { findSession, sessionStatus } from "../store/patient-sessions.ts";
import type { AttemptRow, ConnectionRow, PatientSessionRow } from "../store/schema.ts";

/** @throws {ConnectError} `resource_not_found` */
export async function retrieveSession(context: Context, id: string): Promise<PatientSession> {
  const row = await findSession(context.db, id);
  if (!row) throw new ConnectError("resource_not_found", { message: "There is no such patient session", param: "id" });
  const [view] = await sessionViews(context, [row]);
  return view as PatientSession;
}

/** Sessions of one patient, each with its attempts, newest first. */
export async function sessionViews(context: Context, rows: readonly PatientSessionRow[]): Promise<PatientSession[]> {
  const [first] = rows;
  if (!first) return [];
  const attempts = await listAttempts(
    context.db,
    rows.map(({ id }) => id),
  );
  const standing = await listConnections(context.db, first.patient_id, context.clock());
  const connections = new Map(standing.map((row) => [row.id, row]));
  return rows.map((row) => sessionView(context, row, attempts, connections));
}

function sessionView(
  context: Context,
  row: PatientSessionRow,
  attempts: readonly AttemptRow[],
  connections: ReadonlyMap<string, ConnectionRow>,
): PatientSession {
  const now = context.clock();
  const status = sessionStatus(row, now);
  return {
    id: row.id,
    resource_type: "patient_session",
    status,
    url: status === "open" ? sessionUrl(context, row.id) : null,
    patient_id: row.patient_id,
    connection_id: row.source_id,
    recommended_connection_ids: JSON.parse(row.recommended_source_ids),
    return_url: row.return_url,
    return_button_label: row.return_button_label,
    connections: attempts
      .filter(({ session_id }) => session_id === row.id)
      .map((attempt) => attemptView(attempt, connections, now)),
    expires_at: new Date(row.expires_at).toISOString(),
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    created_at: new Date(row.created_at).toISOString(),
  };
}

function attemptView(
  attempt: AttemptRow,
  connections: ReadonlyMap<string, ConnectionRow>,
  now: number,
): PatientSession["connections"][number] {
  const connection = attempt.connection_id === null ? undefined : connections.get(attempt.connection_id);
  // An attempt that nobody came back from reads as failed from its last minute on, whether or not a worker has noted it.
  const lapsed = !connection && !["connected", "failed"].includes(attempt.status) && attempt.expires_at <= now;
  const failure_at = lapsed ? attempt.expires_at : attempt.failure_at;
  return {
    id: connection?.id ?? null,
    connection_id: attempt.source_id,
    status: connection?.status ?? statusOf(attempt, lapsed),
    failure_code: lapsed ? "session_expired" : attempt.failure_code,
    failure_at: failure_at === null ? null : new Date(failure_at).toISOString(),
    created_at: new Date(attempt.created_at).toISOString(),
  };
}

/** Of an attempt whose connection does not stand: it never did, or it is deleted. */
function statusOf({ status }: AttemptRow, lapsed: boolean): PatientSession["connections"][number]["status"] {
  if (status === "connected") return "disconnected";
  return status === "failed" || lapsed ? "failed" : "pending";
}
