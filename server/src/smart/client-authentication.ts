/**
 * How the app proves itself to a token endpoint: not at all (public), by secret, or by a signed assertion.
 *
 * @see SMART App Launch 2.2, "Client Authentication: Asymmetric" and "Client Authentication: Symmetric"
 */
import { importJWK, type JWK } from "jose";
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  None,
  PrivateKeyJwt,
} from "openid-client";

/** The four methods of SMART App Launch. */
export type TokenEndpointAuthMethod = "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt";

/** The app's credentials at a source. */
export interface ClientCredentials {
  client_id: string;
  client_secret?: string | undefined;
  token_endpoint_auth_method: TokenEndpointAuthMethod;
  /** `raw`: the Basic header holds `id:secret` unencoded. */
  basic_encoding: "raw" | "rfc6749";
  /** The private key for `private_key_jwt`, with `kid` and `alg` RS384 or ES384. */
  signingKey?: JWK | undefined;
  /** Told the kid each time that an assertion is made. */
  onSign?: ((kid: string) => void) | undefined;
}

/**
 * Client authentication for one endpoint.
 *
 * @param endpoint the exact URL that is posted to: an assertion's only `aud`, so that no other server can use it
 */
export async function clientAuthentication(client: ClientCredentials, endpoint: string): Promise<ClientAuth> {
  switch (client.token_endpoint_auth_method) {
    case "none":
      return None();
    case "client_secret_post":
      return ClientSecretPost(client.client_secret);
    case "client_secret_basic":
      return client.basic_encoding === "rfc6749"
        ? ClientSecretBasic(client.client_secret)
        : rawBasic(client.client_secret);
    case "private_key_jwt": {
      const { kid, alg } = client.signingKey ?? {};
      const key = client.signingKey && (await importJWK(client.signingKey, alg));
      if (!key || key instanceof Uint8Array || kid === undefined)
        throw new Error("private_key_jwt needs a signing key");
      client.onSign?.(kid);
      return PrivateKeyJwt(
        { key, kid },
        {
          [modifyAssertion](header, payload) {
            header.typ = "JWT";
            payload.aud = endpoint;
            // A server whose clock is behind would refuse an assertion that is not valid yet.
            delete payload.nbf;
          },
        },
      );
    }
  }
}

/**
 * Whether an endpoint may be shown a code, a token or the app's proof: it stands on the authorization endpoint's host, or on
 * one that the source's profile names. Many sources may share a server; none may pair its own sign-in page with another's
 * endpoint, nor another's page with its own.
 *
 * @see RFC 9700 section 4.4 (mix-up)
 */
export function isBesideSignIn(
  endpoint: string,
  source: { configuration: { authorization_endpoint: string }; profile: { token_hosts: readonly string[] } },
): boolean {
  const { hostname } = new URL(endpoint);
  const signIn = new URL(source.configuration.authorization_endpoint).hostname;
  return hostname === signIn || source.profile.token_hosts.includes(hostname);
}

/** Whether a server lists the app's method; one that lists none, and one that is asked without proof, is taken to. */
export function advertises(
  { token_endpoint_auth_methods_supported: listed }: { token_endpoint_auth_methods_supported: readonly string[] },
  { token_endpoint_auth_method: method }: Pick<ClientCredentials, "token_endpoint_auth_method">,
): boolean {
  return listed.length === 0 || method === "none" || listed.includes(method);
}

// RFC 6749 section 2.3.1 wants id and secret form-encoded first; SMART App Launch shows them as they are, and servers that
// compare the decoded header with what they stored refuse a `-` sent as `%2D`.
function rawBasic(secret: string | undefined): ClientAuth {
  return (_server, client, _body, headers) => {
    headers.set("authorization", `Basic ${Buffer.from(`${client.client_id}:${secret ?? ""}`).toString("base64")}`);
  };
}
