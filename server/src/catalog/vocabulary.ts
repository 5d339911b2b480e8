/** The words of an index in their order, so that all that begin alike stand side by side: a prefix is a range of numbers. */

/** Words by number, numbers by word. Numbers follow the alphabet. */
export interface Vocabulary {
  readonly size: number;
  /** A word's number, or -1. */
  find(word: string): number;
  /** The numbers of the words that begin with a prefix: from the first to before the second. */
  range(prefix: string): [number, number];
  /** Letters of a word. */
  lengthOf(number: number): number;
}

/** @param words sorted by code units, without doubles */
export function createVocabulary(words: readonly string[]): Vocabulary {
  const numbers = new Map(words.map((word, number) => [word, number]));
  const firstFrom = (text: string, low = 0): number => {
    let high = words.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((words[middle] as string) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    size: words.length,
    find: (word) => numbers.get(word) ?? -1,
    range(prefix) {
      const from = firstFrom(prefix);
      return words[from]?.startsWith(prefix) ? [from, firstFrom(`${prefix}\uffff`, from)] : [from, from];
    },
    lengthOf: (number) => words[number]?.length ?? 0,
  };
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Every spelling one edit away from a word: a letter left out, put in, exchanged, or swapped with its neighbour. */
export function* oneEditAway(word: string): Generator<string> {
  for (let at = 0; at <= word.length; at++) {
    const head = word.slice(0, at);
    const tail = word.slice(at);
    const after = tail.slice(1);
    if (tail !== "") yield head + after;
    if (tail.length > 1) yield head + tail.charAt(1) + tail.charAt(0) + tail.slice(2);
    for (const letter of ALPHABET) {
      yield head + letter + tail;
      if (tail !== "") yield head + letter + after;
    }
  }
}
