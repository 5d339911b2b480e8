/**
 * What a patient would take for one and the same: the facilities of a brand behind one login. A login is a FHIR endpoint
 * and a portal under one brand, or under one name where there is no brand.
 */
import type { SourceRow } from "../store/schema.ts";
import { plainAddress } from "./addresses.ts";
import { splitWords, wholeWord } from "./normalise.ts";

/** What makes two sources one login. */
export interface Login {
  endpoint: string;
  portal: string;
  /** Its own bare name, and its brand's, or null where it has none. */
  name: string;
  brand: string | null;
}

/** @param name its bare name */
export function loginOf(source: SourceRow, name: string): Login {
  const { id, brand, fhir_base_url, portal_url, portal_name } = source;
  return {
    endpoint: fhir_base_url === null ? id : (plainAddress(fhir_base_url) ?? fhir_base_url),
    portal: (portal_url && plainAddress(portal_url)) || bareName(portal_name ?? ""),
    name,
    brand: brand === null ? null : bareName(brand),
  };
}

/**
 * The number of each login. Where a brand is itself a part of another at the same endpoint, the uppermost counts: lists of
 * different publishers each tell one step.
 */
export function* numberLogins(logins: readonly Login[], step: number): Generator<void, Uint32Array> {
  /** By endpoint: each name's brand; null where it is the only source of its endpoint so far. */
  const above = new Map<string, Map<string, string> | null>();
  const shared = new Set<string>();
  for (let at = 0; at < logins.length; at++) {
    if (at % step === 0) yield;
    const { endpoint, name, brand } = logins[at] as Login;
    const brands = above.get(endpoint);
    if (brands !== undefined) shared.add(endpoint);
    if (brand !== null && brand !== name) above.set(endpoint, (brands ?? new Map()).set(name, brand));
    else if (brands === undefined) above.set(endpoint, null);
  }
  const known = new Map<string, number>();
  const numbers = new Uint32Array(logins.length);
  let next = 0;
  for (let at = 0; at < logins.length; at++) {
    if (at % step === 0) yield;
    const { endpoint, portal, name, brand } = logins[at] as Login;
    if (!shared.has(endpoint)) {
      numbers[at] = next++;
      continue;
    }
    const brands = above.get(endpoint);
    let top = brand ?? name;
    // Brands may name one another in a circle.
    for (let turn = 0; turn < 4; turn++) top = brands?.get(top) ?? top;
    const key = `${endpoint}\n${top}\n${portal}`;
    const number = known.get(key) ?? next++;
    known.set(key, number);
    numbers[at] = number;
  }
  return numbers;
}

/** A name as it is compared with others. */
export function bareName(name: string): string {
  return splitWords(name).map(wholeWord).join(" ");
}

/**
 * A word that tells a source from others of its name, where their places do not: its portal, its vendor, the host where
 * it signs in, else its number among them. Null where nothing needs to be said.
 *
 * @param source and the others, each behind a login of its own
 */
export function distinctionOf(source: SourceRow, others: readonly SourceRow[]): string | null {
  const alike = others.filter((other) => other.id !== source.id && isSamePlace(source, other));
  if (alike.length === 0) return null;
  for (const tell of [(row: SourceRow) => row.portal_name, (row: SourceRow) => row.vendor, signInHost]) {
    const told = tell(source);
    if (told !== null && alike.every((other) => tell(other) !== told)) return told;
  }
  const ids = [source, ...alike].map(({ id }) => id).sort();
  const host = signInHost(source);
  const place = `${ids.indexOf(source.id) + 1}/${ids.length}`;
  return host === null ? place : `${host} (${place})`;
}

function isSamePlace(one: SourceRow, other: SourceRow): boolean {
  const [here, there] = [placeOf(one), placeOf(other)];
  return here === there || here === "" || there === "";
}

function placeOf({ city, state }: SourceRow): string {
  return bareName(`${city ?? ""}, ${state ?? ""}`);
}

function signInHost(source: SourceRow): string | null {
  const address = plainAddress(source.portal_url ?? "") ?? plainAddress(source.fhir_base_url ?? "");
  return address && (address.split("/", 1)[0] ?? null);
}
