/**
 * The search over the catalog: an inverted index in memory, made once and never changed. A query finds the sources that
 * have all of its words, each in full or as a beginning, in any order and in any field; only where there is none, words of
 * five letters or more may be one edit off, and words may be run together or apart.
 */
import type { SourceRow } from "../store/schema.ts";
import { createIndexBuilder, type IndexTables } from "./index-tables.ts";
import { matchWord, type QueryWord, readQuery, respellings, wordNear } from "./query.ts";
import { createRanking } from "./ranking.ts";
import { readVendors, type Vendors } from "./vendor.ts";

/** A page of what was found, the best first. */
export interface Found {
  ids: string[];
  hasMore: boolean;
}

/** Which of the found sources. */
export interface SearchPage {
  /** Only sources of this type. */
  type?: string | undefined;
  limit: number;
  offset: number;
}

/** The index. */
export interface SearchIndex {
  /** Sources in it. */
  size: number;
  /** Takes any text; one without a letter or digit finds nothing. */
  search(query: string, page: SearchPage): Found;
  /** All sources, in an order that is always the same. */
  browse(page: SearchPage): Found;
}

/** Makes the index of sources at once; where patients wait, make the tables step by step. */
export function createSearchIndex(sources: Iterable<SourceRow>, vendors: Vendors = readVendors()): SearchIndex {
  const builder = createIndexBuilder(vendors);
  for (const source of sources) builder.add(source);
  const steps = builder.finish();
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return openIndex(step.value);
}

/** The index over finished tables. */
export function openIndex(tables: IndexTables): SearchIndex {
  const { ids, postings, postingStarts, types, typeNumbers, vocabulary } = tables;
  /** Source → the mark of the last query word that it was found for. Marks only grow, so that nothing is ever wiped. */
  const marks = new Uint32Array(ids.length);
  let mark = 0;
  const rank = createRanking(tables);

  /** The sources that have every word. */
  const intersect = (words: readonly QueryWord[], type: number | null): number[] => {
    if (mark > 0xffff_ff00) {
      marks.fill(0);
      mark = 0;
    }
    // The rarest first: each word is then looked up among few.
    const ordered = [...words].sort((a, b) => postingsOf(a) - postingsOf(b));
    const found: number[] = [];
    const base = mark;
    ordered.forEach((word, turn) => {
      const before = base + turn;
      const after = before + 1;
      const isLast = turn === ordered.length - 1;
      for (const [from, to] of word.ranges) {
        const end = postingStarts[to] as number;
        for (let at = postingStarts[from] as number; at < end; at++) {
          const source = postings[at] as number;
          const had = marks[source] as number;
          if (turn === 0 ? had === after : had !== before) continue;
          marks[source] = after;
          if (isLast && (type === null || types[source] === type)) found.push(source);
        }
      }
    });
    mark = base + words.length + 1;
    return found;
  };

  const postingsOf = (word: QueryWord): number =>
    word.ranges.reduce((sum, [from, to]) => sum + (postingStarts[to] as number) - (postingStarts[from] as number), 0);

  const pageOf = (sources: readonly number[], { limit, offset }: SearchPage): Found => ({
    ids: sources.slice(offset, offset + limit).map((source) => ids[source] as string),
    hasMore: sources.length > offset + limit,
  });

  const typeNumber = (type: string | undefined): number | null | undefined =>
    type === undefined ? null : typeNumbers.get(type);

  return {
    size: ids.length,
    search(query, page) {
      const type = typeNumber(page.type);
      const spelled = readQuery(query);
      if (spelled.length === 0 || type === undefined) return { ids: [], hasMore: false };
      const attempt = (words: readonly QueryWord[]): Found | null => {
        if (words.some((word) => word.ranges.length === 0)) return null;
        const found = intersect(words, type);
        return found.length === 0 ? null : pageOf(rank(found, words, page.offset + page.limit + 1), page);
      };
      const exact = spelled.map((word) => matchWord(vocabulary, word));
      let result = attempt(exact) ?? attempt(exact.map((word) => wordNear(vocabulary, word)));
      for (const other of result ? [] : respellings(vocabulary, spelled)) {
        result = attempt(other.map((word) => matchWord(vocabulary, word)));
        if (result) break;
      }
      return result ?? { ids: [], hasMore: false };
    },
    browse(page) {
      const type = typeNumber(page.type);
      if (type === undefined) return { ids: [], hasMore: false };
      const all: number[] = [];
      for (let source = 0; source < ids.length && all.length <= page.offset + page.limit; source++) {
        if (type === null || types[source] === type) all.push(source);
      }
      return pageOf(all, page);
    },
  };
}
