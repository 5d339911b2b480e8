/**
 * The catalog as the rest of the server sees it: the index of the sources that this app can offer, held in memory and
 * made anew when an import has changed the catalog, and any source by its id.
 */
import { setImmediate } from "node:timers/promises";
import {
  type CataloguedSource,
  findSource,
  findSources,
  readActiveSources,
  readCatalogVersion,
  readMostUsedSources,
} from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import type { SourceRow } from "../store/schema.ts";
import { createIndexBuilder } from "./index-tables.ts";
import { type Found, openIndex, type SearchIndex, type SearchPage } from "./search-index.ts";
import { readVendors, type Vendors } from "./vendor.ts";

/** A page of sources. */
export interface SourcePage {
  sources: SourceRow[];
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
  offeredOf(ids: readonly string[]): Promise<SourceRow[]>;
  /** Settles when the index stands; fails as the database does. */
  ready(): Promise<void>;
}

/** Rows read between two pauses. */
const SLICE = 500;
/** How often the catalog's version is looked at while it is used, in ms. */
const CHECK_EVERY = 1000;
/** How long the order of the most used sources stays, in ms. */
const USE_KEPT = 60_000;
/** How many sources can be among the most used. */
const MOST_USED = 100;

/**
 * Opens the catalog of a database; its index is made at first use.
 *
 * @param offered tells whether this app may offer an active source
 * @param clock ms since 1970
 * @param vendors default the package's own
 */
export function createCatalog(options: {
  database: Database;
  offered: (source: CataloguedSource) => boolean;
  clock: () => number;
  vendors?: Vendors;
}): Catalog {
  const { database, offered, clock, vendors = readVendors() } = options;
  const { db } = database;
  let current: { version: number; index: SearchIndex } | null = null;
  let checkedAt = 0;
  let refreshing: Promise<void> | null = null;
  let used: { at: number; ids: string[] } | null = null;

  const refresh = async (): Promise<void> => {
    checkedAt = clock();
    // Read before the rows: an import in between leaves the older number, and the next look makes the index again.
    const version = await readCatalogVersion(db);
    if (current?.version !== version) current = { version, index: await buildIndex(database, offered, vendors) };
  };
  const refreshOnce = (): Promise<void> => {
    refreshing ??= refresh().finally(() => {
      refreshing = null;
    });
    return refreshing;
  };
  const index = async (): Promise<SearchIndex> => {
    while (!current) await refreshOnce();
    // The old index answers meanwhile; a database that cannot be read shows in the query's own read.
    if (clock() - checkedAt >= CHECK_EVERY) refreshOnce().catch(() => {});
    return current.index;
  };
  const offeredOf = async (ids: readonly string[]): Promise<SourceRow[]> => {
    const sources = await findSources(db, ids);
    return sources.filter((source) => source.status === "active" && offered(source));
  };
  const pageOf = async ({ ids, hasMore }: Found): Promise<SourcePage> => ({ sources: await offeredOf(ids), hasMore });
  const mostUsed = async (): Promise<string[]> => {
    if (!used || clock() - used.at >= USE_KEPT) used = { at: clock(), ids: await readMostUsedSources(db, MOST_USED) };
    return used.ids;
  };

  return {
    search: async (query, page) => pageOf((await index()).search(query, page)),
    async browse({ type, limit, offset }) {
      const { browse } = await index();
      const favourites = (await offeredOf(await mostUsed()))
        .filter((source) => type === undefined || source.type === type)
        .map((source) => source.id);
      const known = new Set(favourites);
      // The others are read past the favourites among them, which stand in front already.
      const others = browse({ type, limit: offset + limit + known.size, offset: 0 });
      const all = [...favourites, ...others.ids.filter((id) => !known.has(id))];
      return pageOf({ ids: all.slice(offset, offset + limit), hasMore: others.hasMore || all.length > offset + limit });
    },
    get: (id) => findSource(db, id),
    offeredOf,
    async ready() {
      await index();
    },
  };
}

async function buildIndex(
  database: Database,
  offered: (source: CataloguedSource) => boolean,
  vendors: Vendors,
): Promise<SearchIndex> {
  const builder = createIndexBuilder(vendors);
  for (let after = ""; ; ) {
    const rows = await readActiveSources(database.db, after, SLICE);
    for (const row of rows) if (offered(row)) builder.add(row);
    const last = rows.at(-1);
    if (!last) break;
    after = last.id;
    await setImmediate();
  }
  const steps = builder.finish();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return openIndex(step.value);
    await setImmediate();
  }
}
