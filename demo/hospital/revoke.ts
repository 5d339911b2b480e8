/**
 * POST /{facility}/revoke: ends a token. A refresh token takes its whole grant with it. A token that is not known, or not
 * this app's, is answered like one that is.
 *
 * @see RFC 7009 section 2
 */
import { authenticatedClient, OAuthRefusal, refuse } from "./client-authentication.ts";
import { formOf, type Route } from "./route.ts";

export const revoke: Route = async ({ state, facility }, request, response) => {
  try {
    const form = formOf(request);
    const client = await authenticatedClient(state, request, form, `${facility.issuer}/revoke`);
    const value = form.get("token");
    if (!value) throw new OAuthRefusal("invalid_request", "token is required");
    const token = state.tokens.get(value);
    if (token?.grant.client_id === client.client_id) {
      token.spent = true;
      if (token.kind === "refresh") token.grant.revoked = true;
    }
    response.status(200).end();
  } catch (error) {
    refuse(error, response);
  }
};
