/** Words that were run together or taken apart: the ways to write a query that make words which exist. */
import { wholeWord } from "./normalise.ts";
import type { SpelledWord } from "./query.ts";

/** What is known of a piece of a word. */
export interface Known {
  /** How many sources have the very word; 0 for none. */
  sourcesOf(word: string): number;
  /** True where a word begins with it. */
  isBeginning(text: string): boolean;
}

/** A word run together of more pieces than this stays as it is. */
const MOST_PIECES = 4;
/** A word of fewer letters is no piece. */
const SHORTEST_PIECE = 2;

/** The same query with two neighbours joined, or words taken apart: the ways that make words which exist, the likelier first. */
export function respellings(known: Known, words: readonly SpelledWord[]): SpelledWord[][] {
  const found: SpelledWord[][] = [];
  const shifted: SpelledWord[][] = [];
  words.forEach((word, at) => {
    const next = words[at + 1];
    if (next === undefined) return;
    const joined = { spelled: word.spelled + next.spelled, last: next.last, optional: false };
    if (known.sourcesOf(joined.spelled) > 0 || (joined.last && known.isBeginning(joined.spelled))) {
      found.push(words.toSpliced(at, 2, joined));
    }
    // The space may stand a letter too early or too late.
    const pieces = isKnown(known, word) && isKnown(known, next) ? null : takeApart(known, joined);
    if (pieces?.length === 2) shifted.push(words.toSpliced(at, 2, ...pieces));
  });
  const apart = words.map((word) => (word.optional ? null : takeApart(known, word)));
  // One word at a time, and all that can be at once.
  apart.forEach((pieces, at) => {
    if (pieces) found.push(words.toSpliced(at, 1, ...pieces));
  });
  const strange = words.map((word, at) => (isKnown(known, word) ? [word] : (apart[at] ?? [word])));
  if (strange.filter((pieces) => pieces.length > 1).length > 1) found.unshift(strange.flat());
  return [...found, ...shifted];
}

/** The likeliest pieces of a word: few, and of words that many sources have. Null where it does not come apart. */
export function takeApart(known: Known, { spelled, last }: SpelledWord): SpelledWord[] | null {
  const length = Math.min(spelled.length, 40);
  if (length < 2 * SHORTEST_PIECE) return null;
  /** By place in the word: the cheapest way to come there. */
  const ways: ({ cost: number; from: number; pieces: number } | null)[] = [{ cost: 0, from: 0, pieces: 0 }];
  for (let end = 1; end <= length; end++) {
    let best: (typeof ways)[number] = null;
    for (let from = 0; from < end; from++) {
      const way = ways[from];
      const piece = spelled.slice(from, end);
      if (!way || way.pieces === MOST_PIECES || piece.length === spelled.length) continue;
      const cost = way.cost + costOf(known, piece, last && end === spelled.length);
      if (cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = { cost, from, pieces: way.pieces + 1 };
    }
    ways.push(best);
  }
  const pieces: SpelledWord[] = [];
  for (let end = spelled.length; end > 0; ) {
    const way = ways[end];
    if (!way) return null;
    pieces.unshift({ spelled: spelled.slice(way.from, end), last: last && end === spelled.length, optional: false });
    end = way.from;
  }
  // A word that more sources have than one of its pieces is one.
  const own = known.sourcesOf(wholeWord(spelled));
  if (own > 0 && pieces.some((piece) => known.sourcesOf(wholeWord(piece.spelled)) <= own)) return null;
  return pieces;
}

/** Each piece costs something, one that is rare or short more. */
function costOf(known: Known, piece: string, open: boolean): number {
  const sources = known.sourcesOf(wholeWord(piece));
  if (sources > 0 && piece.length >= SHORTEST_PIECE) return 10 - Math.log(sources) + (piece.length < 4 ? 6 : 0);
  return open && piece.length >= SHORTEST_PIECE && known.isBeginning(piece)
    ? 14 - Math.min(piece.length, 6)
    : Number.POSITIVE_INFINITY;
}

function isKnown(known: Known, { spelled, last }: SpelledWord): boolean {
  return known.sourcesOf(wholeWord(spelled)) > 0 || (last && known.isBeginning(spelled));
}
