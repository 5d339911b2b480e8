/** Where in a name stand the words that were typed, so that they can be shown. */
import { isSmallWord, splitWords, wholeWord } from "./normalise.ts";
import type { QueryWord } from "./query.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** From a place to before another, in UTF-16 units. */
export type Span = [start: number, end: number];

/** A word as a name writes it, with what belongs to it. */
const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}'’‘`´ʼ]|\.(?=\p{L}\.))*/gu;

/** The parts of a name that a query's words stand for, in their order: as much of a word as was typed of it, all of it where it was written otherwise. */
export function matchesIn(name: string, words: readonly QueryWord[], vocabulary: Vocabulary): Span[] {
  const spans: Span[] = [];
  for (const { 0: text, index } of name.matchAll(WORD)) {
    const [plain = "", ...more] = splitWords(text);
    if (more.length > 0 || isSmallWord(plain)) continue;
    const number = vocabulary.find(wholeWord(plain));
    const lengths = words.map((word) => {
      if (plain === word.spelled || number === word.exact) return text.length;
      if (plain.startsWith(word.spelled)) return lengthOfStart(text, word.spelled.length);
      return number >= 0 && word.ranges.some(([from, to]) => number >= from && number < to) ? text.length : 0;
    });
    const length = Math.max(0, ...lengths);
    if (length > 0) spans.push([index, index + length]);
  }
  return spans;
}

/** How much of a text makes up so many letters of its plain form. */
function lengthOfStart(text: string, letters: number): number {
  for (let end = 1; end < text.length; end++) {
    // A mark belongs to the letter before it.
    const goesOn = /\p{M}/u.test(text.charAt(end));
    if (!goesOn && splitWords(text.slice(0, end)).join("").length >= letters) return end;
  }
  return text.length;
}
