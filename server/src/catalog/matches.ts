/** Where in a name stand the words that were typed, so that they can be shown. */
import { isSmallWord, splitWords, wholeWord } from "./normalise.ts";
import type { QueryWord } from "./query.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** From a place to before another, in UTF-16 units. */
export type Span = [start: number, end: number];

/** A word as a name writes it, with what belongs to it. */
const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}'’‘`´ʼ]|\.(?=\p{L}\.))*/gu;

/** A word of a name. */
export interface NamedWord {
  /** As it is written, and where it begins. */
  text: string;
  index: number;
  plain: string;
  /** The number of its one form, or -1. */
  number: number;
}

/** The words of a name that can be marked. */
export function namedWords(name: string, vocabulary: Vocabulary): NamedWord[] {
  const named: NamedWord[] = [];
  for (const { 0: text, index } of name.matchAll(WORD)) {
    const [plain = "", ...more] = splitWords(text);
    if (more.length > 0 || isSmallWord(plain)) continue;
    named.push({ text, index, plain, number: vocabulary.find(wholeWord(plain)) });
  }
  return named;
}

/** The parts of a name that a query's words stand for, in their order: as much of a word as was typed of it, all of it where it was written otherwise. */
export function matchesIn(named: readonly NamedWord[], words: readonly QueryWord[]): Span[] {
  const spans: Span[] = [];
  for (const { text, index, plain, number } of named) {
    let length = 0;
    for (const word of words) {
      if (length === text.length) break;
      if (plain === word.spelled || (number >= 0 && number === word.exact)) length = text.length;
      else if (plain.startsWith(word.spelled)) length = Math.max(length, lengthOfStart(text, word.spelled));
      else if (number >= 0 && word.ranges.some(([from, to]) => number >= from && number < to)) length = text.length;
    }
    if (length > 0) spans.push([index, index + length]);
  }
  return spans;
}

/** How much of a text makes up the letters that were typed of its plain form. */
function lengthOfStart(text: string, typed: string): number {
  if (/^[\x20-\x7e]*$/.test(text) && text.toLowerCase().startsWith(typed)) return typed.length;
  for (let end = 1; end < text.length; end++) {
    // A mark belongs to the letter before it.
    const goesOn = /\p{M}/u.test(text.charAt(end));
    if (!goesOn && splitWords(text.slice(0, end)).join("").length >= typed.length) return end;
  }
  return text.length;
}
