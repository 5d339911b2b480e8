/**
 * What a source is worth for a query: a word in full before its beginning before a slip; the name before the alias, the
 * brand and the place; a name that the query covers before a longer one. And what no source can be worth more than, so
 * that a search may stop before it has seen them all.
 */
import { type IndexTables, LONGEST_NAME, SHORTENED } from "./index-tables.ts";
import { MOST_WORDS, type QueryWord } from "./query.ts";
import { FIELD, FIRST_BESIDE, otherNameTerm } from "./source-words.ts";

/** What a word is worth by its field: in full, as a beginning at most and at least. */
const WORTH: Record<number, readonly [full: number, most: number, least: number]> = {
  [FIELD.name]: [100, 92, 70],
  [FIELD.alias]: [90, 82, 62],
  [FIELD.known]: [140, 82, 62],
  [FIELD.brand]: [80, 72, 52],
  [FIELD.initials]: [78, 0, 0],
  [FIELD.address]: [100, 0, 0],
  [FIELD.city]: [60, 50, 35],
  [FIELD.state]: [58, 30, 20],
  [FIELD.zip]: [60, 55, 45],
  [FIELD.vendor]: [40, 34, 24],
};
const [FULL, MOST, LEAST] = [0, 1, 2].map((column) =>
  Float64Array.from({ length: 16 }, (_, field) => WORTH[field]?.[column] ?? 0),
) as [Float64Array, Float64Array, Float64Array];
/** For a name all of whose words are asked for; a part of it counts its share. */
const COVERED = 50;
/** The same over all words of the name, for two that differ only in what says little. */
const WHOLE = 6;
/** From this worth on a word stands in a name in full; one that does not covers only so much of it. */
export const WHOLE_WORD = 96;
const BEGUN = 0.5;
/** The share of its worth that counts for a word that may be missing, but for a state. */
const SMALL = 0.06;
/** For words that stand in the name as they were typed, one after the other. */
const IN_ORDER = 12;
/** For a name that begins with the query's first word. */
const AT_START = 10;
/** For a word that is not written as it was typed, but means the same. */
const HALF = 0.5;
/** A long form's beginning, such as `pediatric` for `peds`, is nearly the word itself. */
const STEM = 0.97;

/** The most that something can be worth. */
export interface Limit {
  named: number;
  beside: number;
}

/** Scores the sources of one index for one query after the other. */
export interface Ranking {
  /**
   * Takes the query that the calls after it are about.
   *
   * @returns the number of the other name that is typed as a whole, or -1; whoever is called so may be worth more than limits tell
   */
  begin(query: Understood): number;
  /** What a source is worth; -1 where it lacks words. */
  score(source: number): number;
  /** The most that a word of the query can be worth by some of its meanings: as part of a name, and beside it. */
  limit(turn: number, ranges: QueryWord["ranges"]): Limit;
  /**
   * The most that a name can be worth beyond its words.
   *
   * @param size how many telling words it has
   * @param whole how many of the query's words it may have in full; the others it has begun
   */
  extra(size: number, whole: number): number;
}

/** A query, understood in one way. */
export interface Understood {
  words: readonly QueryWord[];
  /** By word, where words may be missing: what has less than half of their sum is worth nothing. */
  weights: readonly number[] | null;
}

export function createRanking(tables: IndexTables): Ranking {
  const { items: entries, starts } = tables.words;
  const { fields, sizes } = tables;
  const { lengths } = tables.vocabulary;
  const sizeOf = new Uint8Array(tables.ids.length);
  for (let size = 0; size <= LONGEST_NAME; size++) sizeOf.fill(size, sizes[size], sizes[size + 1]);

  let words: readonly QueryWord[] = [];
  let weights: readonly number[] | null = null;
  let otherName = -1;
  /** What a source is worth that is called so: nearly as much as if it were its name. */
  let calledSo = 0;
  // A query's words as columns of numbers: they are read a hundred thousand times.
  const column = (): Int32Array => new Int32Array(MOST_WORDS);
  const [exact, from, to, stemFrom, stemTo, initials, letters, lowest, highest] = [
    column(),
    column(),
    column(),
    column(),
    column(),
    column(),
    column(),
    column(),
    column(),
  ] as const;
  const shortened = new Uint8Array(MOST_WORDS);
  const optional = new Uint8Array(MOST_WORDS);
  const best = new Float64Array(MOST_WORDS);
  const place = new Int32Array(MOST_WORDS);

  const worthOf = (turn: number, number: number, field: number): number => {
    const worth = fullWorthOf(turn, number, field);
    return optional[turn] === 1 && field !== FIELD.state ? worth * SMALL : worth;
  };
  const fullWorthOf = (turn: number, number: number, field: number): number => {
    if (number === exact[turn]) return FULL[field] as number;
    if (number >= (from[turn] as number) && number < (to[turn] as number)) {
      const least = LEAST[field] as number;
      return least + ((MOST[field] as number) - least) * ((letters[turn] as number) / (lengths[number] as number));
    }
    if (number >= (stemFrom[turn] as number) && number < (stemTo[turn] as number))
      return STEM * (FULL[field] as number);
    if (number === initials[turn]) return FULL[field] as number;
    const share = words[turn]?.near?.get(number);
    return share === undefined ? 0 : share * (FULL[field] as number);
  };

  return {
    begin(query) {
      ({ words, weights } = query);
      words.forEach((word, turn) => {
        // A single letter that is being typed says no more in full than what begins with it.
        const single = word.last && word.spelled.length === 1;
        exact[turn] = single ? -1 : word.exact;
        letters[turn] = single ? 0 : word.spelled.length;
        from[turn] = word.from;
        to[turn] = word.to;
        stemFrom[turn] = word.stem[0];
        stemTo[turn] = word.stem[1];
        initials[turn] = word.initials;
        // Most words of a source are none that is asked for: what lies outside of all ranges is soon told.
        lowest[turn] = word.ranges[0]?.[0] ?? 0;
        highest[turn] = word.ranges.at(-1)?.[1] ?? 0;
        shortened[turn] = word.shortened ? SHORTENED : 0;
        optional[turn] = word.optional ? 1 : 0;
      });
      const needed = words.filter((word) => !word.optional);
      otherName = needed.length > 1 ? tables.vocabulary.find(otherNameTerm(needed.map(({ spelled }) => spelled))) : -1;
      calledSo = needed.length * (FULL[FIELD.name] as number) + COVERED + IN_ORDER * (needed.length - 1) + AT_START;
      return otherName;
    },
    score(source) {
      const count = words.length;
      best.fill(0, 0, count);
      place.fill(-2, 0, count);
      const start = starts[source] as number;
      const end = starts[source + 1] as number;
      let least = 0;
      for (let at = start; at < end; at++) {
        const entry = entries[at] as number;
        const number = entry >>> 5;
        const field = entry & 15;
        const full = FULL[field] as number;
        if (number === otherName) least = calledSo;
        for (let turn = 0; turn < count; turn++) {
          if (number < (lowest[turn] as number) || number >= (highest[turn] as number)) continue;
          if (full <= (best[turn] as number)) continue;
          let worth = worthOf(turn, number, field);
          if (worth === 0) continue;
          // Of two names that differ in this alone, the one that is written as it was typed.
          if ((entry & SHORTENED) !== shortened[turn]) worth -= HALF;
          // Of two words that begin with a letter, the one that stands behind the word before it.
          const next = letters[turn] === 0 && turn > 0 && at - start === (place[turn - 1] as number) + 1;
          if (next ? worth < (best[turn] as number) : worth <= (best[turn] as number)) continue;
          best[turn] = worth;
          place[turn] = field === FIELD.name ? at - start : -2;
        }
      }
      let sum = 0;
      let covered = 0;
      let before = -2;
      let missed = 0;
      let all = 0;
      for (let turn = 0; turn < count; turn++) {
        const worth = best[turn] as number;
        if (weights !== null) {
          all += weights[turn] as number;
          if (worth === 0) missed += weights[turn] as number;
        } else if (worth === 0 && optional[turn] === 0) return -1;
        sum += worth;
        const position = place[turn] as number;
        if (position < 0) continue;
        if (optional[turn] === 0) covered += worth >= WHOLE_WORD ? 1 : BEGUN;
        if (position === before + 1) sum += IN_ORDER;
        if (position === 0 && turn === 0) sum += AT_START;
        before = position;
      }
      if (missed * 2 > all) return -1;
      const whole = Math.min(1, covered / (tables.nameWords[source] as number));
      return Math.max(least, sum + COVERED * Math.min(1, covered / (sizeOf[source] as number)) + WHOLE * whole);
    },
    limit(turn, ranges) {
      const limit = { named: 0, beside: 0 };
      for (const [first, last] of ranges) {
        for (let number = first; number < last; number++) {
          const standing = fields[number] as number;
          for (let field = 0; standing >>> field !== 0; field++) {
            if (((standing >>> field) & 1) === 0) continue;
            const worth = worthOf(turn, number, field);
            if (field < FIRST_BESIDE) limit.named = Math.max(limit.named, worth);
            else limit.beside = Math.max(limit.beside, worth);
          }
        }
      }
      return limit;
    },
    extra(size, whole) {
      const covered = whole + BEGUN * (words.length - whole);
      return IN_ORDER * (words.length - 1) + AT_START + WHOLE + COVERED * Math.min(1, covered / size);
    },
  };
}
