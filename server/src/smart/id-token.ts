/**
 * Verifies an id_token apart from the token exchange. What contradicts the exchange fails the attempt; what merely cannot
 * be checked leaves the grant standing, and nothing in the token is then believed.
 *
 * @see OpenID Connect Core 1.0, section 3.1.3.7
 */
import { createLocalJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { Door } from "../fetch.ts";
import type { SmartConfiguration } from "./configuration.ts";
import type { SourceProfile } from "./source-profile.ts";

/** The three ends of a verification. `reason` is a plain word for the trail. */
export type IdTokenOutcome =
  | { identity: "verified"; claims: JWTPayload }
  | { identity: "unverified" | "absent"; reason: string }
  | { identity: "mismatch"; reason: string };

const ASYMMETRIC = /^(RS|ES|PS)(256|384|512)$/;

/** @param expected what the request was made with */
export async function verifyIdToken(
  door: Door,
  id_token: string | null,
  expected: {
    configuration: SmartConfiguration;
    profile: SourceProfile;
    client_id: string;
    nonce: string;
    now: number;
  },
): Promise<IdTokenOutcome> {
  const { configuration, profile, client_id, nonce } = expected;
  if (id_token === null) {
    return profile.require_nonce
      ? { identity: "mismatch", reason: "id_token_absent" }
      : { identity: "absent", reason: "id_token_absent" };
  }
  let algorithm: string | undefined;
  try {
    algorithm = decodeProtectedHeader(id_token).alg;
  } catch {
    return { identity: "unverified", reason: "id_token_unreadable" };
  }
  // Neither is a signature of the issuer's: a shared secret is the app's own, `none` is nobody's.
  if (algorithm === "none" || algorithm?.startsWith("HS"))
    return { identity: "mismatch", reason: "id_token_algorithm" };
  const algorithms = ["RS256", ...configuration.id_token_signing_alg_values_supported].filter((a) =>
    ASYMMETRIC.test(a),
  );
  if (!algorithm || !algorithms.includes(algorithm)) return { identity: "unverified", reason: "id_token_algorithm" };
  if (!configuration.jwks_uri || !configuration.issuer) return { identity: "unverified", reason: "id_token_no_keys" };

  let keys: ReturnType<typeof createLocalJWKSet>;
  try {
    const response = await door.request(configuration.jwks_uri, { headers: { accept: "application/json" } });
    if (!response.ok) throw new Error("no keys");
    keys = createLocalJWKSet(JSON.parse(await response.text()));
  } catch {
    return { identity: "unverified", reason: "id_token_keys_unreachable" };
  }

  let claims: JWTPayload;
  try {
    const verified = await jwtVerify(id_token, keys, {
      algorithms,
      issuer: [configuration.issuer, ...profile.issuer_aliases],
      audience: client_id,
      clockTolerance: 90,
      currentDate: new Date(expected.now),
      requiredClaims: ["iss", "aud", "sub", "iat", "exp"],
    });
    claims = verified.payload;
  } catch (thrown) {
    return refusal(thrown);
  }
  const foreignParty =
    claims.azp !== undefined ? claims.azp !== client_id : Array.isArray(claims.aud) && claims.aud.length > 1;
  if (foreignParty) return { identity: "mismatch", reason: "id_token_azp" };
  if (claims.nonce === undefined) {
    return profile.require_nonce
      ? { identity: "mismatch", reason: "id_token_nonce" }
      : { identity: "unverified", reason: "id_token_no_nonce" };
  }
  return claims.nonce === nonce ? { identity: "verified", claims } : { identity: "mismatch", reason: "id_token_nonce" };
}

function refusal(thrown: unknown): IdTokenOutcome {
  if (thrown instanceof errors.JWSSignatureVerificationFailed) {
    return { identity: "mismatch", reason: "id_token_signature" };
  }
  if (thrown instanceof errors.JWTClaimValidationFailed && thrown.reason === "check_failed") {
    if (thrown.claim === "iss" || thrown.claim === "aud")
      return { identity: "mismatch", reason: `id_token_${thrown.claim}` };
  }
  return { identity: "unverified", reason: "id_token_unverifiable" };
}
