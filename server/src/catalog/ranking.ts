/**
 * Which of the found sources comes first: a word in full before its beginning before one edit off; the name before the
 * alias, the brand and the place; a name that the query covers before a longer one; a brand before its parts; else always
 * the same order.
 */
import { FIELD, type IndexTables } from "./index-tables.ts";
import type { QueryWord } from "./query.ts";

/** What a word is worth by its field: in full, as a beginning at most and at least, one edit off. */
const WORTH: Record<number, readonly [full: number, most: number, least: number, near: number]> = {
  [FIELD.name]: [100, 92, 70, 55],
  [FIELD.alias]: [90, 82, 62, 48],
  [FIELD.brand]: [80, 72, 52, 42],
  [FIELD.city]: [60, 50, 35, 30],
  [FIELD.state]: [58, 30, 20, 15],
  [FIELD.zip]: [60, 55, 45, 10],
  [FIELD.vendor]: [40, 34, 24, 15],
};
const FULL = Array.from({ length: 8 }, (_, field) => WORTH[field]?.[0] ?? 0);
const MOST = Array.from({ length: 8 }, (_, field) => WORTH[field]?.[1] ?? 0);
const LEAST = Array.from({ length: 8 }, (_, field) => WORTH[field]?.[2] ?? 0);
const NEAR = Array.from({ length: 8 }, (_, field) => WORTH[field]?.[3] ?? 0);
/** For a name all of whose words are asked for; a part of it counts its share. */
const COVERED = 50;
/** For words that stand in the name as they were typed, one after the other. */
const IN_ORDER = 12;
/** For a name that begins with the query's first word. */
const AT_START = 10;

/**
 * Puts found sources in order.
 *
 * @returns a function that gives the best `most` of the found, in their order
 */
export function createRanking(
  tables: IndexTables,
): (found: number[], words: readonly QueryWord[], most: number) => number[] {
  const { words: entries, starts, nameLengths, nameWords, parts, vocabulary } = tables;

  const score = (source: number, words: readonly QueryWord[]): number => {
    let sum = 0;
    let covered = 0;
    let order = 0;
    let before = -2;
    const start = starts[source] as number;
    const end = starts[source + 1] as number;
    for (const word of words) {
      let best = 0;
      let position = -2;
      for (let at = start; at < end; at++) {
        const entry = entries[at] as number;
        const number = entry >>> 3;
        const field = entry & 7;
        if ((FULL[field] as number) <= best) continue;
        const worth = worthOf(word, number, field);
        if (worth <= best) continue;
        best = worth;
        position = field === FIELD.name ? at - start : -2;
      }
      sum += best;
      if (position < 0) continue;
      covered++;
      if (position === before + 1) order += IN_ORDER;
      if (position === 0 && word === words[0]) order += AT_START;
      before = position;
    }
    return sum + order + COVERED * Math.min(1, covered / Math.max(1, nameWords[source] as number));
  };

  const worthOf = (word: QueryWord, number: number, field: number): number => {
    if (number === word.exact) return FULL[field] as number;
    if (number >= word.from && number < word.to) {
      const least = LEAST[field] as number;
      return least + ((MOST[field] as number) - least) * (word.spelled.length / vocabulary.lengthOf(number));
    }
    if (!word.misspelt) return 0;
    return word.ranges.some(([from, to]) => number >= from && number < to) ? (NEAR[field] as number) : 0;
  };

  /** Scratch, written before it is read: the scores of one query's sources. */
  const scores = new Float32Array(nameLengths.length);
  const compare = (a: number, b: number): number =>
    (scores[b] as number) - (scores[a] as number) ||
    (parts[a] as number) - (parts[b] as number) ||
    (nameLengths[a] as number) - (nameLengths[b] as number) ||
    a - b;

  return (found, words, most) => {
    for (const source of found) scores[source] = score(source, words);
    return found.length <= most * 4 ? found.sort(compare).slice(0, most) : best(found, most, compare);
  };
}

/** The first `most` of many in their order, without putting the others in order. */
function best(items: readonly number[], most: number, compare: (a: number, b: number) => number): number[] {
  const kept: number[] = [];
  for (const item of items) {
    if (kept.length === most && compare(item, kept[most - 1] as number) >= 0) continue;
    let low = 0;
    let high = kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(item, kept[middle] as number) < 0) high = middle;
      else low = middle + 1;
    }
    kept.splice(low, 0, item);
    if (kept.length > most) kept.pop();
  }
  return kept;
}
