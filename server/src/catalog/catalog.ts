/**
 * The catalog as the rest of the server sees it: the index of the sources that this app can offer, held in memory and
 * made anew when an import has changed the catalog, and any source by its id.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import {
  type CataloguedSource,
  findSource,
  findSources,
  readActiveSources,
  readCatalogVersion,
  readMostUsedSources,
} from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readLiveness } from "../store/liveness.ts";
import { createIndexBuilder } from "./index-tables.ts";
import { matchesIn, type Span } from "./matches.ts";
import { type Found, openIndex, type SearchIndex, type SearchPage } from "./search-index.ts";
import { createShownSources, type ShowSources } from "./shown-sources.ts";
import { createSourceReader } from "./source-words.ts";
import { readVendors, type Vendors } from "./vendor.ts";

/** A source as a search found it. */
export interface FoundSource {
  source: CataloguedSource;
  /** Sources behind its login that match as well, itself included. */
  locations: number;
  /** What tells it from others of the same name and place, or null. */
  distinction: string | null;
  /** Where in its name stands what was typed. */
  matches: Span[];
}

/** A page of sources. */
export interface SourcePage {
  found: FoundSource[];
  hasMore: boolean;
}

/** What the server asks of its catalog. */
export interface Catalog {
  /** Offered sources for what was typed, the best first. */
  search(query: string, page: SearchPage): Promise<SourcePage>;
  /** All offered sources: those that patients use most, then the others in an order that stays. */
  browse(page: SearchPage): Promise<SourcePage>;
  /** Any source, offered or not; undefined where there is none. */
  get(id: string): Promise<CataloguedSource | undefined>;
  /** Of these ids the sources that are offered, in their order. */
  offeredOf(ids: readonly string[]): Promise<CataloguedSource[]>;
  /** Settles when the index stands; fails as the database does. */
  ready(): Promise<void>;
}

/** Rows read, and rows taken in, between two pauses: better-sqlite3 holds the process as long as it reads. */
const SLICE = 100;
const TAKEN = 25;
/** How often the catalog's version is looked at while it is used, in ms. */
const CHECK_EVERY = 1000;
/** How long the order of the most used sources stays, and how often patients got through, in ms. */
const USE_KEPT = 60_000;
const SUCCESS_KEPT = 3_600_000;
/** How many sources can be among the most used. */
const MOST_USED = 100;
/** What a recommended source, and the most used one, are worth beside their words; the others that are used, less by their place. */
const RECOMMENDED = 30;
const USED = 15;
/** What a server where nobody gets through costs. */
const FAILING = 25;

/** The index in use, and what it shows; whatever changes a source changes the version. */
interface Current {
  version: number;
  index: SearchIndex;
  show: ShowSources;
}

/**
 * Opens the catalog of a database; its index is made at first use.
 *
 * @param offered tells whether this app may offer an active source
 * @param clock ms since 1970
 * @param vendors default the package's own
 * @param recommended ids that come first among equals
 */
export function createCatalog(options: {
  database: Pick<Database, "db">;
  offered: (source: CataloguedSource) => boolean;
  clock: () => number;
  vendors?: Vendors;
  recommended?: readonly string[];
}): Catalog {
  const { offered, clock, vendors = readVendors(), recommended = [] } = options;
  const { db } = options.database;
  const isOffered = (source: CataloguedSource): boolean => source.status === "active" && offered(source);
  let current: Current | null = null;
  let checkedAt = 0;
  let refreshing: Promise<void> | null = null;
  let failing: { at: number; points: Map<string, number> } = { at: Number.NEGATIVE_INFINITY, points: new Map() };
  let mostUsedNow: { at: number; ids: string[] } | null = null;

  const mostUsed = async (): Promise<string[]> => {
    if (!mostUsedNow || clock() - mostUsedNow.at >= USE_KEPT) {
      mostUsedNow = { at: clock(), ids: await readMostUsedSources(db, MOST_USED) };
      if (current) favour(current.index, mostUsedNow.ids);
    }
    return mostUsedNow.ids;
  };
  const favour = (index: SearchIndex, ids: readonly string[]): void => {
    const sources = new Map(ids.map((id, place) => [id, USED * (1 - place / MOST_USED)]));
    for (const id of recommended) sources.set(id, RECOMMENDED + (sources.get(id) ?? 0));
    index.favour({ sources, addresses: failing.points });
  };
  const countFailing = async (): Promise<void> => {
    if (clock() - failing.at < SUCCESS_KEPT) return;
    const points = new Map<string, number>();
    for (const [address, { success_rate }] of await readLiveness(db, clock())) {
      if (success_rate !== null && success_rate < 1) points.set(address, FAILING * (success_rate - 1));
    }
    failing = { at: clock(), points };
  };
  const refresh = async (): Promise<void> => {
    checkedAt = clock();
    // Read before the rows: an import in between leaves the older number, and the next look makes the index again.
    const version = await readCatalogVersion(db);
    if (current?.version !== version) {
      const index = await buildIndex(options.database, offered, vendors, current ? createRests(clock) : setImmediate);
      current = { version, index, show: createShownSources(db, index, isOffered) };
      mostUsedNow = null;
    }
    await countFailing();
    await mostUsed();
  };
  const refreshOnce = (): Promise<void> => {
    refreshing ??= refresh().finally(() => {
      refreshing = null;
    });
    return refreshing;
  };
  const inUse = async (): Promise<Current> => {
    while (!current) await refreshOnce();
    // The old index answers meanwhile; a database that cannot be read shows in the query's own read.
    if (clock() - checkedAt >= CHECK_EVERY) refreshOnce().catch(() => {});
    return current;
  };
  const pageOf = async ({ show }: Current, { hits, hasMore, words }: Found): Promise<SourcePage> => {
    const shown = await show(hits.map(({ id }) => id));
    const found = hits.flatMap(({ id, locations }): FoundSource[] => {
      const one = shown.get(id);
      if (!one) return [];
      const { source, distinction, named } = one;
      return [{ source, locations, distinction, matches: matchesIn(named, words) }];
    });
    return { found, hasMore };
  };

  return {
    async search(query, page) {
      const used = await inUse();
      return pageOf(used, used.index.search(query, page));
    },
    async browse(page) {
      const used = await inUse();
      const searched = used.index;
      const { type, limit, offset } = page;
      const offeredMost = (await findSources(db, await mostUsed())).filter(isOffered);
      const firsts = offeredMost
        .filter((source) => type === undefined || source.type === type)
        .map((source) => searched.firstOf(source.id) ?? source.id);
      const favourites = [...new Set(firsts)];
      const known = new Set(favourites);
      // The others are read past the favourites among them, which stand in front already.
      const others = searched.browse({ type, limit: offset + limit + known.size, offset: 0 });
      const all = others.hits.filter(({ id }) => !known.has(id));
      const hits = [...favourites.map((id) => ({ id, locations: searched.locationsOf(id) })), ...all];
      const hasMore = others.hasMore || hits.length > offset + limit;
      return pageOf(used, { ...others, hits: hits.slice(offset, offset + limit), hasMore });
    },
    get: (id) => findSource(db, id),
    async offeredOf(ids) {
      return (await findSources(db, ids)).filter(isOffered);
    },
    async ready() {
      await inUse();
    },
  };
}

/**
 * Makes the index of what a database holds and the app may offer, in steps that hold nobody up.
 *
 * @param rest awaited between two steps
 */
export async function buildIndex(
  { db }: Pick<Database, "db">,
  offered: (source: CataloguedSource) => boolean,
  vendors: Vendors,
  rest: () => Promise<unknown> = setImmediate,
): Promise<SearchIndex> {
  const builder = createIndexBuilder(createSourceReader(vendors));
  for (let after = ""; ; ) {
    const rows = await readActiveSources(db, after, SLICE);
    for (let from = 0; from < rows.length; from += TAKEN) {
      await rest();
      for (const row of rows.slice(from, from + TAKEN)) if (offered(row)) builder.add(row);
    }
    const last = rows.at(-1);
    if (!last) break;
    after = last.id;
    await rest();
  }
  const steps = builder.finish();
  for (let step = steps.next(); ; step = steps.next()) {
    await rest();
    if (step.done) return openIndex(step.value);
  }
}

const LONGEST_REST = 50;

/** While another index answers there is time: rests that leave the patients two thirds of the process. */
function createRests(clock: () => number): () => Promise<void> {
  let worked = 0;
  let since = clock();
  return async () => {
    worked += clock() - since;
    // A timer rests a millisecond at least.
    if (worked < 1) await setImmediate();
    else {
      // Whatever the clock says: it may be set meanwhile.
      await setTimeout(Math.min(2 * worked, LONGEST_REST));
      worked = 0;
    }
    since = clock();
  };
}
