/**
 * The words of an index in their order, so that all that begin alike stand side by side: a prefix is a range of numbers.
 * Terms that are no words, and so are found only as they are, begin with a mark that no typed word has.
 */
import { createSlipsBetween } from "./spelling.ts";

/** The marks of terms that are no words, each before, between or behind digits and letters: another name as a whole, initials, addresses. */
export const MARK = { other: "#", initials: "^", address: "~" } as const;

/** How words near another are looked for. */
export interface NearHow {
  /** The most that slips may cost. */
  most: number;
  /** True for a word that is still being typed: it may go on. */
  open: boolean;
  /** True where its first letter may be wrong: all words are looked at, and not those alone that begin like it. */
  wide: boolean;
}

/** Words by number, numbers by word. Numbers follow the alphabet. */
export interface Vocabulary {
  readonly size: number;
  /** A word's number, or -1. */
  find(word: string): number;
  /** The numbers of the words that begin with a prefix: from the first to before the second. */
  range(prefix: string): [number, number];
  /** By number: letters of the word. */
  readonly lengths: Uint8Array;
  wordOf(number: number): string;
  /** The words that a misspelt one may stand for, each with what its slips cost. */
  near(word: string, how: NearHow): Map<number, number>;
}

/** Words that are looked at in one step. */
const STEP = 2500;
/** Sorts of letters, in the order of code units: none, digits and a to z one by one, and what lies before, between and behind. */
const SORTS = 40;
const sortOf = (text: string, at: number): number => {
  if (at >= text.length) return 0;
  const code = text.charCodeAt(at);
  if (code >= 97) return code <= 122 ? code - 84 : 39;
  if (code >= 48) return code <= 57 ? code - 46 : 12;
  return 1;
};
/** What a text begins with, as a number that follows the alphabet: the sorts of its first three letters. */
const beginningOf = (text: string): number => (sortOf(text, 0) * SORTS + sortOf(text, 1)) * SORTS + sortOf(text, 2);
/** The last of the beginnings that begin with a text. */
const lastBeginningOf = (text: string): number =>
  beginningOf(text) + (text.length > 2 ? 0 : text.length > 1 ? SORTS - 1 : SORTS * SORTS - 1);

/**
 * Makes a vocabulary, in steps of few milliseconds.
 *
 * @param words sorted by code units, without doubles
 */
export function* vocabularyOf(words: readonly string[]): Generator<void, Vocabulary> {
  /** By beginning: where its words begin. */
  const starts = new Uint32Array(SORTS ** 3 + 1);
  /** The first word that comes not before a text. */
  const firstFrom = (text: string): number => {
    const beginning = beginningOf(text);
    let low = starts[beginning] as number;
    let high = starts[beginning + 1] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((words[middle] as string) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const slipsBetween = createSlipsBetween();
  const letters = new Uint32Array(words.length);
  const lengths = new Uint8Array(words.length);
  for (let number = 0; number < words.length; number++) {
    if (number % STEP === 0) yield;
    const word = words[number] as string;
    letters[number] = lettersOf(word);
    lengths[number] = Math.min(word.length, 255);
    starts[beginningOf(word) + 1] = number + 1;
  }
  // A beginning without words begins where the one before it ended.
  for (let next = 1; next < starts.length; next++)
    starts[next] = Math.max(starts[next] as number, starts[next - 1] as number);
  const startingWith = (letter: string): [number, number] => [
    starts[beginningOf(letter)] as number,
    starts[lastBeginningOf(letter) + 1] as number,
  ];
  const firstWord = firstFrom("a");
  const lastWord = firstFrom("{");
  return {
    size: words.length,
    lengths,
    find(word) {
      const number = firstFrom(word);
      return words[number] === word ? number : -1;
    },
    range(prefix) {
      const from = firstFrom(prefix);
      let low = from;
      let high = starts[lastBeginningOf(prefix) + 1] as number;
      // What begins with so few letters and digits is all of its beginnings.
      if (prefix.length <= 3 && /^[a-z0-9]+$/.test(prefix)) return [from, high];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((words[middle] as string).startsWith(prefix)) low = middle + 1;
        else high = middle;
      }
      return [from, low];
    },
    wordOf: (number) => words[number] ?? "",
    near(word, { most, open, wide }) {
      const found = new Map<number, number>();
      const own = lettersOf(word);
      const stray = most > 3 ? 2 : 1;
      const [shortest, longest] = [word.length - 2, open ? 255 : word.length + 2];
      const look = (from: number, to: number, allowed: number): void => {
        for (let number = from; number < to; number++) {
          // A slip changes one letter for another: words that share too few letters need not be compared.
          const other = letters[number] as number;
          if (countBits(own & ~other) > stray || (!open && countBits(other & ~own) > stray)) continue;
          const length = lengths[number] as number;
          if (length < shortest || length > longest) continue;
          const cost = most - allowed + slipsBetween(word, words[number] as string, allowed, open);
          if (cost <= most) found.set(number, cost);
        }
      };
      if (wide) {
        // A wrong first letter makes another word: it costs more.
        look(firstWord, lastWord, most - 1);
        return found;
      }
      look(...startingWith(word.charAt(0)), most);
      // The first two may have been swapped.
      if (word.charAt(1) !== word.charAt(0)) look(...startingWith(word.charAt(1)), most);
      return found;
    },
  };
}

/** A bit for each letter that a word has; digits share one. */
function lettersOf(word: string): number {
  let bits = 0;
  for (let at = 0; at < word.length; at++) {
    const code = word.charCodeAt(at) - 97;
    bits |= 1 << (code >= 0 && code < 26 ? code : 26);
  }
  return bits;
}

function countBits(bits: number): number {
  let left = bits - ((bits >>> 1) & 0x5555_5555);
  left = (left & 0x3333_3333) + ((left >>> 2) & 0x3333_3333);
  return (((left + (left >>> 4)) & 0x0f0f_0f0f) * 0x0101_0101) >>> 24;
}
