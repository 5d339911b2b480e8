/**
 * The catalog's rows: written by imports, list by list, and read by the index, by the views and by whoever connects. A
 * source that no list holds any more is retired, never deleted: connections refer to it.
 */
import { sql } from "kysely";
import type { Db, Tx } from "./database.ts";
import type { SourceLivenessRow, SourceRow } from "./schema.ts";

/** A list to be written. */
export interface ListRows {
  list: string;
  /** By id. */
  rows: ReadonlyMap<string, SourceRow>;
}

/** What writing a list changed. */
export interface ListChange {
  /** Sources that the catalog had never seen. */
  added: number;
  /** Sources of which something changed, or which came back from retirement. */
  changed: number;
  /** Sources that no list holds any more. */
  retired: number;
}

/** The columns that an import writes. */
const COLUMNS = [
  "name",
  "brand",
  "brand_identifier",
  "aliases",
  "places",
  "city",
  "state",
  "zip",
  "vendor",
  "type",
  "fhir_base_url",
  "fhir_version",
  "portal_url",
  "portal_name",
  "logo_url",
  "status",
] as const satisfies (keyof SourceRow)[];
/** Rows of one statement: SQLite takes 32,766 parameters, Postgres 65,535. */
const BATCH = 500;

/**
 * Replaces the content of lists, all in one transaction, and bumps the catalog's version. With no list nothing happens.
 *
 * @param how.refuse called for each list with its number of sources before and after; what it throws undoes everything
 * @param how.progress told the share that is written, 0 to 1
 */
export async function writeLists(
  db: Db,
  lists: readonly ListRows[],
  how: {
    now: number;
    refuse(list: string, before: number, after: number): void;
    progress(done: number): void;
  },
): Promise<Map<string, ListChange>> {
  if (lists.length === 0) return new Map();
  const total = lists.reduce((sum, { rows }) => sum + rows.size, 0);
  let written = 0;
  return db.transaction().execute(async (tx) => {
    // First of all, so that imports of several processes wait for one another.
    await raiseCatalogVersion(tx);
    const changes = new Map<string, ListChange>();
    for (const { list, rows } of lists) {
      const held = await tx.selectFrom("catalog_list_sources").select("source_id").where("list", "=", list).execute();
      how.refuse(list, held.length, rows.size);
      const before = new Set(held.map((row) => row.source_id));
      const known = await countSources(tx);
      let affected = 0;
      for (const batch of batches([...rows.values()])) {
        affected += await upsertSources(tx, batch);
        const joining = batch.filter((row) => !before.has(row.id)).map((row) => ({ list, source_id: row.id }));
        if (joining.length > 0) await tx.insertInto("catalog_list_sources").values(joining).execute();
        written += batch.length;
        how.progress(written / total);
      }
      const added = (await countSources(tx)) - known;
      const left = [...before].filter((id) => !rows.has(id));
      const retired = await leaveList(tx, list, left, how.now);
      changes.set(list, { added, changed: affected - added, retired });
      const row = { name: list, sources: rows.size, imported_at: how.now };
      await tx
        .insertInto("catalog_lists")
        .values(row)
        .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
        .execute();
    }
    return changes;
  });
}

/** Tells Postgres how many sources there are now; it would read the whole table for each slice otherwise. */
export async function analyzeSources(db: Db): Promise<void> {
  await sql`analyze sources`.execute(db);
}

/** Lets every process that keeps an index of the catalog make it anew. */
export async function raiseCatalogVersion(tx: Tx): Promise<void> {
  await tx
    .insertInto("catalog_version")
    .values({ id: 1, version: 1 })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((eb) => ({ version: eb("catalog_version.version", "+", 1) })),
    )
    .execute();
}

/** @returns how many rows were new or changed */
async function upsertSources(tx: Tx, rows: SourceRow[]): Promise<number> {
  const result = await tx
    .insertInto("sources")
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet((eb) =>
          Object.fromEntries([...COLUMNS, "updated_at" as const].map((name) => [name, eb.ref(`excluded.${name}`)])),
        )
        .where((eb) =>
          eb.or(COLUMNS.map((name) => eb(`sources.${name}`, "is distinct from", eb.ref(`excluded.${name}`)))),
        ),
    )
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0);
}

/** Takes sources off a list and retires those that no other holds. @returns how many it retired */
async function leaveList(tx: Tx, list: string, ids: readonly string[], now: number): Promise<number> {
  let retired = 0;
  for (const batch of batches(ids)) {
    await tx.deleteFrom("catalog_list_sources").where("list", "=", list).where("source_id", "in", batch).execute();
    const result = await tx
      .updateTable("sources")
      .set({ status: "retired", updated_at: now })
      .where("id", "in", batch)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("catalog_list_sources")
              .select("list")
              .whereRef("catalog_list_sources.source_id", "=", "sources.id"),
          ),
        ),
      )
      .executeTakeFirst();
    retired += Number(result.numUpdatedRows);
  }
  return retired;
}

async function countSources(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("sources")
    .select((eb) => eb.fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function* batches<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += BATCH) yield items.slice(at, at + BATCH);
}

/** The catalog's version, which every import and every probe raises; 0 before the first. */
export async function readCatalogVersion(db: Db): Promise<number> {
  const row = await db.selectFrom("catalog_version").select("version").executeTakeFirst();
  return Number(row?.version ?? 0);
}

/** A source as the catalog holds it, and whether its server answers. */
export interface CataloguedSource extends SourceRow {
  liveness: SourceLivenessRow["state"];
}

function cataloguedSources(db: Db) {
  return db
    .selectFrom("sources")
    .leftJoin("source_liveness", (join) =>
      join.on("source_liveness.fhir_base_url", "=", sql`rtrim(sources.fhir_base_url, '/')`),
    )
    .selectAll("sources")
    .select(sql<CataloguedSource["liveness"]>`coalesce(source_liveness.state, 'unknown')`.as("liveness"));
}

/** One source, whatever its status; undefined where there is none. */
export function findSource(db: Db, id: string): Promise<CataloguedSource | undefined> {
  return cataloguedSources(db).where("sources.id", "=", id).executeTakeFirst();
}

/** Sources in the order of their ids as given; ids that are not there are left out. */
export async function findSources(db: Db, ids: readonly string[]): Promise<CataloguedSource[]> {
  if (ids.length === 0) return [];
  const rows = await cataloguedSources(db).where("sources.id", "in", ids).execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** A slice of the active sources in the order of their ids: those after an id, at most `limit`. */
export function readActiveSources(db: Db, after: string, limit: number): Promise<CataloguedSource[]> {
  return cataloguedSources(db)
    .where("sources.id", ">", after)
    .where("sources.status", "=", "active")
    .orderBy("sources.id")
    .limit(limit)
    .execute();
}

/** Ids of the sources that patients are connected to, the most used first, then by id. */
export async function readMostUsedSources(db: Db, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("connections")
    .select("source_id")
    .groupBy("source_id")
    .orderBy((eb) => eb.fn.countAll(), "desc")
    .orderBy("source_id")
    .limit(limit)
    .execute();
  return rows.map((row) => row.source_id);
}
