/** The public halves of the signing keys. Only members that are public by name are copied, so nothing else can slip out. */
import { createPublicKey } from "node:crypto";
import type { JWK } from "jose";

/** @see RFC 7517; SMART App Launch 2.2, "Registering a client (communicating public keys)" */
export function publicJwks(signingKeys: readonly JWK[]): { keys: JWK[] } {
  return {
    keys: signingKeys.map((jwk) => {
      const { kty, n, e, crv, x, y } = createPublicKey({ key: jwk, format: "jwk" }).export({ format: "jwk" });
      const members = { kty, n, e, crv, x, y, kid: jwk.kid, alg: jwk.alg, use: "sig" };
      return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JWK;
    }),
  };
}
