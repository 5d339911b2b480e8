/**
 * What the search reads: every source's words by number, and every word's sources. Made in steps, so that a process that
 * serves patients can go on between them; plain arrays of numbers, so that a hundred thousand sources take few megabytes.
 */
import type { SourceRow } from "../store/schema.ts";
import { isSmallWord, splitWords, wholeWord } from "./normalise.ts";
import { STATES } from "./places.ts";
import type { Vendors } from "./vendor.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** Where a word of a source stands. */
export const FIELD = { name: 0, alias: 1, brand: 2, city: 3, state: 4, zip: 5, vendor: 6 } as const;

/** The tables; a source is a number from 0, a word its number in the vocabulary. */
export interface IndexTables {
  ids: readonly string[];
  vocabulary: Vocabulary;
  /** Words of source `s`: from `starts[s]` to before `starts[s + 1]`, each `number << 3 | field`, the name's first and in order. */
  words: Uint32Array;
  starts: Uint32Array;
  /** Sources of word `w`, ascending: from `postingStarts[w]` to before `postingStarts[w + 1]`. */
  postings: Uint32Array;
  postingStarts: Uint32Array;
  /** Letters of the name. */
  nameLengths: Uint16Array;
  /** Words of the name without the small ones. */
  nameWords: Uint8Array;
  /** 1 for a part of a brand, 0 for what stands alone or at the top. */
  parts: Uint8Array;
  /** The type's number. */
  types: Uint16Array;
  typeNumbers: ReadonlyMap<string, number>;
}

/** Collects sources, then makes the tables. */
export interface IndexBuilder {
  add(source: SourceRow): void;
  /** Makes the tables; each step takes some milliseconds. */
  finish(): Generator<void, IndexTables>;
}

/** Terms that are sorted, or sources that are rewritten, in one step. */
const STEP = 5000;

/** A builder without sources. */
export function createIndexBuilder(vendors: Vendors): IndexBuilder {
  const ids: string[] = [];
  const terms = new Map<string, number>();
  const typeNumbers = new Map<string, number>();
  const words: number[] = [];
  const starts: number[] = [0];
  const nameLengths: number[] = [];
  const nameWords: number[] = [];
  const parts: number[] = [];
  const types: number[] = [];
  let own = new Set<number>();

  const addWords = (text: string | null, field: number): string[] => {
    if (!text) return [];
    const found = splitWords(text);
    for (const word of found) {
      const whole = wholeWord(word);
      const term = terms.get(whole) ?? terms.size;
      terms.set(whole, term);
      const entry = (term << 3) | field;
      if (own.has(entry)) continue;
      own.add(entry);
      words.push(entry);
    }
    return found;
  };

  return {
    add(source) {
      own = new Set();
      const name = addWords(source.name, FIELD.name);
      for (const alias of textList(source.aliases)) addWords(alias, FIELD.alias);
      addWords(source.brand, FIELD.brand);
      addWords(source.city, FIELD.city);
      for (const place of textList(source.places)) addWords(place, FIELD.city);
      addWords(source.state, FIELD.state);
      addWords(STATES[source.state ?? ""] ?? null, FIELD.state);
      addWords(source.zip, FIELD.zip);
      addWords(vendors.of(source.type)?.words || source.vendor, FIELD.vendor);
      addWords(source.portal_name, FIELD.vendor);
      ids.push(source.id);
      starts.push(words.length);
      nameLengths.push(Math.min(source.name.length, 65_535));
      nameWords.push(Math.min(name.filter((word) => !isSmallWord(word)).length || name.length, 255));
      parts.push(source.brand === null ? 0 : 1);
      const type = source.type ?? "";
      if (!typeNumbers.has(type)) typeNumbers.set(type, typeNumbers.size);
      types.push(typeNumbers.get(type) ?? 0);
    },
    *finish() {
      const sorted = yield* sortInSteps([...terms.keys()]);
      yield;
      const vocabulary = createVocabulary(sorted);
      yield;
      const numbers = new Uint32Array(terms.size);
      sorted.forEach((word, number) => {
        numbers[terms.get(word) ?? 0] = number;
      });
      yield;
      const tables = {
        words: new Uint32Array(words.length),
        starts: Uint32Array.from(starts),
        postings: new Uint32Array(words.length),
        postingStarts: new Uint32Array(terms.size + 1),
      };
      const counts = new Uint32Array(terms.size);
      // A word that stands in several fields of a source is one posting: `last` tells who was counted last.
      const last = new Int32Array(terms.size).fill(-1);
      for (let source = 0; source < ids.length; source++) {
        if (source % STEP === 0) yield;
        for (let at = tables.starts[source] as number; at < (tables.starts[source + 1] as number); at++) {
          const entry = words[at] as number;
          const number = numbers[entry >>> 3] as number;
          tables.words[at] = (number << 3) | (entry & 7);
          if (last[number] !== source) counts[number] = (counts[number] as number) + 1;
          last[number] = source;
        }
      }
      for (let number = 0; number < counts.length; number++) {
        tables.postingStarts[number + 1] = (tables.postingStarts[number] as number) + (counts[number] as number);
      }
      const next = tables.postingStarts.slice();
      last.fill(-1);
      for (let source = 0; source < ids.length; source++) {
        if (source % STEP === 0) yield;
        for (let at = tables.starts[source] as number; at < (tables.starts[source + 1] as number); at++) {
          const number = (tables.words[at] as number) >>> 3;
          if (last[number] === source) continue;
          last[number] = source;
          tables.postings[next[number] as number] = source;
          next[number] = (next[number] as number) + 1;
        }
      }
      return {
        ...tables,
        postings: tables.postings.slice(0, tables.postingStarts.at(-1)),
        ids,
        vocabulary,
        nameLengths: Uint16Array.from(nameLengths),
        nameWords: Uint8Array.from(nameWords),
        parts: Uint8Array.from(parts),
        types: Uint16Array.from(types),
        typeNumbers,
      };
    },
  };
}

/** Sorts by code units: first apart by the first two letters, then each part. */
function* sortInSteps(words: string[]): Generator<void, string[]> {
  const parts = new Map<string, string[]>();
  for (const word of words) {
    const key = word.slice(0, 2);
    const part = parts.get(key);
    if (part) part.push(word);
    else parts.set(key, [word]);
  }
  const sorted: string[] = [];
  let sinceStep = 0;
  for (const key of [...parts.keys()].sort()) {
    const part = (parts.get(key) ?? []).sort();
    for (const word of part) sorted.push(word);
    sinceStep += part.length;
    if (sinceStep < STEP) continue;
    sinceStep = 0;
    yield;
  }
  return sorted;
}

function textList(json: string | null): string[] {
  return json === null || json === "[]" ? [] : JSON.parse(json);
}
