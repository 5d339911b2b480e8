/**
 * Ends a connection on purpose: forgets the tokens here, then asks the hospital to revoke them. Takes a connection; leaves
 * it `disconnected`, whatever the hospital answers, and whatever refresh is under way.
 *
 * @see RFC 7009
 */
import { type AuditActor, recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { openTokens, type StoredTokens } from "../renewal.ts";
import type { AuthorizationSnapshot } from "../smart/authorization-request.ts";
import { credentialsOf } from "../smart/registration.ts";
import { revokeTokens } from "../smart/revocation.ts";
import { endConnection, findConnection } from "../store/connections.ts";
import type { ConnectionRow } from "../store/schema.ts";
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

/**
 * Asks the hospital to end a grant; null where there is nothing to revoke with. Never throws: what is forgotten here is
 * forgotten, also where the tokens no longer open.
 */
export async function revokeGrant(context: Context, connection: ConnectionRow): Promise<string | null> {
  let tokens: StoredTokens | null;
  try {
    tokens = openTokens(context, connection);
  } catch {
    context.logger.error({ connection_id: connection.id }, "A grant could not be revoked: its tokens do not open");
    return null;
  }
  const snapshot = JSON.parse(connection.snapshot) as AuthorizationSnapshot;
  const client = credentialsOf(context.configuration.registrations, snapshot);
  return tokens && client ? revokeTokens(context.door, { snapshot, client, ...tokens }) : null;
}
