/** Understands what was typed: its words, and what each of them may stand for in a vocabulary. */
import { isPassingWord, splitWords, wholeWord } from "./normalise.ts";
import { MARK, type Vocabulary } from "./vocabulary.ts";

/** A typed word and whether it may go on. */
export interface SpelledWord {
  spelled: string;
  last: boolean;
  /** True for one that may be missing. */
  optional: boolean;
}

/** A word of a query and what it may stand for. */
export interface QueryWord extends SpelledWord {
  /** The number of its one form, or -1. */
  exact: number;
  /** True where it was typed shortened. */
  shortened: boolean;
  /** The number of the initials that it may be, or -1. */
  initials: number;
  /** The words that begin with it: from the first to before the second. */
  from: number;
  to: number;
  /** The words that begin as its long form does, such as `pediatric` for `peds`. */
  stem: [number, number];
  /** Words that it may stand for by a slip, or ZIP codes near it, each with its share of a word's worth, 0 to 1; or null. */
  near: ReadonlyMap<number, number> | null;
  /** All of the above, as ranges of words without overlap. */
  ranges: readonly (readonly [from: number, to: number])[];
  /** The same in two parts: what it may be in full or by a slip, and what only begins with it. */
  parts: readonly [full: QueryWord["ranges"], begun: QueryWord["ranges"]];
}

/** At most so many words of a query are looked up; a name with more is found by them. */
export const MOST_WORDS = 12;
/** What slips may cost by the letters of a word; longer words have the last. */
const SLIPS = [0, 0, 0, 0, 2, 3, 3, 4] as const;
/** The share of a word's worth that is left at a slip's cost. */
const LEFT_AT = [0.7, 0.62, 0.55, 0.47, 0.4] as const;

/**
 * The words of a query, each once. Beside others the small ones may be missing, and what is typed by habit: `of` and `and`
 * still tell names apart, and `in` may be a state.
 */
export function readQuery(query: string): SpelledWord[] {
  const all = splitWords(query);
  const typing = all.at(-1);
  const alone = all.every(isPassingWord);
  const words = [...new Set(all)].slice(0, MOST_WORDS);
  return words.map((spelled) => ({ spelled, last: spelled === typing, optional: !alone && isPassingWord(spelled) }));
}

/** What a word stands for: itself in full, all that begins with it, and for a ZIP code those near it. */
export function matchWord(vocabulary: Vocabulary, word: SpelledWord): QueryWord {
  const { spelled } = word;
  const whole = wholeWord(spelled);
  const shortened = whole !== spelled;
  const [from, to] = vocabulary.range(spelled);
  // Of all words that begin with it, the very word is the first.
  const own = vocabulary.wordOf(from) === spelled ? from : -1;
  return withRanges({
    ...word,
    exact: shortened ? vocabulary.find(whole) : own,
    shortened,
    initials: spelled.length >= 3 && spelled.length <= 6 ? vocabulary.find(MARK.initials + spelled) : -1,
    from,
    to,
    stem: shortened ? vocabulary.range(whole.replace(/s$/, "")) : [0, 0],
    near: /^\d{5}$/.test(spelled) ? zipsNear(vocabulary, spelled) : null,
    ranges: [],
    parts: [[], []],
  });
}

/** True for a word that stands for nothing. */
export function fitsNothing(word: QueryWord): boolean {
  return word.ranges.length === 0;
}

/**
 * The same word with all that slips may have made of it; one that is too short for a slip, or a number, stays.
 *
 * @param wide true where its first letter may be wrong
 */
export function matchMisspelt(vocabulary: Vocabulary, word: QueryWord, wide: boolean): QueryWord {
  const { spelled, last } = word;
  const most = SLIPS[Math.min(spelled.length, SLIPS.length - 1)] ?? 0;
  if (most === 0 || !/^[a-z]+$/.test(spelled)) return word;
  const near = new Map<number, number>();
  for (const [number, cost] of vocabulary.near(spelled, { most, open: last, wide }))
    near.set(number, LEFT_AT[cost] ?? 0);
  return withRanges({ ...word, near });
}

/** The ZIP codes of the same area, by their distance. */
function zipsNear(vocabulary: Vocabulary, zip: string): Map<number, number> {
  const near = new Map<number, number>();
  const [from, to] = vocabulary.range(zip.slice(0, 3));
  for (let number = from; number < to; number++) {
    const other = vocabulary.wordOf(number);
    if (other !== zip && /^\d{5}$/.test(other)) near.set(number, 0.9 - Math.abs(Number(other) - Number(zip)) / 250);
  }
  return near;
}

function withRanges(word: QueryWord): QueryWord {
  const { from, to, stem, exact, initials } = word;
  const full: [number, number][] = [[stem[0], stem[1]]];
  for (const number of [exact, initials, ...(word.near?.keys() ?? [])]) full.push([number, number + 1]);
  // The very word is the first of those that begin with it.
  const begun: [number, number][] = [[exact === from ? from + 1 : from, to]];
  return { ...word, ranges: joined([...full, ...begun]), parts: [joined(full), joined(begun)] };
}

function joined(all: [number, number][]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const [from, to] of all.sort((a, b) => a[0] - b[0])) {
    const before = ranges.at(-1);
    if (from >= to || from < 0) continue;
    if (before && from <= before[1]) before[1] = Math.max(before[1], to);
    else ranges.push([from, to]);
  }
  return ranges;
}
