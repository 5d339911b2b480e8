/**
 * What a source can be found by: the words of its name, its other names, its brand, its place, its vendor and portal, and
 * beside words the initials of its names and the addresses that it is reached at.
 */
import type { SourceRow } from "../store/schema.ts";
import { addressParts, domainOf, hostOf, plainAddress } from "./addresses.ts";
import { isBesideName, isSmallWord, isTellingWord, splitWords, wholeWord } from "./normalise.ts";
import { STATES, stateInName } from "./places.ts";
import type { OtherNames } from "./systems.ts";
import type { Vendors } from "./vendor.ts";
import { MARK } from "./vocabulary.ts";

/** Where a word of a source stands. */
export const FIELD = {
  name: 0,
  alias: 1,
  /** The widely known short form of its name. */
  known: 2,
  brand: 3,
  initials: 4,
  address: 5,
  city: 6,
  state: 7,
  zip: 8,
  vendor: 9,
} as const;

/** The first of the fields that tell where and what a source is, not what it is called. */
export const FIRST_BESIDE = FIELD.city;

/** What the reading works with. */
export interface Reading {
  vendors: Vendors;
  otherNames: OtherNames;
  /** True for a domain under which a vendor hosts many. */
  isShared(domain: string): boolean;
}

/** A source's name. */
export interface NameShape {
  words: string[];
  /** Its words without the small ones and the legal form. */
  whole: number;
  /** Those of them that tell it from others. */
  telling: number;
}

/** Hands out the words of a source in their one form, the name's first and in their order; some come twice. */
export function readSourceWords(
  source: SourceRow,
  { vendors, otherNames, isShared }: Reading,
  add: (word: string, field: number, shortened?: boolean) => void,
): NameShape {
  const addText = (text: string | null, field: number): string[] => {
    if (!text) return [];
    const words = splitWords(text);
    for (const word of words) {
      const whole = wholeWord(word);
      add(whole, field, whole !== word);
    }
    return words;
  };
  const addNames = (text: string | null, field: number): string[] => {
    const words = addText(text, field);
    for (const other of otherNames(words)) {
      for (const word of other.words) add(word, other.short ? FIELD.known : FIELD.alias);
    }
    // Typed in one word, or half of it, or with a slip in it.
    words.forEach((word, at) => {
      if (word === "care" && at > 0) add(`${words[at - 1]}care`, FIELD.alias);
    });
    for (const initials of initialsOf(words)) add(MARK.initials + initials, FIELD.initials);
    return words;
  };
  const words = addNames(source.name, FIELD.name);
  for (const alias of textList(source.aliases)) addNames(alias, FIELD.alias);
  if (source.brand !== null && source.brand !== source.name) addNames(source.brand, FIELD.brand);
  const city = addText(source.city, FIELD.city);
  for (const other of otherNames(city)) for (const word of other.words) add(word, FIELD.city);
  for (const place of textList(source.places)) addText(place, FIELD.city);
  const state = source.state ?? stateInName(source.name);
  addText(state, FIELD.state);
  addText(STATES[state ?? ""] ?? null, FIELD.state);
  addText(source.zip, FIELD.zip);
  addText(vendors.of(source.type)?.words || source.vendor, FIELD.vendor);
  addText(source.portal_name, FIELD.vendor);
  for (const address of [source.fhir_base_url, source.portal_url]) {
    const plain = address && plainAddress(address);
    if (!plain) continue;
    add(MARK.address + addressMark(plain), FIELD.address);
    const host = hostOf(plain);
    const domain = domainOf(host);
    add(MARK.address + addressMark(host), FIELD.address);
    if (!isShared(domain)) add(MARK.address + addressMark(domain), FIELD.address);
  }
  const telling = words.filter(isTellingWord).length;
  const whole = words.filter((word) => !isBesideName(word)).length || words.length;
  return { words, whole: Math.max(1, whole), telling: Math.max(1, telling || whole) };
}

/** The term of a FHIR base URL or portal URL. */
export function addressTerm(address: string): string {
  return MARK.address + addressMark(plainAddress(address) ?? "");
}

/** The terms of a pasted address, the more telling first. */
export function addressTerms(address: string): string[] {
  return addressParts(address).map((part) => MARK.address + addressMark(part));
}

/** A short mark in place of a long address: 52 bits of a hash, which also saves the memory of forty thousand addresses. */
function addressMark(address: string): string {
  let [one, other] = [0x811c9dc5, 0x9e3779b9];
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ code, 0x85ebca6b) ^ (other >>> 13);
  }
  return ((one >>> 0) * 0x10_0000 + (other >>> 12)).toString(36);
}

/** The initials of three to six words, with the small ones and without. */
function initialsOf(words: readonly string[]): string[] {
  const telling = words.filter((word) => !isBesideName(word));
  if (telling.length < 3) return [];
  const short = initials(telling);
  const long = initials(words.filter((word) => !isBesideName(word) || isSmallWord(word)));
  return [...new Set([short, long])].filter((found) => found.length <= 6);
}

function initials(words: readonly string[]): string {
  return words.map((word) => word.charAt(0)).join("");
}

function textList(json: string | null): string[] {
  return json === null || json === "[]" ? [] : JSON.parse(json);
}
