/**
 * What the search reads: every source's words by number, and every word's sources. Made in steps, so that a process that
 * serves patients can go on between them; plain arrays of numbers, so that a hundred thousand sources take few megabytes.
 * Sources are numbered in the order in which equals are shown: fewer words in the name, larger system, brand before its
 * parts, small letters before capitals, shorter name, id.
 */
import type { SourceRow } from "../store/schema.ts";
import { createLogins } from "./logins.ts";
import { wholeWord } from "./normalise.ts";
import { FIRST_BESIDE, type ReadSourceWords } from "./source-words.ts";
import { type Vocabulary, vocabularyOf } from "./vocabulary.ts";

/** Lists of numbers: list `n` from `starts[n]` to before `starts[n + 1]`. */
export interface Lists {
  items: Uint32Array;
  starts: Uint32Array;
}

/** The tables; a source is a number from 0, a word its number in the vocabulary. */
export interface IndexTables {
  /** By source. */
  ids: readonly string[];
  /** Sources in the order of their ids. */
  byId: Uint32Array;
  vocabulary: Vocabulary;
  /** Words of each source, each `number << 5 | SHORTENED? | field`, the name's first and in order. */
  words: Lists;
  /** Sources of each word, ascending, where it is part of what they are called. */
  named: Lists;
  /** The same where it tells what or where they are. */
  beside: Lists;
  /** The fields in which a word stands anywhere, a bit each. */
  fields: Uint16Array;
  /** Sources whose names have `n` telling words: from `sizes[n]` to before `sizes[n + 1]`; the last holds all longer ones. */
  sizes: Uint32Array;
  /** By source: the type's number. */
  types: Uint16Array;
  typeNumbers: ReadonlyMap<string, number>;
  /** By source: words of its name without the small ones and the legal form. */
  nameWords: Uint8Array;
  /** By source: 1 for one whose server does not answer. */
  unreachable: Uint8Array;
  /** By source: 1 for one where patients hardly are. */
  offside: Uint8Array;
  /** By source: its login's number. */
  logins: Uint32Array;
  /** Sources of each login, ascending. */
  byLogin: Lists;
  /** By source: its name's number. */
  names: Uint32Array;
  /** Sources of each name, ascending. */
  byName: Lists;
}

/** A source to be found; one that was never checked counts as one that answers. */
export interface IndexedSource extends SourceRow {
  liveness?: "live" | "unreachable" | "retired" | "unknown";
}

/** Collects sources, then makes the tables. */
export interface IndexBuilder {
  add(source: IndexedSource): void;
  /** Makes the tables; each step takes few milliseconds. */
  finish(): Generator<void, IndexTables>;
}

/** The bit of a word that a source writes shortened, such as `Assoc`. */
export const SHORTENED = 16;
/** One of the lists. */
export function listOf({ items, starts }: Lists, number: number): Uint32Array {
  return items.subarray(starts[number], starts[number + 1]);
}

/** Names with more telling words than this count as having so many. */
export const LONGEST_NAME = 15;
/** Sources, words or postings that are dealt with in one step. */
const STEP = 1500;
/** From so many sources at one endpoint on it is a large system, up to so many: beyond, it is a vendor's own. */
const LARGE = [3, 8, 120] as const;

/** A builder without sources. Sources come in the order of their ids. */
export function createIndexBuilder(readSourceWords: ReadSourceWords): IndexBuilder {
  const ids: string[] = [];
  const terms = new Map<string, number>();
  const fields: number[] = [];
  const typeNumbers = new Map<string, number>();
  const words: number[] = [];
  const starts: number[] = [0];
  const shapes: number[] = [];
  const types: number[] = [];
  const unreachable: number[] = [];
  const offsides: number[] = [];
  const wholes: number[] = [];
  const logins = createLogins();

  /** Where the words of the source at hand begin. */
  let begun = 0;
  const addWord = (word: string, field: number, shortened: boolean): void => {
    let term = terms.get(word);
    if (term === undefined) {
      term = terms.size;
      terms.set(word, term);
      fields.push(0);
    }
    const entry = (term << 5) | (shortened ? SHORTENED : 0) | field;
    for (let at = begun; at < words.length; at++) if (words[at] === entry) return;
    words.push(entry);
    fields[term] = (fields[term] as number) | (1 << field);
  };

  return {
    add(source) {
      begun = words.length;
      const { words: nameWords, whole, telling, offside } = readSourceWords(source, addWord);
      const name = nameWords.map(wholeWord).join(" ");
      ids.push(source.id);
      starts.push(words.length);
      const part = source.brand === null || source.brand === source.name ? 0 : 1;
      const shouted = source.name === source.name.toUpperCase() ? 1 : 0;
      shapes.push(
        (Math.min(telling, LONGEST_NAME) << 9) | (part << 8) | (shouted << 7) | Math.min(source.name.length, 127),
      );
      const type = source.type ?? "";
      if (!typeNumbers.has(type)) typeNumbers.set(type, typeNumbers.size);
      types.push(typeNumbers.get(type) ?? 0);
      wholes.push(Math.min(whole, 255));
      unreachable.push(source.liveness === "unreachable" ? 1 : 0);
      offsides.push(offside ? 1 : 0);
      logins.add(source, name);
    },
    *finish() {
      // A source's rank among equals as one number below 2^15: words, size, part or not, capitals or not, letters.
      const ranks = Uint16Array.from(shapes, (shape, source) => {
        const shared = logins.sharing(source);
        const size = shared > LARGE[2] || shared < LARGE[0] ? 2 : shared < LARGE[1] ? 1 : 0;
        return ((shape >> 9) << 11) | (size << 9) | (shape & 0x1ff);
      });
      yield;
      const order = listsOf(ranks, (LONGEST_NAME << 11) | 0x7ff).items;
      yield;
      const sorted = yield* sortInSteps([...terms.keys()]);
      yield;
      const numbers = new Uint32Array(terms.size);
      for (let number = 0; number < sorted.length; number++) {
        if (number % STEP === 0) yield;
        numbers[terms.get(sorted[number] as string) ?? 0] = number;
      }
      const own: Lists = { items: new Uint32Array(words.length), starts: new Uint32Array(ids.length + 1) };
      for (let source = 0, to = 0; source < ids.length; source++) {
        if (source % STEP === 0) yield;
        const from = order[source] as number;
        for (let at = starts[from] as number; at < (starts[from + 1] as number); at++) {
          const entry = words[at] as number;
          own.items[to++] = ((numbers[entry >>> 5] as number) << 5) | (entry & 31);
        }
        own.starts[source + 1] = to;
      }
      const named = yield* postings(own, terms.size, (field) => field < FIRST_BESIDE);
      const beside = yield* postings(own, terms.size, (field) => field >= FIRST_BESIDE);
      yield;
      const byId = new Uint32Array(ids.length);
      for (let source = 0; source < order.length; source++) byId[order[source] as number] = source;
      const ordered = <T>(from: ArrayLike<number>, array: T & { [n: number]: number }): T => {
        for (let source = 0; source < order.length; source++) array[source] = from[order[source] as number] as number;
        return array;
      };
      const numbered = yield* logins.finish(STEP);
      const loginNumbers = ordered(numbered, new Uint32Array(ids.length));
      yield;
      const nameOf = ordered(logins.names, new Uint32Array(ids.length));
      yield;
      const byLogin = listsOf(loginNumbers, ids.length);
      yield;
      const byName = listsOf(nameOf, logins.nameCount());
      yield;
      const vocabulary = yield* vocabularyOf(sorted);
      yield;
      const orderedIds = Array.from(order, (source) => ids[source] as string);
      yield;
      const fieldsOf = new Uint16Array(terms.size);
      for (let term = 0; term < fields.length; term++) fieldsOf[numbers[term] as number] = fields[term] as number;
      const sizes = new Uint32Array(LONGEST_NAME + 2);
      for (const rank of ranks) sizes[(rank >> 11) + 1] = (sizes[(rank >> 11) + 1] as number) + 1;
      for (let size = 0; size <= LONGEST_NAME; size++)
        sizes[size + 1] = (sizes[size + 1] as number) + (sizes[size] as number);
      yield;
      return {
        ids: orderedIds,
        byId,
        vocabulary,
        words: own,
        named,
        beside,
        fields: fieldsOf,
        sizes,
        types: ordered(types, new Uint16Array(ids.length)),
        typeNumbers,
        nameWords: ordered(wholes, new Uint8Array(ids.length)),
        unreachable: ordered(unreachable, new Uint8Array(ids.length)),
        offside: ordered(offsides, new Uint8Array(ids.length)),
        logins: loginNumbers,
        byLogin,
        names: nameOf,
        byName,
      };
    },
  };
}

/** Which places have which number, ascending. */
function listsOf(numbers: ArrayLike<number>, size: number): Lists {
  const starts = new Uint32Array(size + 2);
  for (let at = 0; at < numbers.length; at++) {
    const slot = (numbers[at] as number) + 1;
    starts[slot] = (starts[slot] as number) + 1;
  }
  for (let slot = 0; slot <= size; slot++) starts[slot + 1] = (starts[slot + 1] as number) + (starts[slot] as number);
  const next = starts.slice();
  const items = new Uint32Array(numbers.length);
  for (let at = 0; at < numbers.length; at++) {
    const slot = numbers[at] as number;
    items[next[slot] as number] = at;
    next[slot] = (next[slot] as number) + 1;
  }
  return { items, starts };
}

/** The sources of each word, counting the fields that are asked for; a word that stands in several of them counts once. */
function* postings(words: Lists, size: number, counts: (field: number) => boolean): Generator<void, Lists> {
  const starts = new Uint32Array(size + 1);
  const last = new Int32Array(size).fill(-1);
  const sources = words.starts.length - 1;
  for (let source = 0; source < sources; source++) {
    if (source % STEP === 0) yield;
    for (let at = words.starts[source] as number; at < (words.starts[source + 1] as number); at++) {
      const entry = words.items[at] as number;
      if (!counts(entry & 15) || last[entry >>> 5] === source) continue;
      last[entry >>> 5] = source;
      starts[(entry >>> 5) + 1] = (starts[(entry >>> 5) + 1] as number) + 1;
    }
  }
  for (let term = 0; term < size; term++) starts[term + 1] = (starts[term + 1] as number) + (starts[term] as number);
  const items = new Uint32Array(starts[size] as number);
  const next = starts.slice();
  last.fill(-1);
  for (let source = 0; source < sources; source++) {
    if (source % STEP === 0) yield;
    for (let at = words.starts[source] as number; at < (words.starts[source + 1] as number); at++) {
      const entry = words.items[at] as number;
      const term = entry >>> 5;
      if (!counts(entry & 15) || last[term] === source) continue;
      last[term] = source;
      items[next[term] as number] = source;
      next[term] = (next[term] as number) + 1;
    }
  }
  return { items, starts };
}

/** Sorts by code units: first apart by the first two letters, then each part. */
function* sortInSteps(words: string[]): Generator<void, string[]> {
  const parts = new Map<string, string[]>();
  for (let at = 0; at < words.length; at++) {
    if (at % STEP === 0) yield;
    const word = words[at] as string;
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
