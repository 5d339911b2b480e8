/**
 * The words of an index in their order, so that all that begin alike stand side by side: a prefix is a range of numbers.
 * Terms that are no words, and so are found only as they are, begin with a mark that no typed word has.
 */
import { createSlipsBetween } from "./spelling.ts";

/** The marks of terms that are no words: initials of a name, and addresses. */
export const MARK = { initials: "^", address: "~" } as const;

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

/**
 * Makes a vocabulary, in steps of few milliseconds.
 *
 * @param words sorted by code units, without doubles
 */
export function* vocabularyOf(words: readonly string[]): Generator<void, Vocabulary> {
  /** By the code of a first letter: where its words begin; from 128 on all others. */
  const starts = new Uint32Array(130);
  /** The first word that comes not before a text. */
  const firstFrom = (text: string): number => {
    const code = text.charCodeAt(0);
    let [low, high] =
      code < 128 ? [starts[code] as number, starts[code + 1] as number] : [starts[128] as number, words.length];
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
    const code = Math.min(word.charCodeAt(0), 128) + 1;
    starts[code] = number + 1;
  }
  // A letter that begins no word begins where the one before it ended.
  for (let code = 1; code < 130; code++) starts[code] = Math.max(starts[code] as number, starts[code - 1] as number);
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
      const code = prefix.charCodeAt(0);
      let [low, high] = [from, code < 128 ? (starts[code + 1] as number) : words.length];
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
      const beginning = (letter: number): [number, number] => [starts[letter] as number, starts[letter + 1] as number];
      const [first, second] = [word.charCodeAt(0), word.charCodeAt(1)];
      look(...beginning(first), most);
      // The first two may have been swapped.
      if (second !== first) look(...beginning(second), most);
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
