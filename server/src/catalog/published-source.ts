/**
 * What every reader of a list gives, and what becomes of it: one row of the catalog. Here the oddities of published lists
 * are told apart: what can be mended is, what cannot be reached is kept but never active.
 */
import type { SourceRow } from "../store/schema.ts";
import { readState, readZip } from "./places.ts";
import { canonicalUrl, sourceId, sourceKey } from "./source-key.ts";
import type { Vendors } from "./vendor.ts";

/** A FHIR endpoint as a list publishes it. */
export interface PublishedEndpoint {
  address: string;
  /** Every version that it is said to speak; empty where none is. */
  versions: readonly string[];
  /** False where the list says that it is off, or no FHIR REST endpoint. */
  active: boolean;
}

/** A place as a list publishes it. */
export interface PublishedPlace {
  city: string | null;
  state: string | null;
  zip: string | null;
}

/** One brand at one portal and one endpoint, as a list publishes it. */
export interface PublishedSource {
  name: string;
  brand?: string | null;
  brandIdentifier?: string | null;
  aliases?: readonly string[];
  /** The first is the source's own; the others are only searched. */
  places?: readonly PublishedPlace[];
  vendor?: string | null;
  endpoint: PublishedEndpoint | null;
  portal?: { name: string | null; url: string | null } | null;
  logo?: string | null;
  /** False where the list says that the organization is no longer there. */
  active?: boolean;
}

/** Why a source is not active. */
export type InactiveReason =
  | "the organization is not active"
  | "no FHIR endpoint"
  | "its endpoint is no usable URL"
  | "its endpoint is not active"
  | "its FHIR version is not R4";

const NOWHERE: PublishedPlace = { city: null, state: null, zip: null };
const PATH_VERSIONS: Readonly<Record<string, string>> = { dstu2: "1.0.2", stu3: "3.0.1", r4: "4.0.1" };
/** A logo inlined in a list may be this long, in characters; a longer one is dropped. */
const LONGEST_INLINE_LOGO = 256 * 1024;

/**
 * Makes the row of a published source.
 *
 * @param now ms since 1970, as `updated_at`
 */
export function toSourceRow(
  published: PublishedSource,
  now: number,
  vendors: Vendors,
): { row: SourceRow; inactive: InactiveReason | null } {
  const fhir_base_url = published.endpoint && mendAddress(published.endpoint.address);
  const address = fhir_base_url && canonicalUrl(fhir_base_url);
  const fhir_version = readVersion(published.endpoint?.versions ?? [], address);
  const [place, ...places] = (published.places ?? []).map(readPlace);
  const facts = {
    name: published.name,
    brand: published.brand ?? null,
    brand_identifier: published.brandIdentifier ?? null,
    aliases: JSON.stringify((published.aliases ?? []).filter((alias) => alias !== published.name)),
    places: textOfPlaces(places),
    ...(place ?? NOWHERE),
    ...vendors.read(published.vendor ?? null, address),
    fhir_base_url,
    fhir_version,
    portal_url: published.portal?.url ?? null,
    portal_name: published.portal?.name ?? null,
    logo_url: readLogo(published.logo ?? null),
  };
  const inactive = inactiveReason(published, address, fhir_version);
  const id = sourceId(sourceKey(facts));
  return { row: { id, ...facts, status: inactive ? "inactive" : "active", updated_at: now }, inactive };
}

/**
 * The one row of a source that stands twice in a list: the first that is active, with the other's name as an alias and
 * the other's city among the places.
 */
export function mergeRows(one: SourceRow, other: SourceRow): SourceRow {
  const [kept, added] = one.status !== "active" && other.status === "active" ? [other, one] : [one, other];
  if (kept.name === added.name && kept.city === added.city && kept.aliases === added.aliases) return kept;
  const names: string[] = [...JSON.parse(kept.aliases), added.name, ...JSON.parse(added.aliases)];
  const places: string[] = [...JSON.parse(kept.places ?? "[]"), placeText(added), ...JSON.parse(added.places ?? "[]")];
  const own = placeText(kept);
  const further = [...new Set(places)].filter((place) => place !== "" && place !== own);
  return {
    ...kept,
    aliases: JSON.stringify([...new Set(names)].filter((name) => name !== kept.name)),
    places: further.length > 0 ? JSON.stringify(further) : null,
  };
}

/**
 * A FHIR base URL as published, trimmed, but for four slips that no server could be reached by: a doubled scheme
 * (`https://https://…`), one that is broken as well (`https://https//…`), stray characters before the scheme
 * (`: https://…`) and a host without a scheme.
 */
function mendAddress(address: string): string {
  const trimmed = address.trim();
  const [schemes = "", scheme] = /^(?:[\s":]*(https?):?\/\/)+/i.exec(trimmed) ?? [];
  const bare = trimmed.slice(schemes.length);
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(:\d+)?(\/|$)/i.test(bare)) return `${scheme ?? "https"}://${bare}`;
  return scheme === undefined ? trimmed : `${scheme}://${bare}`;
}

/** R4 before others where an endpoint speaks several; where none is given, what the path says; else null. */
function readVersion(versions: readonly string[], address: string | null): string | null {
  const told = versions.find(isR4) ?? versions[0];
  const path = /\/(dstu2|stu3|r4)(\/|$)/i.exec(address ?? "")?.[1];
  return told ?? (path ? (PATH_VERSIONS[path.toLowerCase()] ?? null) : null);
}

function isR4(version: string): boolean {
  return /^(4(\.|$)|r4)/i.test(version);
}

function inactiveReason(
  published: PublishedSource,
  address: string | null,
  version: string | null,
): InactiveReason | null {
  if (published.active === false) return "the organization is not active";
  if (!published.endpoint) return "no FHIR endpoint";
  // Lists also carry addresses of web pages and of OAuth servers.
  if (!address || /\.(html?|aspx?|php)$|\/(authorize|token)$/i.test(address)) return "its endpoint is no usable URL";
  if (!published.endpoint.active) return "its endpoint is not active";
  return version !== null && !isR4(version) ? "its FHIR version is not R4" : null;
}

function readPlace(place: PublishedPlace): PublishedPlace {
  const state = readState(place.state);
  return { city: place.city, state, zip: readZip(place.zip, state) };
}

function readLogo(logo: string | null): string | null {
  if (logo?.startsWith("data:image/")) return logo.length <= LONGEST_INLINE_LOGO ? logo : null;
  return logo !== null && canonicalUrl(logo) !== null ? logo : null;
}

function placeText(place: { city: string | null; state: string | null }): string {
  return [place.city, place.state].filter(Boolean).join(", ");
}

function textOfPlaces(places: readonly PublishedPlace[]): string | null {
  const texts = [...new Set(places.map(placeText))].filter(Boolean);
  return texts.length > 0 ? JSON.stringify(texts) : null;
}
