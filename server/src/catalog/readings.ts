/** Every way to understand what was typed, the more faithful first: as it is, run together or apart, misspelt, with too many words. */
import { fitsNothing, matchMisspelt, matchWord, type QueryWord, type SpelledWord } from "./query.ts";
import type { Understood } from "./ranking.ts";
import { type Known, respellings } from "./respelling.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A word that fewer than one of so many sources have tells no more for being rarer still, nor for being nowhere. */
const RARE = 1000;
/** How much more the first word tells: a name begins with it, and what comes behind may be a place or a department. */
const FIRST = 2;

/**
 * The ways to understand a query; each is worked out when the one before it has found nothing.
 *
 * @param sources how many there are
 * @param spreadOf how many of them a word's meanings have
 * @param loosely false where nothing may be misspelt or missing
 */
export function* readings(
  spelled: readonly SpelledWord[],
  vocabulary: Vocabulary,
  sources: number,
  spreadOf: (ranges: QueryWord["ranges"]) => number,
  loosely: boolean,
): Generator<Understood> {
  const exact = spelled.map((word) => matchWord(vocabulary, word));
  if (isSound(exact)) yield { words: exact, weights: null };

  const known: Known = {
    sourcesOf(word) {
      const number = vocabulary.find(word);
      return number < 0 ? 0 : spreadOf([[number, number + 1]]);
    },
    isBeginning(text) {
      const [from, to] = vocabulary.range(text);
      return to > from;
    },
  };
  const others = respellings(known, spelled).map((words) => words.map((word) => matchWord(vocabulary, word)));
  for (const words of others) if (isSound(words)) yield { words, weights: null };
  if (!loosely) return;

  const looked = new Map<string, QueryWord>();
  const misspelt = (word: QueryWord, wide = false): QueryWord => {
    const key = `${word.spelled} ${word.last} ${wide}`;
    const found = looked.get(key) ?? matchMisspelt(vocabulary, word, wide);
    looked.set(key, found);
    return found;
  };
  const mended = exact.map((word) => (fitsNothing(word) ? misspelt(word) : word));
  if (!isSound(exact)) {
    if (isSound(mended)) yield { words: mended, weights: null };
    const wide = exact.map((word) => (fitsNothing(word) ? misspelt(word, true) : word));
    if (isSound(wide)) yield { words: wide, weights: null };
  }
  const near = exact.map((word) => (word.optional ? word : misspelt(word)));
  if (isSound(near)) yield { words: near, weights: null };
  for (const words of others) {
    const loose = words.map((word) => (fitsNothing(word) ? misspelt(word) : word));
    if (!isSound(words) && isSound(loose)) yield { words: loose, weights: null };
  }

  const telling = (word: QueryWord): number =>
    Math.log(1 + sources / (1 + Math.max(spreadOf(word.ranges), 1, sources / RARE)));
  const respelt = others[0] ?? [];
  // Where all words exist, they are rather what they are than taken apart.
  const apart = respelt.length > exact.length && isSound(exact);
  for (const words of apart ? [mended, respelt] : [respelt, mended]) {
    if (words.length < 2) continue;
    const first = words.find(({ optional, spelled }) => !optional && spelled.length > 1);
    const weights = words.map((word) => (word.optional ? 0 : telling(word) * (word === first ? FIRST : 1)));
    yield { words, weights };
  }
}

/** True where every word that must stand somewhere can. */
function isSound(words: readonly QueryWord[]): boolean {
  return words.every((word) => word.optional || !fitsNothing(word));
}
