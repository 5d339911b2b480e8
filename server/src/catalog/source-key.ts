/**
 * What makes two catalog entries the same source, and the id that follows from it: the same in every install and at
 * every import, because connections refer to it for years. Nothing here may change without a migration of ids.
 */
import { createHash } from "node:crypto";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The parts of a source that its key is made of. */
export interface KeyParts {
  /** FHIR base URL as published, or null. */
  fhir_base_url: string | null;
  brand_identifier: string | null;
  name: string;
  city: string | null;
  state: string | null;
  portal_url: string | null;
  portal_name: string | null;
}

/**
 * The form of a URL that is compared: host in lower case, no default port, no fragment, no trailing slash. Null where it
 * is no `http:` or `https:` URL.
 */
export function canonicalUrl(address: string): string | null {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return null;
  const url = new URL(address);
  url.hash = "";
  return url.href.replace(/\/+$/, "");
}

/**
 * The key of a source: lines joined by `\n`.
 *
 * - With a brand identifier: `endpoint`, `brand`, identifier, `portal`.
 * - Without: `endpoint`, `name`, name, city, state, `portal`.
 *
 * `endpoint` is the canonical FHIR base URL, the published text where it is no URL, or empty. `portal` is the canonical
 * portal URL, else the portal's folded name, or empty. Name, city and state are folded: decomposed (NFKD) without marks,
 * in lower case, every run of anything but letters and digits one space. The identifier stands as published.
 */
export function sourceKey(parts: KeyParts): string {
  const endpoint = parts.fhir_base_url === null ? "" : (canonicalUrl(parts.fhir_base_url) ?? parts.fhir_base_url);
  const portal = (parts.portal_url && canonicalUrl(parts.portal_url)) || fold(parts.portal_url ?? parts.portal_name);
  return parts.brand_identifier
    ? [endpoint, "brand", parts.brand_identifier, portal].join("\n")
    : [endpoint, "name", fold(parts.name), fold(parts.city), fold(parts.state), portal].join("\n");
}

/** The id of a key: `fhirsrc_` and the first 128 bits of its SHA-256 in Crockford's base32, 26 characters, as a ULID is written. */
export function sourceId(key: string): string {
  const hash = createHash("sha256").update(key).digest();
  let id = "fhirsrc_";
  let pending = 0;
  // 26 characters hold 130 bits: two zero bits lead.
  let bits = 2;
  for (const byte of hash.subarray(0, 16)) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id += CROCKFORD.charAt(pending >> bits);
      pending &= (1 << bits) - 1;
    }
  }
  return id;
}

// Not the search's normaliser on purpose: that one may learn, this one may not.
function fold(text: string | null): string {
  return (text ?? "")
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
