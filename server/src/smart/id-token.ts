/**
 * Verifies an id_token apart from the token exchange. What contradicts the exchange fails the attempt; what merely cannot
 * be checked leaves the grant standing, and nothing in the token is then believed.
 *
 * @see OpenID Connect Core 1.0, section 3.1.3.7
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { SmartConfiguration } from "./configuration.ts";
import type { IssuerKeys, KeyFinder } from "./issuer-keys.ts";
import type { SourceProfile } from "./source-profile.ts";

/** The ends of a verification. `reason` is a plain word for the trail. */
export type IdTokenOutcome =
  | { identity: "verified"; claims: JWTPayload }
  | { identity: "unverified" | "absent"; reason: string }
  | { identity: "mismatch"; reason: string };

/** What the request was made with. */
export interface ExpectedIdentity {
  configuration: Pick<SmartConfiguration, "issuer" | "jwks_uri" | "id_token_signing_alg_values_supported">;
  profile: Pick<SourceProfile, "issuer_aliases" | "require_nonce">;
  client_id: string;
  nonce: string;
  /** Milliseconds since 1970. */
  now: number;
}

const ASYMMETRIC = /^(RS|ES|PS)(256|384|512)$/;
/** How far a hospital's clock may be from ours. */
const CLOCK_TOLERANCE_SECONDS = 90;

const mismatch = (claim: string): IdTokenOutcome => ({ identity: "mismatch", reason: `id_token_${claim}` });
const unverified = (why: string): IdTokenOutcome => ({ identity: "unverified", reason: `id_token_${why}` });

/**
 * A `mismatch` is a token of another app, sign-in or issuer, or one signed by somebody else. Under `require_nonce` so is
 * every token that does not carry the nonce.
 *
 * @param id_token as answered, or null
 */
export async function verifyIdToken(
  keys: IssuerKeys,
  id_token: string | null,
  expected: ExpectedIdentity,
): Promise<IdTokenOutcome> {
  const { configuration, profile } = expected;
  if (id_token === null) {
    return profile.require_nonce ? mismatch("absent") : { identity: "absent", reason: "id_token_absent" };
  }
  const read = decoded(id_token);
  if (!read) return profile.require_nonce ? mismatch("unreadable") : unverified("unreadable");
  const { algorithm, claims } = read;
  // Neither is a signature of the issuer's: a shared secret is the app's own, `none` is nobody's.
  if (algorithm === "none" || algorithm.startsWith("HS")) return mismatch("algorithm");
  // Nobody gains by a token that contradicts itself as ours, so these need no signature.
  const contradiction = contradictionIn(claims, expected);
  if (contradiction) return mismatch(contradiction);

  const algorithms = ["RS256", ...configuration.id_token_signing_alg_values_supported];
  if (!ASYMMETRIC.test(algorithm) || !algorithms.includes(algorithm)) return unverified("algorithm");
  const { jwks_uri, issuer } = configuration;
  if (!jwks_uri || !issuer) return unverified("no_keys");
  const issuers = [issuer, ...profile.issuer_aliases];
  const check = (finder: KeyFinder) => checkSigned(id_token, finder, { ...expected, algorithm, issuers });
  try {
    return await check(await keys.at(jwks_uri)).catch(async (thrown: unknown) => {
      if (!isKeyFault(thrown)) throw thrown;
      return check(await keys.renewedAt(jwks_uri));
    });
  } catch (thrown) {
    return refusal(thrown);
  }
}

function decoded(id_token: string): { algorithm: string; claims: JWTPayload } | null {
  try {
    const { alg } = decodeProtectedHeader(id_token);
    return typeof alg === "string" ? { algorithm: alg, claims: decodeJwt(id_token) } : null;
  } catch {
    return null;
  }
}

/** Which claim says that the token was made for another app or another sign-in, or null. */
function contradictionIn(claims: JWTPayload, { profile, client_id, nonce }: ExpectedIdentity): string | null {
  const audience = [claims.aud].flat();
  if (claims.aud !== undefined && !audience.includes(client_id)) return "aud";
  if (claims.azp === undefined ? audience.length > 1 : claims.azp !== client_id) return "azp";
  if (claims.nonce === undefined) return profile.require_nonce ? "nonce" : null;
  return sameText(String(claims.nonce), nonce) ? null : "nonce";
}

async function checkSigned(
  id_token: string,
  finder: KeyFinder,
  expected: ExpectedIdentity & { algorithm: string; issuers: string[] },
): Promise<IdTokenOutcome> {
  const { payload } = await jwtVerify(id_token, finder, {
    algorithms: [expected.algorithm],
    issuer: expected.issuers,
    audience: expected.client_id,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    currentDate: new Date(expected.now),
    requiredClaims: ["iss", "aud", "sub", "iat", "exp"],
  });
  if ((payload.iat ?? 0) > expected.now / 1000 + CLOCK_TOLERANCE_SECONDS) return unverified("unverifiable");
  if (payload.nonce === undefined) return unverified("no_nonce");
  return { identity: "verified", claims: payload };
}

/** True where newer keys could tell otherwise. */
function isKeyFault(thrown: unknown): boolean {
  return thrown instanceof errors.JWKSNoMatchingKey || thrown instanceof errors.JWSSignatureVerificationFailed;
}

function refusal(thrown: unknown): IdTokenOutcome {
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return mismatch("signature");
  if (thrown instanceof errors.JWTClaimValidationFailed && thrown.reason === "check_failed" && thrown.claim === "iss") {
    return mismatch("iss");
  }
  if (thrown instanceof errors.JWKSNoMatchingKey) return unverified("key_unknown");
  return unverified(thrown instanceof errors.JOSEError ? "unverifiable" : "keys_unreachable");
}

function sameText(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
