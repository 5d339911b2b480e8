/** The end of a grant at the hospital, for whatever ends a connection here. */
import type { Context } from "./context.ts";
import { openTokens, type StoredTokens } from "./renewal.ts";
import type { AuthorizationSnapshot } from "./smart/authorization-request.ts";
import { credentialsOf } from "./smart/registration.ts";
import { revokeTokens } from "./smart/revocation.ts";
import type { ConnectionRow } from "./store/schema.ts";

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
