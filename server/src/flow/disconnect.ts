/**
 * Ends a connection on purpose: forgets the tokens here, then asks the hospital to revoke them. Takes a connection; leaves
 * it `disconnected`, whatever the hospital answers, and whatever refresh is under way.
 *
 * @see RFC 7009
 */
import { type AuditActor, recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { schedulePull } from "../pulling/schedule.ts";
import { revokeGrant } from "../revoke-grant.ts";
import { endConnection, findConnection } from "../store/connections.ts";
import { interruptPull } from "../store/pulls.ts";
import { recordStep } from "../trail.ts";
import { untilDone } from "../unfinished.ts";

/**
 * @param actor who ends it, for the audit
 * @returns false where the connection is not this patient's, or none
 */
export async function disconnect(
  context: Context,
  patient_id: string,
  connection_id: string,
  actor: Extract<AuditActor, "patient" | "host">,
): Promise<boolean> {
  for (;;) {
    const connection = await findConnection(context.db, connection_id);
    if (!connection || connection.patient_id !== patient_id) return false;
    if (connection.status === "disconnected") return true;
    // A refresh may have brought other tokens since they were read; the ones forgotten are the ones to revoke.
    const ended = await context.db.transaction().execute(async (tx) => {
      if (!(await endConnection(tx, connection, { status: "disconnected" }, context.clock()))) return false;
      // A pull under way stores nothing more; the job that finds the connection ended settles it.
      if (await interruptPull(tx, connection_id)) await schedulePull(context, tx, connection_id);
      const entry = { action: "connection_disconnected", actor, subject: connection_id, patient_id } as const;
      await recordAudit(context, tx, { ...entry, detail: { source: connection.source_id } });
      return true;
    });
    if (!ended) continue;
    const outcome = await untilDone(context, revokeGrant(context, connection));
    if (connection.session_id !== null && outcome !== null) {
      const at = { session_id: connection.session_id, attempt_id: null };
      await recordStep(context, context.db, at, "revoked", outcome);
    }
    return true;
  }
}
