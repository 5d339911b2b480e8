/**
 * The best sources for a query that is understood in one way: those that have its rarest word are looked at, the shorter
 * names first, until none that is left can be worth more than the ones in hand.
 */
import { type IndexTables, type Lists, listOf, LONGEST_NAME } from "./index-tables.ts";
import type { QueryWord } from "./query.ts";
import { createRanking, type Understood, WHOLE_WORD } from "./ranking.ts";

/** A source in its place. */
export interface Kept {
  source: number;
  points: number;
}

/** Selects from the sources of one index. */
export interface Selection {
  /**
   * The best, one of each login.
   *
   * @param type the type's number, or null for any
   */
  best(query: Understood, type: number | null, most: number): Kept[];
  /** Of these sources those that have a query's words, the best first. */
  among(query: Understood, sources: readonly number[]): number[];
  /** How many of the sources behind a source's login have the words of the query that was asked last. */
  countOf(source: number): number;
  /** Sources behind the same login, ascending. */
  membersOf(source: number): Uint32Array;
  /** How many postings a word's meanings have. */
  spreadOf(ranges: QueryWord["ranges"]): number;
  /** Sets what sources are worth beside their words. Those above zero are looked at in every search. */
  favour(points: ReadonlyMap<number, number>): void;
}

/** Whatever it is worth, a source that cannot be reached comes after all that can. */
const UNREACHABLE = -10_000;
/** What it costs to be a trial, or a server for staff: between two that match as well, patients are at the other. */
const OFFSIDE = -6;
/** After so many looks what is left has long names, for a query that says next to nothing; the rest of that length is still seen. */
const MOST_VISITS = 5000;
/** A word that more sources have is common. */
const COMMON = 2000;

/** Makes the selection with the room that it works in. */
export function createSelection(tables: IndexTables): Selection {
  const { ids, named, beside, types, sizes, logins, byLogin, unreachable, offside } = tables;
  const { begin, score, limit, extra } = createRanking(tables);
  /** Source → the mark of the last search that saw it. Marks only grow, so that nothing is ever wiped. */
  const marks = new Uint32Array(ids.length);
  let mark = 0;
  /** How far the postings of a word have been read. */
  const cursors = new Uint32Array(tables.vocabulary.size);
  const standing = new Float32Array(ids.length);
  let favoured: number[] = [];

  const spreadOf: Selection["spreadOf"] = (ranges) => {
    let sum = 0;
    for (const { starts } of [named, beside]) {
      for (const [from, to] of ranges) sum += (starts[to] as number) - (starts[from] as number);
    }
    return sum;
  };
  const loginSize = (source: number): number => {
    const login = logins[source] as number;
    return (byLogin.starts[login + 1] as number) - (byLogin.starts[login] as number);
  };
  const pointsOf = (source: number): number => {
    const worth = score(source);
    return worth < 0 ? Number.NEGATIVE_INFINITY : worth + (standing[source] as number);
  };

  /** Marks the sources that have every one of these words. @returns the mark */
  const markAll = (words: readonly QueryWord[]): number => {
    for (const word of words) {
      const had = mark;
      mark++;
      for (const { items, starts } of [named, beside]) {
        for (const [from, to] of word.ranges) {
          const end = starts[to] as number;
          for (let at = starts[from] as number; at < end; at++) {
            const source = items[at] as number;
            if (word === words[0] || marks[source] === had) marks[source] = mark;
          }
        }
      }
    }
    return mark;
  };

  return {
    spreadOf,
    membersOf: (source) => listOf(byLogin, logins[source] as number),
    countOf(source) {
      if (loginSize(source) === 1) return 1;
      return listOf(byLogin, logins[source] as number).reduce((sum, one) => sum + (score(one) < 0 ? 0 : 1), 0);
    },
    among(query, sources) {
      begin(query);
      const kept = sources.map((source) => ({ source, points: pointsOf(source) }));
      return kept
        .filter(({ points }) => points > Number.NEGATIVE_INFINITY)
        .sort((a, b) => b.points - a.points || a.source - b.source)
        .map(({ source }) => source);
    },
    favour(points) {
      for (let source = 0; source < ids.length; source++)
        standing[source] = unreachable[source] === 1 ? UNREACHABLE : OFFSIDE * (offside[source] as number);
      for (const [source, more] of points) standing[source] = (standing[source] as number) + more;
      favoured = [...points].filter(([, more]) => more > 0).map(([source]) => source);
    },
    best(query, type, most) {
      const { words, weights } = query;
      const otherName = begin(query);
      if (mark > 0xffff_ff00) {
        marks.fill(0);
        mark = 0;
      }
      const required = words
        .filter((word) => !word.optional)
        .map((word) => ({ word, spread: spreadOf(word.ranges) }))
        .sort((a, b) => a.spread - b.spread);
      const rarest = required[0]?.spread ?? 0;
      // What may lack words has one of the rarer ones.
      const leading = weights
        ? required.slice(0, (words.length >> 1) + 1).filter(({ spread }) => spread <= Math.max(rarest, COMMON))
        : required.slice(0, 1);
      // Marks are quicker than a look at each source where the rarest word is a common one.
      const marking = !weights && required.length > 1 && rarest > COMMON;
      const having = marking ? markAll(required.slice(1).map(({ word }) => word)) : 0;
      mark++;

      const kept: Kept[] = [];
      let visits = 0;
      const visit = (source: number): void => {
        const marked = marks[source] as number;
        if (marked === mark || (marking && marked !== having)) return;
        marks[source] = mark;
        visits++;
        if (type !== null && types[source] !== type) return;
        const points = pointsOf(source);
        const worst = kept[most - 1];
        if (points === Number.NEGATIVE_INFINITY || (worst && !isBefore(points, source, worst))) return;
        if (loginSize(source) > 1) {
          const at = kept.findIndex((other) => logins[other.source] === logins[source]);
          if (at >= 0 && !isBefore(points, source, kept[at] as Kept)) return;
          if (at >= 0) kept.splice(at, 1);
        }
        insert(kept, { source, points });
        if (kept.length > most) kept.pop();
      };

      for (const source of favoured) visit(source);
      if (otherName >= 0) for (const source of listOf(named, otherName)) visit(source);
      const limits = words.map((word, turn) => limit(turn, word.ranges));
      const mostOf = limits.map((one) => Math.max(one.named, one.beside));
      for (const { word } of leading) {
        const turn = words.indexOf(word);
        const others = mostOf.filter((_, at) => at !== turn);
        const sum = others.reduce((all, most) => all + most, 0);
        const whole = others.filter((most) => most >= WHOLE_WORD).length;
        for (const lists of [named, beside]) {
          // What is meant in full leaves little for what only begins so.
          for (const ranges of word.parts) {
            const own = limit(turn, ranges)[lists === named ? "named" : "beside"];
            if (own === 0) continue;
            // Beside its name, the only word of a query earns nothing by the name.
            const plain = lists === beside && words.length === 1;
            const more = (size: number): number => (plain ? 0 : extra(size, whole + (own >= WHOLE_WORD ? 1 : 0)));
            const ending = (size: number): boolean => {
              const worst = kept[most - 1];
              const left = own + sum + more(size);
              return visits > MOST_VISITS || (worst !== undefined && !isBefore(left, sizes[size] as number, worst));
            };
            look(lists, ranges, ending, visit);
          }
        }
      }
      return kept;
    },
  };

  /** Shows the sources of words, those of the shorter names first, as long as it makes sense. */
  function look(
    { items, starts }: Lists,
    ranges: QueryWord["ranges"],
    ending: (size: number) => boolean,
    visit: (source: number) => void,
  ): void {
    for (const [from, to] of ranges) {
      for (let number = from; number < to; number++) cursors[number] = starts[number] as number;
    }
    for (let size = 1; size <= LONGEST_NAME && !ending(size); size++) {
      const last = sizes[size + 1] as number;
      for (const [from, to] of ranges) {
        for (let number = from; number < to; number++) {
          const end = starts[number + 1] as number;
          let at = cursors[number] as number;
          for (; at < end; at++) {
            const source = items[at] as number;
            if (source >= last) break;
            visit(source);
          }
          cursors[number] = at;
        }
      }
    }
  }
}

/** More points first; of equals the order of the sources. */
function isBefore(points: number, source: number, other: Kept): boolean {
  return points > other.points || (points === other.points && source < other.source);
}

function insert(kept: Kept[], one: Kept): void {
  let [low, high] = [0, kept.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(one.points, one.source, kept[middle] as Kept)) high = middle;
    else low = middle + 1;
  }
  kept.splice(low, 0, one);
}
