/**
 * Seals what must not be read at rest: tokens, verifiers, codes. AES-256-GCM by node:crypto; the additional data binds each
 * ciphertext to its table, row, column and key, so that one moved to another row does not open. Also makes the keyed
 * hashes that rest on the same keys.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { keyInUse, type RingKey } from "./key-ring.ts";

/** A sealing key. `key` is 32 bytes in base64url; `kid` names it in each ciphertext. */
export interface SealingKey extends RingKey {
  key: string;
}

/** The one place in the store where a ciphertext opens. */
export interface Place {
  table: "attachments" | "attempts" | "connections" | "destinations" | "record_keys" | "webhooks";
  id: string;
  column: string;
}

export interface TokenVault {
  /** The kid of the key that seals now. */
  kid(): string;
  /** Seals JSON for a place, with the key in use. */
  seal(value: unknown, place: Place): string;
  /** Opens with whichever key sealed it. Throws when the text, the place or the key is another. */
  open<T>(sealed: string, place: Place): T;
  /** HMAC-SHA-256 of a text in base64url, by the key in use, apart from every other purpose. */
  sign(purpose: string, text: string): string;
  /** True where any of the keys made this signature; constant time per key. */
  verify(purpose: string, text: string, signature: string): boolean;
}

/** What a vault can be told beyond its keys. */
export interface VaultOptions {
  /** Milliseconds since 1970: when a key's time has come. Without it the first key is in use from the start. */
  clock?: () => number;
  /** Called each time a key seals or opens. */
  onUse?: (use: "seal" | "open", kid: string) => void;
}

/** Makes a vault: of its ring of keys the one in use seals, all open. */
export function createTokenVault(
  sealingKeys: readonly SealingKey[],
  { clock = () => Number.POSITIVE_INFINITY, onUse }: VaultOptions = {},
): TokenVault {
  const keys = new Map(sealingKeys.map(({ kid, key }) => [kid, Buffer.from(key, "base64url")]));
  if (sealingKeys.length === 0) throw new Error("A token vault needs a sealing key");
  const signingKeys = new Map<string, Buffer>();
  const kidInUse = (): string => (keyInUse(sealingKeys, clock()) as SealingKey).kid;

  const keyOf = (kid: string): Buffer => {
    const key = keys.get(kid);
    if (!key) throw new Error(`No sealing key has the kid ${kid}`);
    return key;
  };
  const mac = (kid: string, purpose: string, text: string): Buffer => {
    const name = `${kid} ${purpose}`;
    let key = signingKeys.get(name);
    if (!key) {
      key = Buffer.from(hkdfSync("sha256", keyOf(kid), "", `mb-connect ${purpose}`, 32));
      signingKeys.set(name, key);
    }
    return createHmac("sha256", key).update(text).digest();
  };

  return {
    kid: kidInUse,
    seal(value, place) {
      const kid = kidInUse();
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", keyOf(kid), iv).setAAD(additionalData(place, kid));
      const body = Buffer.concat([
        iv,
        cipher.update(JSON.stringify(value), "utf8"),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      onUse?.("seal", kid);
      return `v1.${kid}.${body.toString("base64url")}`;
    },
    open<T>(sealed: string, place: Place): T {
      const [version, kid, encoded] = sealed.split(".");
      if (version !== "v1" || kid === undefined || encoded === undefined) throw new Error("Not a sealed value");
      const body = Buffer.from(encoded, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", keyOf(kid), body.subarray(0, 12), { authTagLength: 16 })
        .setAAD(additionalData(place, kid))
        .setAuthTag(body.subarray(-16));
      const text = Buffer.concat([decipher.update(body.subarray(12, -16)), decipher.final()]).toString("utf8");
      onUse?.("open", kid);
      return JSON.parse(text) as T;
    },
    sign: (purpose, text) => mac(kidInUse(), purpose, text).toString("base64url"),
    verify(purpose, text, signature) {
      const given = Buffer.from(signature, "base64url");
      return sealingKeys.some(({ kid }) => {
        const expected = mac(kid, purpose, text);
        return given.length === expected.length && timingSafeEqual(given, expected);
      });
    },
  };
}

/** SHA-256 in base64url: what the store keeps of states and browser cookies. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function additionalData(place: Place, kid: string): Buffer {
  return Buffer.from(`${place.table}|${place.id}|${place.column}|${kid}`);
}
