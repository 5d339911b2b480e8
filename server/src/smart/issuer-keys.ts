/**
 * The keys that issuers sign id_tokens with. Reads JWKS documents through the door and remembers each for a few minutes, so
 * that a busy portal is asked once and not at every sign-in.
 *
 * @see OpenID Connect Core 1.0, section 10.1.1
 */
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import type { Door } from "../fetch.ts";

/** Finds the key of a token by its header, as jose asks for it. */
export type KeyFinder = ReturnType<typeof createLocalJWKSet>;

/** The keys of all issuers. Both calls reject when the document cannot be had or is none. */
export interface IssuerKeys {
  /** Keys as known, at most five minutes old. */
  at(jwks_uri: string): Promise<KeyFinder>;
  /** Keys for a token that the known ones do not fit: the issuer may have changed them. Asks no issuer twice in half a minute. */
  renewedAt(jwks_uri: string): Promise<KeyFinder>;
}

const MEMORY_MS = 5 * 60 * 1000;
const RENEWAL_MS = 30 * 1000;
const MEMORY_ENTRIES = 1000;

/** Makes the keys with a memory of their own. Sign-ins at the same time share one answer; a failure is not remembered. */
export function createIssuerKeys(door: Door, clock: () => number): IssuerKeys {
  const memory = new Map<string, { at: number; keys: Promise<KeyFinder> }>();
  const keysOf = (jwks_uri: string, life: number): Promise<KeyFinder> => {
    const known = memory.get(jwks_uri);
    if (known && clock() - known.at < life) return known.keys;
    const asked = { at: clock(), keys: fetchKeys(door, jwks_uri) };
    memory.delete(jwks_uri);
    memory.set(jwks_uri, asked);
    const [oldest] = memory.keys();
    if (memory.size > MEMORY_ENTRIES && oldest !== undefined) memory.delete(oldest);
    asked.keys.catch(() => {
      if (memory.get(jwks_uri) === asked) memory.delete(jwks_uri);
    });
    return asked.keys;
  };
  return {
    at: (jwks_uri) => keysOf(jwks_uri, MEMORY_MS),
    renewedAt: (jwks_uri) => keysOf(jwks_uri, RENEWAL_MS),
  };
}

async function fetchKeys(door: Door, jwks_uri: string): Promise<KeyFinder> {
  const response = await door.request(jwks_uri, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error("No keys there");
  return createLocalJWKSet((await response.json()) as JSONWebKeySet);
}
