/**
 * The search over the catalog: an inverted index in memory, made once and never changed. A query finds the sources that
 * have all of its words, each in full or as a beginning, in any order and in any field; only where there is none, words may
 * be run together, apart or misspelt, and at last some may be missing.
 */
import { domainOf, hostOf, plainAddress, wordsOfHost } from "./addresses.ts";
import { createIndexBuilder, type IndexedSource, type IndexTables, listOf } from "./index-tables.ts";
import { matchWord, type QueryWord, readQuery } from "./query.ts";
import { readings } from "./readings.ts";
import { createSelection } from "./selection.ts";
import { addressTerm, addressTerms, createSourceReader } from "./source-words.ts";
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
  const builder = createIndexBuilder(createSourceReader(vendors));
  for (const source of [...sources].sort((a, b) => (a.id < b.id ? -1 : 1))) builder.add(source);
  const steps = builder.finish();
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return openIndex(step.value);
}

/** Rows that are looked at beyond a page, in case its place has moved. */
const SLACK = 20;
/** A page is never looked for beyond so many rows. */
const DEEPEST = 20_000;
/** A part of an address that more sources share is a vendor's own, and tells nobody. */
const MOST_SHARING = 120;
/** At most so much of a pasted address is read, in characters. */
const LONGEST_ADDRESS = 2000;
const NOTHING: Found = { hits: [], hasMore: false, words: [] };

/** The index over finished tables. */
export function openIndex(tables: IndexTables): SearchIndex {
  const { ids, byId, named, typeNumbers, types, vocabulary, logins, names, byName } = tables;
  const { best, among, countOf, membersOf, spreadOf, favour } = createSelection(tables);
  favour(new Map());

  const idOf = (source: number): string => ids[source] as string;
  const numberOf = (id: string): number => {
    let [low, high] = [0, byId.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (idOf(byId[middle] as number) < id) low = middle + 1;
      else high = middle;
    }
    const source = byId[low];
    return source !== undefined && ids[source] === id ? source : -1;
  };
  const typeNumber = (type: string | undefined): number | null | undefined =>
    type === undefined ? null : typeNumbers.get(type);
  const understood = (query: string, loosely = true) =>
    readings(readQuery(query), vocabulary, ids.length, spreadOf, loosely);
  /** A host that nothing is known of, by the words of all its names, else of its domain's. */
  function* understoodHost(host: string) {
    yield* understood(wordsOfHost(host), false);
    yield* understood(wordsOfHost(domainOf(host)), false);
  }

  const pageOf = (
    sources: readonly number[],
    words: readonly QueryWord[],
    { limit, offset, after }: SearchPage,
    locationsOf: (source: number) => number,
  ): Found => {
    const before = after === undefined ? -1 : sources.findIndex((source) => ids[source] === after);
    const start = before < 0 ? offset : before + 1;
    const shown = sources.slice(start, start + limit);
    const hits = shown.map((source) => ({ id: idOf(source), locations: locationsOf(source) }));
    return { hits, hasMore: sources.length > start + limit, words };
  };
  const needed = ({ limit, offset }: SearchPage): number =>
    Math.min(offset, DEEPEST) + limit + 1 + (offset > 0 ? SLACK : 0);

  /** Whoever is reached at an address, or at the longest part of it that is known; of these first who is called as its host. */
  const atAddress = (address: string, type: number | null, page: SearchPage): Found | null => {
    const terms = addressTerms(address);
    const term = terms.find((one) => vocabulary.find(one) >= 0);
    if (term === undefined) return null;
    const shared = listOf(named, vocabulary.find(term)).length > MOST_SHARING;
    if (shared && term !== terms[0]) return null;
    const words = [
      { spelled: term, last: false, optional: false },
      ...readQuery(wordsOfHost(hostOf(address))).map((word) => ({ ...word, last: false, optional: true })),
    ].map((word) => matchWord(vocabulary, word));
    const found = best({ words, weights: null }, type, needed(page));
    return pageOf(
      found.map(({ source }) => source),
      [],
      page,
      countOf,
    );
  };

  const behind = (id: string, query: string, type: number | null, page: SearchPage): Found => {
    const source = numberOf(id);
    if (source < 0) return NOTHING;
    const members = [...membersOf(source)].filter((member) => type === null || types[member] === type);
    if (readQuery(query).length === 0) return pageOf(members, [], page, () => 1);
    for (const one of understood(query)) {
      const found = among(one, members);
      if (found.length > 0) return pageOf(found, one.words, page, () => 1);
    }
    return NOTHING;
  };

  return {
    size: ids.length,
    vocabulary,
    search(query, page) {
      const type = typeNumber(page.type);
      if (type === undefined) return NOTHING;
      if (page.brand !== undefined) return behind(page.brand, query, type, page);
      const address = plainAddress(query.slice(0, LONGEST_ADDRESS));
      const reached = address === null ? null : atAddress(address, type, page);
      if (reached) return reached;
      for (const one of address === null ? understood(query) : understoodHost(hostOf(address))) {
        if (one.words.length === 0) continue;
        const found = best(one, type, needed(page));
        if (found.length > 0)
          return pageOf(
            found.map(({ source }) => source),
            one.words,
            page,
            countOf,
          );
      }
      return NOTHING;
    },
    browse(page) {
      const type = typeNumber(page.type);
      const firsts: number[] = [];
      const enough = needed(page);
      for (let source = 0; source < ids.length && firsts.length < enough && type !== undefined; source++) {
        if ((type === null || types[source] === type) && membersOf(source)[0] === source) firsts.push(source);
      }
      return pageOf(firsts, [], page, (source) => membersOf(source).length);
    },
    firstOf(id) {
      const source = numberOf(id);
      return source < 0 ? undefined : ids[membersOf(source)[0] as number];
    },
    locationsOf(id) {
      const source = numberOf(id);
      return source < 0 ? 1 : membersOf(source).length;
    },
    namesakes(id, most) {
      const source = numberOf(id);
      if (source < 0) return [];
      const found = new Map<number, string>();
      for (const other of listOf(byName, names[source] as number)) {
        const login = logins[other] as number;
        if (login !== logins[source] && !found.has(login)) found.set(login, idOf(other));
        if (found.size === most) break;
      }
      return [...found.values()];
    },
    favour({ sources, addresses }) {
      const points = new Map<number, number>();
      const add = (source: number, more: number): void => void points.set(source, (points.get(source) ?? 0) + more);
      for (const [address, less] of addresses) {
        const number = vocabulary.find(addressTerm(address));
        if (number >= 0) for (const source of listOf(named, number)) add(source, less);
      }
      for (const [id, more] of sources) {
        const source = numberOf(id);
        if (source >= 0) add(source, more);
      }
      favour(points);
    },
  };
}
