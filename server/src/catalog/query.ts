/** Understands what was typed: its words, and what each of them may stand for in a vocabulary. */
import { isSmallWord, splitWords, wholeWord } from "./normalise.ts";
import { oneEditAway, type Vocabulary } from "./vocabulary.ts";

/** A word of a query and what it may stand for. */
export interface QueryWord {
  /** As typed, normalised. */
  spelled: string;
  /** True for the word that is still being typed. */
  last: boolean;
  /** The number of the very word, or -1. */
  exact: number;
  /** The words that begin with it: from the first to before the second. */
  from: number;
  to: number;
  /** All of the above, and words one edit off where they were asked for: ranges without overlap. */
  ranges: [number, number][];
  /** True where words one edit off were asked for. */
  misspelt: boolean;
}

/** A typed word and whether it may go on. */
export interface SpelledWord {
  spelled: string;
  last: boolean;
}

/** At most so many words of a query are looked up; a name with more is found by them. */
const MOST_WORDS = 12;
/** Words shorter than this are never taken for misspelt. */
const SHORTEST_MISSPELT = 5;
/** So many ways to write words together or apart are tried. */
const MOST_RESPELLINGS = 8;

/** The words of a query, each once; the small ones only where there are no others. */
export function readQuery(query: string): SpelledWord[] {
  const all = splitWords(query);
  const telling = all.filter((word) => !isSmallWord(word));
  const words = [...new Set(telling.length > 0 ? telling : all)].slice(0, MOST_WORDS);
  const typing = all.at(-1);
  return words.map((spelled) => ({ spelled, last: spelled === typing }));
}

/** What a word stands for: itself in full, and all that begins with it. */
export function matchWord(vocabulary: Vocabulary, { spelled, last }: SpelledWord): QueryWord {
  const exact = vocabulary.find(wholeWord(spelled));
  const [from, to] = vocabulary.range(spelled);
  const ranges: [number, number][] = to > from ? [[from, to]] : [];
  if (exact >= 0 && (exact < from || exact >= to)) ranges.push([exact, exact + 1]);
  return { spelled, last, exact, from, to, ranges, misspelt: false };
}

/** The same word with all that is one edit off; the word that is being typed may also go on after it. */
export function wordNear(vocabulary: Vocabulary, word: QueryWord): QueryWord {
  if (word.spelled.length < SHORTEST_MISSPELT) return word;
  const ranges = [...word.ranges];
  for (const spelling of oneEditAway(word.spelled)) {
    const number = vocabulary.find(wholeWord(spelling));
    if (number >= 0) ranges.push([number, number + 1]);
    if (!word.last) continue;
    const range = vocabulary.range(spelling);
    if (range[1] > range[0]) ranges.push(range);
  }
  return { ...word, ranges: withoutOverlap(ranges), misspelt: true };
}

function withoutOverlap(ranges: [number, number][]): [number, number][] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before && from <= before[1]) before[1] = Math.max(before[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** The same query with one word taken apart, or two neighbours joined, wherever that makes words that exist. */
export function* respellings(vocabulary: Vocabulary, words: readonly SpelledWord[]): Generator<SpelledWord[]> {
  let left = MOST_RESPELLINGS;
  for (let at = 0; at < words.length && left > 0; at++) {
    const { spelled, last } = words[at] as SpelledWord;
    const next = words[at + 1];
    if (next && vocabulary.find(spelled + next.spelled) >= 0) {
      left--;
      yield words.toSpliced(at, 2, { spelled: spelled + next.spelled, last: next.last });
    }
    for (let cut = spelled.length - 2; cut >= 2 && left > 0; cut--) {
      const head = spelled.slice(0, cut);
      const tail = spelled.slice(cut);
      const known = matchWord(vocabulary, { spelled: tail, last });
      if (vocabulary.find(wholeWord(head)) < 0 || (last ? known.ranges.length === 0 : known.exact < 0)) continue;
      left--;
      yield words.toSpliced(at, 1, { spelled: head, last: false }, { spelled: tail, last });
    }
  }
}
