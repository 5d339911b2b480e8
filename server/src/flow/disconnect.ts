/**
 * Ends a connection on purpose: forgets the tokens here, then asks the hospital to revoke them. Takes a connection; leaves
 * it `disconnected`, whatever the hospital answers.
 */
import type { Context } from "../context.ts";
import type { AuthorizationSnapshot } from "../smart/authorization-request.ts";
import { credentialsOf } from "../smart/registration.ts";
import { revokeTokens } from "../smart/revocation.ts";
import { endConnection, findConnection } from "../store/connections.ts";
import type { ConnectionRow } from "../store/schema.ts";
import { recordStep } from "../trail.ts";

/** @returns false where the connection is not this patient's, or none */
export async function disconnect(context: Context, patient_id: string, connection_id: string): Promise<boolean> {
  const connection = await findConnection(context.db, connection_id);
  if (!connection || connection.patient_id !== patient_id) return false;
  await endConnection(context.db, connection.id, context.clock());
  const outcome = await revokeGrant(context, connection);
  if (connection.session_id !== null && outcome !== null) {
    const at = { session_id: connection.session_id, attempt_id: null };
    await recordStep(context, context.db, at, "revoked", outcome);
  }
  return true;
}

/** Asks the hospital to end a grant; null where there is nothing to revoke with. Never throws for the hospital's sake. */
export async function revokeGrant(context: Context, connection: ConnectionRow): Promise<string | null> {
  if (connection.sealed_tokens === null) return null;
  const snapshot = JSON.parse(connection.snapshot) as AuthorizationSnapshot;
  const client = credentialsOf(context.configuration.registrations, snapshot);
  if (!client) return null;
  const place = { table: "connections", id: connection.id, column: "tokens" } as const;
  const tokens = context.vault.open<{ access_token: string; refresh_token: string | null }>(
    connection.sealed_tokens,
    place,
  );
  return revokeTokens(context.door, { snapshot, client, ...tokens });
}
