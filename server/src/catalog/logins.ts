/**
 * What a patient would take for one and the same: the facilities of a brand behind one login. A login is a FHIR endpoint
 * and a portal under one brand, or under one name where there is no brand.
 */
import type { SourceRow } from "../store/schema.ts";
import { domainOf, hostOf, plainAddress } from "./addresses.ts";
import { splitWords, wholeWord } from "./normalise.ts";
import { remembered } from "./remembered.ts";

/** Takes in what makes two sources one login, source by source; all by numbers, so that little is left to clear away. */
export interface Logins {
  /** @param name its bare name */
  add(source: SourceRow, name: string): void;
  /** By source: its name's number. */
  readonly names: readonly number[];
  /** How many names and brands there are. */
  nameCount(): number;
  /** How many sources are at the endpoint of this one. */
  sharing(source: number): number;
  /**
   * The number of each source's login, in steps of so many sources. Where a brand is itself a part of another at the same
   * endpoint, the uppermost counts: lists of different publishers each tell one step.
   */
  finish(step: number): Generator<void, Uint32Array>;
}

/** Makes it, with nothing taken in. */
export function createLogins(): Logins {
  const [endpointOf, portalOf, nameOf] = [createNumbers(), createNumbers(), createNumbers()];
  // What comes again is not read again.
  const [endpointAt, brandCalled] = [new Map<string, number>(), new Map<string, number>()];
  const endpoints: number[] = [];
  const portals: number[] = [];
  const names: number[] = [];
  /** -1 where there is none. */
  const brands: number[] = [];
  const sharers: number[] = [];

  return {
    names,
    nameCount: nameOf.size,
    sharing: (source) => sharers[endpoints[source] as number] as number,
    add({ id, brand, fhir_base_url, portal_url, portal_name }, name) {
      const address = fhir_base_url ?? id;
      const endpoint = remembered(endpointAt, address, () => endpointOf.number(plainAddress(address) ?? address));
      sharers[endpoint] = (sharers[endpoint] ?? 0) + 1;
      endpoints.push(endpoint);
      portals.push(portalOf.number((portal_url && plainAddress(portal_url)) || bareName(portal_name ?? "")));
      names.push(nameOf.number(name));
      brands.push(brand === null ? -1 : remembered(brandCalled, brand, () => nameOf.number(bareName(brand))));
    },
    *finish(step) {
      /** By endpoint: each name's brand. */
      const above = new Map<number, Map<number, number>>();
      for (let at = 0; at < names.length; at++) {
        if (at % step === 0) yield;
        const [endpoint, name, brand] = [endpoints[at], names[at], brands[at]] as [number, number, number];
        if (sharers[endpoint] === 1 || brand < 0 || brand === name) continue;
        const known = above.get(endpoint);
        if (known) known.set(name, brand);
        else above.set(endpoint, new Map([[name, brand]]));
      }
      const known = new Map<number, number>();
      const numbers = new Uint32Array(names.length);
      let next = 0;
      for (let at = 0; at < names.length; at++) {
        if (at % step === 0) yield;
        const [endpoint, brand] = [endpoints[at], brands[at]] as [number, number];
        if (sharers[endpoint] === 1) {
          numbers[at] = next++;
          continue;
        }
        const brandOf = above.get(endpoint);
        let top = brand < 0 ? (names[at] as number) : brand;
        // Brands may name one another in a circle.
        for (let turn = 0; turn < 4; turn++) top = brandOf?.get(top) ?? top;
        const key = (endpoint * portalOf.size() + (portals[at] as number)) * nameOf.size() + top;
        const number = known.get(key) ?? next++;
        known.set(key, number);
        numbers[at] = number;
      }
      return numbers;
    },
  };
}

/** Numbers for texts, in the order in which they come. */
function createNumbers() {
  const known = new Map<string, number>();
  return {
    number: (text: string) => remembered(known, text, () => known.size),
    size: () => known.size,
  };
}

/** A name as it is compared with others. */
export function bareName(name: string): string {
  return splitWords(name).map(wholeWord).join(" ");
}

/**
 * A word that tells a source from others of its name, where their places do not: its portal, its vendor, the domain or at
 * least the host where it signs in, else its vendor or host with its number among them. Null where nothing needs to be said.
 *
 * @param source and the others, each behind a login of its own
 */
export function distinctionOf(source: SourceRow, others: readonly SourceRow[]): string | null {
  const alike = others.filter((other) => other.id !== source.id && isSamePlace(source, other));
  if (alike.length === 0) return null;
  const tells = [
    ({ portal_name }: SourceRow) => portal_name,
    ({ vendor }: SourceRow) => vendor,
    signInDomain,
    signInHost,
  ];
  for (const tell of tells) {
    const told = tell(source);
    if (told !== null && alike.every((other) => tell(other) !== told)) return told;
  }
  const ids = [source, ...alike].map(({ id }) => id).sort();
  const shared = source.vendor ?? signInHost(source);
  const place = `${ids.indexOf(source.id) + 1}/${ids.length}`;
  return shared === null ? place : `${shared} (${place})`;
}

function isSamePlace(one: SourceRow, other: SourceRow): boolean {
  const [here, there] = [placeOf(one), placeOf(other)];
  return here === there || here === "" || there === "";
}

function placeOf({ city, state }: SourceRow): string {
  return bareName(`${city ?? ""}, ${state ?? ""}`);
}

function signInDomain(source: SourceRow): string | null {
  const host = signInHost(source);
  return host && domainOf(host);
}

function signInHost(source: SourceRow): string | null {
  const address = plainAddress(source.portal_url ?? "") ?? plainAddress(source.fhir_base_url ?? "");
  return address && hostOf(address);
}
