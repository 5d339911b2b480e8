/**
 * Asks the hospital to end a grant.
 *
 * @see RFC 7009
 */
import type { Door } from "../fetch.ts";
import type { AuthorizationSnapshot } from "./authorization-request.ts";
import { type ClientCredentials, clientAuthentication, isBesideSignIn } from "./client-authentication.ts";

/**
 * Asks the hospital to revoke a grant, the refresh token first. Says what came of it and never throws: what is forgotten
 * here stays forgotten, whatever the hospital answers.
 *
 * @see RFC 7009 section 2.1
 */
export async function revokeTokens(
  door: Door,
  grant: {
    snapshot: AuthorizationSnapshot;
    client: ClientCredentials;
    access_token: string;
    refresh_token: string | null;
  },
): Promise<"revoked" | "refused" | "unsupported"> {
  const endpoint = grant.snapshot.configuration.revocation_endpoint;
  if (!endpoint || !isBesideSignIn(endpoint, grant.snapshot)) return "unsupported";
  const tokens = [
    ...(grant.refresh_token === null ? [] : [{ token: grant.refresh_token, token_type_hint: "refresh_token" }]),
    { token: grant.access_token, token_type_hint: "access_token" },
  ];
  let revoked = true;
  for (const parameters of tokens) {
    try {
      const authenticate = await clientAuthentication(grant.client, endpoint);
      const body = new URLSearchParams(parameters);
      const headers = new Headers({
        "content-type": "application/x-www-form-urlencoded",
        accept: "application/json",
      });
      const { client_id } = grant.client;
      await authenticate({ issuer: endpoint }, { client_id }, body, headers);
      const request = { method: "POST", headers: Object.fromEntries(headers), body: body.toString() } as const;
      revoked = (await door.request(endpoint, request)).ok && revoked;
    } catch {
      revoked = false;
    }
  }
  return revoked ? "revoked" : "refused";
}
