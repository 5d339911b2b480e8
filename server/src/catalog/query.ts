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
/** The share of a word's worth that is left without its last s. */
const SINGULAR = 0.8;
/** The browser is not asked where it is; and `me` alone is a state. */
const NEAR_ME = /\bnear(by| me| my location)\b/gi;
/** What slips may cost by the letters of a word; longer words have the last. */
const SLIPS = [0, 0, 0, 0, 2, 3, 3, 4] as const;
/** The share of a word's worth that is left at a slip's cost. */
const LEFT_AT = [0.7, 0.62, 0.55, 0.47, 0.4] as const;

/**
 * The words of a query, each once. Beside others the small ones may be missing, and what is typed by habit: `of` and `and`
 * still tell names apart, and `in` may be a state.
 */
export function readQuery(query: string): SpelledWord[] {
  const all = splitWords(query.replace(NEAR_ME, ""));
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
    spelled,
    last: word.last,
    optional: word.optional,
    exact: shortened ? vocabulary.find(whole) : own,
    shortened,
    initials: spelled.length >= 3 && spelled.length <= 6 ? vocabulary.find(MARK.initials + spelled) : -1,
    from,
    to,
    stem: shortened ? vocabulary.range(whole.replace(/s$/, "")) : [0, 0],
    near: isZip(spelled) ? zipsNear(vocabulary, spelled, 3) : singularOf(vocabulary, spelled),
  });
}

/** True for a word that stands for nothing. */
export function fitsNothing(word: QueryWord): boolean {
  return word.ranges.length === 0;
}

/**
 * The same word with all that slips may have made of it, and a ZIP code with those of the wider area; one that is too short
 * for a slip, or another number, stays.
 *
 * @param wide true where its first letter may be wrong
 */
export function matchMisspelt(vocabulary: Vocabulary, word: QueryWord, wide: boolean): QueryWord {
  const { spelled, last } = word;
  if (isZip(spelled)) return withRanges({ ...word, near: zipsNear(vocabulary, spelled, 2) });
  const most = SLIPS[Math.min(spelled.length, SLIPS.length - 1)] ?? 0;
  if (most === 0 || !/^[a-z]+$/.test(spelled)) return word;
  const near = new Map<number, number>();
  for (const [number, cost] of vocabulary.near(spelled, { most, open: last, wide }))
    near.set(number, LEFT_AT[cost] ?? 0);
  return withRanges({ ...word, near });
}

/** A word without its last s, as in `St. Jude` for `st judes`; null where there is none. */
function singularOf(vocabulary: Vocabulary, word: string): Map<number, number> | null {
  if (!/^[a-z]{3,}[^su]s$/.test(word)) return null;
  const number = vocabulary.find(word.slice(0, -1));
  return number < 0 ? null : new Map([[number, SINGULAR]]);
}

function isZip(word: string): boolean {
  return /^\d{5}$/.test(word);
}

/** The ZIP codes that begin with as many digits alike, by their distance. */
function zipsNear(vocabulary: Vocabulary, zip: string, alike: number): Map<number, number> {
  const near = new Map<number, number>();
  const [from, to] = vocabulary.range(zip.slice(0, alike));
  for (let number = from; number < to; number++) {
    const other = vocabulary.wordOf(number);
    const distance = Math.abs(Number(other) - Number(zip));
    if (distance > 0 && isZip(other)) near.set(number, 0.4 + 0.5 / (1 + distance / 100));
  }
  return near;
}

/** A word with its ranges put together. */
function withRanges(word: Omit<QueryWord, "ranges" | "parts">): QueryWord {
  const { spelled, last, optional, exact, shortened, initials, from, to, stem, near } = word;
  const full: [number, number][] = [];
  if (stem[1] > stem[0]) full.push([stem[0], stem[1]]);
  if (exact >= 0) full.push([exact, exact + 1]);
  if (initials >= 0) full.push([initials, initials + 1]);
  if (near) for (const number of near.keys()) full.push([number, number + 1]);
  // The very word is the first of those that begin with it.
  const start = exact === from ? from + 1 : from;
  const begun: [number, number][] = start < to ? [[start, to]] : [];
  const ranges = joined([...full, ...begun]);
  const parts: QueryWord["parts"] = [joined(full), begun];
  return { spelled, last, optional, exact, shortened, initials, from, to, stem, near, ranges, parts };
}

/** The same ranges in their order, those that touch put into one. */
function joined(all: readonly [number, number][]): QueryWord["ranges"] {
  if (all.length < 2) return all;
  const ranges: [number, number][] = [];
  for (const [from, to] of [...all].sort((a, b) => a[0] - b[0])) {
    const before = ranges.at(-1);
    if (before && from <= before[1]) before[1] = Math.max(before[1], to);
    else ranges.push([from, to]);
  }
  return ranges;
}
