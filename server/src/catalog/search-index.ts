/**
 * The search over the catalog: an inverted index in memory, made once and never changed. A query finds the sources that
 * have all of its words, each in full or as a beginning, in any order and in any field; only where there is none, words may
 * be run together, apart or misspelt, and at last some may be missing.
 */
import { plainAddress, hostOf, wordsOfHost, domainOf } from "./addresses.ts";
import { createIndexBuilder, type IndexedSource, type IndexTables, type Lists, LONGEST_NAME } from "./index-tables.ts";
import { fitsNothing, matchMisspelt, matchWord, type QueryWord, readQuery, type SpelledWord } from "./query.ts";
import { createRanking, rangesOf, type Understood } from "./ranking.ts";
import { type Known, respellings } from "./respelling.ts";
import { addressTerm, addressTerms, type Reading } from "./source-words.ts";
import { createOtherNames } from "./systems.ts";
import { readVendors, type Vendors } from "./vendor.ts";

/** One row of an answer: a source, and with it all that match behind the same login. */
export interface Hit {
  id: string;
  /** Sources behind its login that match as well, itself included. */
  locations: number;
}

/** A page of what was found, the best first. */
export interface Found {
  hits: Hit[];
  hasMore: boolean;
  /** What the query's words were taken for. */
  words: readonly QueryWord[];
}

/** Which of the found sources. */
export interface SearchPage {
  /** Only sources of this type. */
  type?: string | undefined;
  /** Only sources behind the login of this one, each for itself. */
  brand?: string | undefined;
  limit: number;
  offset: number;
  /** The last row of the page before; where it stands elsewhere by now, that counts and not the offset. */
  after?: string | undefined;
}

/** What sources are worth beside their words: points as the ranking counts them. */
export interface Standing {
  /** By id: points above the others. */
  sources: ReadonlyMap<string, number>;
  /** By FHIR base URL: points below the others. */
  addresses: ReadonlyMap<string, number>;
}

/** The index. */
export interface SearchIndex {
  /** Sources in it. */
  readonly size: number;
  /** Takes any text; one without a letter or digit finds nothing. */
  search(query: string, page: SearchPage): Found;
  /** All sources, one for each login, in an order that is always the same. */
  browse(page: SearchPage): Found;
  /** The first of the source's login; undefined where the index does not hold it. */
  firstOf(id: string): string | undefined;
  /** Sources behind the login of this one; 1 for what the index does not hold. */
  locationsOf(id: string): number;
  /** Sources of the same name behind other logins, at most `most`. */
  namesakes(id: string, most: number): string[];
  /** Sets what sources are worth beside their words, in place of what was set before. */
  favour(standing: Standing): void;
  vocabulary: IndexTables["vocabulary"];
}

/** Makes the index of sources at once; where patients wait, make the tables step by step. */
export function createSearchIndex(sources: Iterable<IndexedSource>, vendors: Vendors = readVendors()): SearchIndex {
  const builder = createIndexBuilder(createReading(vendors));
  for (const source of [...sources].sort((a, b) => (a.id < b.id ? -1 : 1))) builder.add(source);
  const steps = builder.finish();
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return openIndex(step.value);
}

/** What is needed to read a source's words. */
export function createReading(vendors: Vendors): Reading {
  const shared = new Set(vendors.all.flatMap(({ hosts }) => hosts.map(domainOf)));
  return { vendors, otherNames: createOtherNames(), isShared: (domain) => shared.has(domain) };
}

/** Rows that are looked at beyond a page, in case its place has moved. */
const SLACK = 20;
/** A page is never looked for beyond so many rows. */
const DEEPEST = 20_000;
/** A word that fewer than one of so many sources have tells no more for being rarer still, nor for being nowhere. */
const RARE = 1000;
/** Whatever it is worth, a source that cannot be reached comes after all that can. */
const UNREACHABLE = -10_000;
/** A word that more sources have is common. */
const COMMON = 2000;
const NOTHING: readonly QueryWord[] = [];

/** The index over finished tables. */
export function openIndex(tables: IndexTables): SearchIndex {
  const { ids, byId, named, beside, types, typeNumbers, vocabulary, sizes, logins, byLogin, names, byName } = tables;
  /** Source → the mark of the last search that saw it. Marks only grow, so that nothing is ever wiped. */
  const marks = new Uint32Array(ids.length);
  let mark = 0;
  /** Scratch: how far the postings of a word have been read. */
  const cursors = new Uint32Array(vocabulary.size);
  const { begin, score, limits, extra } = createRanking(tables);
  /** By source: what it is worth beside its words. */
  const standing = new Float32Array(ids.length);
  const withdraw = (): void => {
    for (let source = 0; source < ids.length; source++)
      standing[source] = tables.unreachable[source] === 1 ? UNREACHABLE : 0;
  };
  withdraw();
  /** The sources that stand above the others: they are looked at in every search, wherever they are in the order. */
  let favoured: number[] = [];

  const numberOf = (id: string): number => {
    let [low, high] = [0, byId.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ids[byId[middle] as number] as string) < id) low = middle + 1;
      else high = middle;
    }
    const source = byId[low];
    return source !== undefined && ids[source] === id ? source : -1;
  };

  const lengthOf = ({ starts }: Lists, ranges: readonly [number, number][]): number =>
    ranges.reduce((sum, [from, to]) => sum + (starts[to] as number) - (starts[from] as number), 0);
  const spreadOf = (word: QueryWord): number => {
    const ranges = rangesOf(word);
    return lengthOf(named, ranges) + lengthOf(beside, ranges);
  };

  const membersOf = (source: number): Uint32Array => listOf(byLogin, logins[source] as number);
  const sizeOfLogin = (source: number): number => {
    const login = logins[source] as number;
    return (byLogin.starts[login + 1] as number) - (byLogin.starts[login] as number);
  };

  interface Kept {
    source: number;
    score: number;
  }

  /** Marks the sources that have every one of these words. @returns the mark */
  const markAll = (words: readonly QueryWord[]): number => {
    for (const word of words) {
      const had = mark;
      mark++;
      for (const lists of [named, beside]) {
        for (const [from, to] of rangesOf(word)) {
          const end = lists.starts[to] as number;
          for (let at = lists.starts[from] as number; at < end; at++) {
            const source = lists.items[at] as number;
            if (word === words[0] || marks[source] === had) marks[source] = mark;
          }
        }
      }
    }
    return mark;
  };

  /** The best sources for a query, one of each login. */
  const best = (query: Understood, type: number | null, most: number): Kept[] => {
    const { words, weights } = query;
    begin(query);
    if (mark > 0xffff_ff00) {
      marks.fill(0);
      mark = 0;
    }
    const required = words
      .filter((word) => !word.optional)
      .map((word) => ({ word, spread: spreadOf(word) }))
      .sort((a, b) => a.spread - b.spread);
    const rarest = required[0]?.spread ?? 0;
    // What may lack words has one of the rarer ones.
    const leading = weights
      ? required.slice(0, (words.length >> 1) + 1).filter(({ spread }) => spread <= Math.max(rarest, COMMON))
      : required.slice(0, 1);
    // Marks are quicker than a look at each source where the rarest word is a common one.
    const marking = !weights && required.length > 1 && rarest > COMMON;
    const having = marking ? markAll(required.slice(1).map(({ word }) => word)) : 0;
    const seen = ++mark;

    const kept: Kept[] = [];
    const isBefore = (source: number, points: number, other: Kept): boolean =>
      points > other.score || (points === other.score && source < other.source);
    const visit = (source: number): void => {
      const marked = marks[source] as number;
      if (marked === seen || (marking && marked !== having)) return;
      marks[source] = seen;
      if (type !== null && types[source] !== type) return;
      const worth = score(source);
      if (worth < 0) return;
      const points = worth + (standing[source] as number);
      if (kept.length === most && !isBefore(source, points, kept[most - 1] as Kept)) return;
      if (sizeOfLogin(source) > 1) {
        const at = kept.findIndex((other) => logins[other.source] === logins[source]);
        if (at >= 0) {
          if (!isBefore(source, points, kept[at] as Kept)) return;
          kept.splice(at, 1);
        }
      }
      let [low, high] = [0, kept.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (isBefore(source, points, kept[middle] as Kept)) high = middle;
        else low = middle + 1;
      }
      kept.splice(low, 0, { source, score: points });
      if (kept.length > most) kept.pop();
    };

    for (const source of favoured) visit(source);
    const limitsOf = limits();
    const mostOf = limitsOf.map((limit) => Math.max(limit.named, limit.beside));
    const whole = mostOf.reduce((sum, limit) => sum + limit, 0);
    for (const { word } of leading) {
      const turn = words.indexOf(word);
      const others = whole - (mostOf[turn] as number);
      const ranges = rangesOf(word);
      for (const lists of [named, beside]) {
        const limit = others + (limitsOf[turn]?.[lists === named ? "named" : "beside"] ?? 0);
        // Beside its name, the only word of a query earns nothing by the name.
        const plain = lists === beside && words.length === 1;
        const { items, starts } = lists;
        for (const [from, to] of ranges)
          for (let number = from; number < to; number++) cursors[number] = starts[number] as number;
        for (let size = 1; size <= LONGEST_NAME; size++) {
          // All that is left is worth no more, and of equals it comes later.
          if (kept.length === most && limit + (plain ? 0 : extra(size)) <= (kept[most - 1] as Kept).score) break;
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
    return kept;
  };

  /** How many of a login's sources have the words of the query that was ranked last. */
  const countOf = (source: number): number =>
    sizeOfLogin(source) === 1 ? 1 : membersOf(source).reduce((sum, member) => sum + (score(member) >= 0 ? 1 : 0), 0);

  const cut = <T>(
    all: readonly T[],
    { limit, offset, after }: SearchPage,
    idOf: (item: T) => string,
  ): { items: T[]; hasMore: boolean } => {
    const at = after === undefined ? -1 : all.findIndex((item) => idOf(item) === after);
    const start = at < 0 ? offset : at + 1;
    return { items: all.slice(start, start + limit), hasMore: all.length > start + limit };
  };
  const typeNumber = (type: string | undefined): number | null | undefined =>
    type === undefined ? null : typeNumbers.get(type);
  const needed = ({ limit, offset }: SearchPage): number =>
    Math.min(offset, DEEPEST) + limit + 1 + (offset > 0 ? SLACK : 0);

  const spellings: Known = {
    sourcesOf: (word) => {
      const number = vocabulary.find(word);
      return number < 0 ? 0 : lengthOf(named, [[number, number + 1]]) + lengthOf(beside, [[number, number + 1]]);
    },
    isBeginning: (text) => {
      const [from, to] = vocabulary.range(text);
      return to > from;
    },
  };
  const weigh = (words: readonly QueryWord[]): number[] =>
    words.map((word) =>
      word.optional ? 0 : Math.log(1 + ids.length / (1 + Math.max(spreadOf(word), 1, ids.length / RARE))),
    );

  /** Every way to understand a query, the more faithful first. */
  function* readings(spelled: readonly SpelledWord[]): Generator<Understood> {
    const exact = spelled.map((word) => matchWord(vocabulary, word));
    const known = new Map<string, QueryWord>();
    const misspelt = (word: QueryWord): QueryWord => {
      const key = word.spelled + (word.last ? "*" : "");
      const found = known.get(key) ?? matchMisspelt(vocabulary, word);
      known.set(key, found);
      return found;
    };
    const sound = (words: readonly QueryWord[]): boolean => words.every((word) => word.optional || !fitsNothing(word));
    if (sound(exact)) yield { words: exact, weights: null };
    const others = respellings(spellings, spelled).map((words) => words.map((word) => matchWord(vocabulary, word)));
    for (const words of others) if (sound(words)) yield { words, weights: null };
    const mended = exact.map((word) => (fitsNothing(word) ? misspelt(word) : word));
    if (exact.some(fitsNothing) && sound(mended)) yield { words: mended, weights: null };
    const near = exact.map(misspelt);
    if (sound(near)) yield { words: near, weights: null };
    for (const words of others) {
      const loose = words.map((word) => (fitsNothing(word) ? misspelt(word) : word));
      if (sound(loose)) yield { words: loose, weights: null };
    }
    for (const words of [...others.slice(0, 1), mended]) if (words.length > 1) yield { words, weights: weigh(words) };
  }

  const searchAddress = (address: string, type: number | null, page: SearchPage): Found | null => {
    for (const term of addressTerms(address)) {
      const number = vocabulary.find(term);
      if (number < 0) continue;
      const words = [matchWord(vocabulary, { spelled: term, last: false, optional: false })];
      const found = best({ words, weights: null }, type, needed(page));
      if (found.length > 0) return pageOf(found, NOTHING, page);
    }
    return null;
  };

  const pageOf = (found: readonly Kept[], words: readonly QueryWord[], page: SearchPage): Found => {
    const { items, hasMore } = cut(found, page, ({ source }) => ids[source] as string);
    const hits = items.map(({ source }) => ({ id: ids[source] as string, locations: countOf(source) }));
    return { hits, hasMore, words };
  };

  const searchBrand = (query: string, brand: string, type: number | null, page: SearchPage): Found => {
    const source = numberOf(brand);
    const members =
      source < 0 ? [] : [...membersOf(source)].filter((member) => type === null || types[member] === type);
    const spelled = readQuery(query);
    const alone = (found: readonly number[], words: readonly QueryWord[]): Found => {
      const { items, hasMore } = cut(found, page, (member) => ids[member] as string);
      return { hits: items.map((member) => ({ id: ids[member] as string, locations: 1 })), hasMore, words };
    };
    if (spelled.length === 0) return alone(members, NOTHING);
    for (const query of readings(spelled)) {
      begin(query);
      const scored = members.map((member) => ({ member, points: score(member) })).filter(({ points }) => points >= 0);
      if (scored.length === 0) continue;
      return alone(
        scored.sort((a, b) => b.points - a.points || a.member - b.member).map(({ member }) => member),
        query.words,
      );
    }
    return alone([], NOTHING);
  };

  return {
    size: ids.length,
    vocabulary,
    search(query, page) {
      const type = typeNumber(page.type);
      const nothing: Found = { hits: [], hasMore: false, words: NOTHING };
      if (type === undefined) return nothing;
      if (page.brand !== undefined) return searchBrand(query, page.brand, type, page);
      const address = plainAddress(query);
      const reached = address && searchAddress(address, type, page);
      if (reached) return reached;
      const spelled = readQuery(address ? wordsOfHost(hostOf(address)) : query);
      if (spelled.length === 0) return nothing;
      for (const query of readings(spelled)) {
        const found = best(query, type, needed(page));
        if (found.length > 0) return pageOf(found, query.words, page);
      }
      return nothing;
    },
    browse(page) {
      const type = typeNumber(page.type);
      const all: number[] = [];
      const enough = needed(page);
      for (let source = 0; source < ids.length && all.length < enough && type !== undefined; source++) {
        if (type !== null && types[source] !== type) continue;
        if (byLogin.items[byLogin.starts[logins[source] as number] as number] === source) all.push(source);
      }
      const { items, hasMore } = cut(all, page, (source) => ids[source] as string);
      return {
        hits: items.map((source) => ({ id: ids[source] as string, locations: sizeOfLogin(source) })),
        hasMore,
        words: NOTHING,
      };
    },
    firstOf(id) {
      const source = numberOf(id);
      return source < 0 ? undefined : ids[membersOf(source)[0] as number];
    },
    locationsOf(id) {
      const source = numberOf(id);
      return source < 0 ? 1 : sizeOfLogin(source);
    },
    namesakes(id, most) {
      const source = numberOf(id);
      if (source < 0) return [];
      const found = new Map<number, string>();
      for (const other of listOf(byName, names[source] as number)) {
        const login = logins[other] as number;
        if (login !== logins[source] && !found.has(login)) found.set(login, ids[other] as string);
        if (found.size === most) break;
      }
      return [...found.values()];
    },
    favour({ sources, addresses }) {
      withdraw();
      for (const [address, points] of addresses) {
        const number = vocabulary.find(addressTerm(address));
        if (number < 0) continue;
        for (const source of listOf(named, number)) standing[source] = (standing[source] as number) + points;
      }
      for (const [id, points] of sources) {
        const source = numberOf(id);
        if (source >= 0) standing[source] = (standing[source] as number) + points;
      }
      favoured = [...sources.keys()].map(numberOf).filter((source) => source >= 0);
    },
  };
}

function listOf({ items, starts }: Lists, number: number): Uint32Array {
  return items.subarray(starts[number], starts[number + 1]);
}
