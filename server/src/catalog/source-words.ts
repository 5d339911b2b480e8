/**
 * What a source can be found by: the words of its name, its other names, its brand, its place, its vendor and portal, and
 * beside words the initials of its names and the addresses that it is reached at.
 */
import type { SourceRow } from "../store/schema.ts";
import { addressParts, domainOf, hostOf, plainAddress } from "./addresses.ts";
import { isBesideName, isSmallWord, isTellingWord, isTrialWord, splitWords, wholeWord } from "./normalise.ts";
import { createOtherNames } from "./other-names.ts";
import { STATES, stateInName } from "./places.ts";
import { remembered } from "./remembered.ts";
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

/** A source's name. */
export interface NameShape {
  words: readonly string[];
  /** Its words without the small ones and the legal form. */
  whole: number;
  /** Those of them that tell it from others. */
  telling: number;
  /** True where patients hardly are: at a trial by its name, or at a server for staff. */
  offside: boolean;
}

/**
 * Hands out the words of a source in their one form, the name's first and in their order; some come twice.
 *
 * @param add told each word, the field where it stands, and whether it is written shortened there
 */
export type ReadSourceWords = (
  source: SourceRow,
  add: (word: string, field: number, shortened: boolean) => void,
) => NameShape;

/** Where a name is made of two words, as `UnityPoint`; many type them apart. Not so in `McLeod`. */
const INNER_CAPITAL = /\p{L}\p{Ll}{2}\p{Lu}\p{Ll}{2}/u;
const INNER_CAPITALS = /(\p{L}\p{Ll}{2})(?=\p{Lu}\p{Ll}{2})/gu;

/** Makes a reader for one index: it keeps what it has read of places, vendors and addresses, which come again and again. */
export function createSourceReader(vendors: Vendors): ReadSourceWords {
  const otherNames = createOtherNames();
  const shared = new Set(vendors.all.flatMap(({ hosts }) => hosts.map(domainOf)));
  const staffed = new Set(vendors.all.flatMap(({ staff_hosts }) => staff_hosts));
  const texts = new Map<string, readonly string[]>();
  const addresses = new Map<string, readonly string[]>();
  const wordsOf = (text: string): readonly string[] => remembered(texts, text, splitWords);
  const termsOf = (address: string): readonly string[] =>
    remembered(addresses, address, () => {
      const plain = plainAddress(address);
      if (plain === null) return [];
      const host = hostOf(plain);
      const domain = domainOf(host);
      return (shared.has(domain) ? [plain, host] : [plain, host, domain]).map(markOf);
    });

  return (source, add) => {
    const addWords = (words: readonly string[], field: number): void => {
      for (const word of words) {
        const whole = wholeWord(word);
        add(whole, field, whole !== word);
      }
    };
    const addText = (text: string | null, field: number): void => {
      if (text) addWords(wordsOf(text), field);
    };
    const addOthers = (words: readonly string[], field: number | null): void => {
      for (const other of otherNames(words)) {
        for (const word of other.words) add(word, field ?? (other.short ? FIELD.known : FIELD.alias), false);
        if (other.whole) add(otherNameTerm(other.words), FIELD.alias, false);
      }
    };
    const addName = (name: string, words: readonly string[], field: number): void => {
      addWords(words, field);
      addOthers(words, null);
      // Typed in one word, or half of it, or with a slip in it.
      if (name.length > 4 && words.includes("care", 1))
        add(`${words[words.indexOf("care", 1) - 1]}care`, FIELD.alias, false);
      if (INNER_CAPITAL.test(name)) {
        const pieces = splitWords(name.replace(INNER_CAPITALS, "$1 "));
        addWords(pieces, FIELD.alias);
        add(otherNameTerm(pieces.filter((word) => !isBesideName(word))), FIELD.alias, false);
      }
      for (const initials of initialsOf(words)) add(MARK.initials + initials, FIELD.initials, false);
    };

    const words = splitWords(source.name);
    addName(source.name, words, FIELD.name);
    for (const alias of textList(source.aliases)) addName(alias, wordsOf(alias), FIELD.alias);
    const { brand, city } = source;
    if (brand !== null && brand !== source.name) addName(brand, wordsOf(brand), FIELD.brand);
    if (city) {
      addText(city, FIELD.city);
      addOthers(wordsOf(city), FIELD.city);
    }
    for (const place of textList(source.places)) addText(place, FIELD.city);
    const state = source.state ?? stateInName(source.name);
    addText(state, FIELD.state);
    // The `of` of the District of Columbia is no place.
    const stateWords = wordsOf(STATES[state ?? ""] ?? "").filter((word) => !isSmallWord(word));
    addWords(stateWords, FIELD.state);
    addText(source.zip, FIELD.zip);
    addText(vendors.of(source.type)?.words || source.vendor, FIELD.vendor);
    addText(source.portal_name, FIELD.vendor);
    for (const address of [source.fhir_base_url, source.portal_url]) {
      if (address) for (const term of termsOf(address)) add(term, FIELD.address, false);
    }
    const whole = words.filter((word) => !isBesideName(word)).length || words.length;
    const telling = Math.max(1, words.filter(isTellingWord).length || whole);
    const host = hostOf(plainAddress(source.fhir_base_url ?? "") ?? "");
    return { words, whole: Math.max(1, whole), telling, offside: words.some(isTrialWord) || staffed.has(host) };
  };
}

/** The term of a FHIR base URL or portal URL. */
export function addressTerm(address: string): string {
  return markOf(plainAddress(address) ?? "");
}

/** The terms of a pasted address, the more telling first. */
export function addressTerms(address: string): string[] {
  return addressParts(address).map(markOf);
}

/** The term of another name as a whole. */
export function otherNameTerm(words: readonly string[]): string {
  return MARK.other + words.map(wholeWord).join(" ");
}

/** A short mark in place of a long address: a hash of 64 bits, which saves the memory of forty thousand addresses. */
function markOf(address: string): string {
  let [one, other] = [0x811c9dc5 | 0, 0x9e3779b9 | 0];
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul((other << 5) ^ (other >>> 2) ^ code, 0x85ebca6b);
  }
  return MARK.address + (one >>> 0).toString(36) + (other >>> 0).toString(36);
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
