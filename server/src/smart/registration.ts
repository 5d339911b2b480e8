/** The app's own registrations: which one a source is reached with, and so whether it can be offered at all. */
import { canonicalUrl } from "../catalog/source-key.ts";
import type { CataloguedSource } from "../store/catalog.ts";
import type { SourceRow } from "../store/schema.ts";
import type { ClientCredentials } from "./client-authentication.ts";
import type { ProfileChanges, SourceProfile } from "./source-profile.ts";

/** One of the app's registrations, ready to use. */
export interface Registration {
  /** What it matches: `vendor:…`, `brand:…` or `endpoint:…`, folded. */
  key: string;
  credentials: Omit<ClientCredentials, "basic_encoding">;
  profile: ProfileChanges;
  /** The last segment of a redirect URI of its own; null for the one that all share. */
  redirect_path: string | null;
}

/**
 * Where a portal sends the patient back to. A registration whose vendor allows it has an address of its own, so that an
 * answer can be told from another issuer's by where it arrives.
 *
 * @param publicUrl the mount path as the browser sees it
 * @see RFC 9700 section 4.4.2.2
 */
export function redirectUri(publicUrl: string, redirect_path: string | null): string {
  return redirect_path === null ? `${publicUrl}/callback` : `${publicUrl}/callback/${redirect_path}`;
}

/** The one name of what a registration matches: names fold their case, an endpoint is compared in its canonical form. */
export function registrationKey(match: {
  vendor?: string | undefined;
  brand?: string | undefined;
  endpoint?: string | undefined;
}): string {
  if (match.endpoint !== undefined) return `endpoint:${endpointKey(match.endpoint)}`;
  if (match.brand !== undefined) return `brand:${match.brand.toLowerCase()}`;
  return `vendor:${(match.vendor ?? "").toLowerCase()}`;
}

type Matched = Pick<SourceRow, "fhir_base_url" | "brand_identifier" | "brand" | "name" | "vendor" | "type">;

/** The registration for a source, or null: one for its endpoint before one for its brand before one for its vendor. */
export function registrationFor(
  registrations: ReadonlyMap<string, Registration>,
  source: Matched,
): Registration | null {
  const keys = [
    source.fhir_base_url && `endpoint:${endpointKey(source.fhir_base_url)}`,
    source.brand_identifier && registrationKey({ brand: source.brand_identifier }),
    registrationKey({ brand: source.brand ?? source.name }),
    source.vendor && registrationKey({ vendor: source.vendor }),
    source.type && registrationKey({ vendor: source.type }),
  ];
  for (const key of keys) {
    const found = key ? registrations.get(key) : undefined;
    if (found) return found;
  }
  return null;
}

/**
 * The credentials that a grant was made with, or null where the app no longer has that registration.
 *
 * @param snapshot of the attempt or the connection
 */
export function credentialsOf(
  registrations: ReadonlyMap<string, Registration>,
  snapshot: { registration: string; client_id: string; profile: Pick<SourceProfile, "basic_encoding"> },
): ClientCredentials | null {
  const registration = registrations.get(snapshot.registration);
  if (!registration || registration.credentials.client_id !== snapshot.client_id) return null;
  return { ...registration.credentials, basic_encoding: snapshot.profile.basic_encoding };
}

/** True where `canBeOffered`, and registered for. */
export function isOffered(
  registrations: ReadonlyMap<string, Registration>,
  source: CataloguedSource,
  allows: (url: string) => boolean,
): boolean {
  return canBeOffered(source, allows) && registrationFor(registrations, source) !== null;
}

/** True where a source is R4-family or of unknown version, active, not gone, and reachable by the address policy. */
export function canBeOffered(source: CataloguedSource, allows: (url: string) => boolean): boolean {
  if (source.status !== "active" || source.liveness === "retired" || source.fhir_base_url === null) return false;
  if (source.fhir_version !== null && !/^4\.[013]/.test(source.fhir_version)) return false;
  return allows(source.fhir_base_url);
}

function endpointKey(url: string): string {
  return canonicalUrl(url) ?? url;
}
