/**
 * Opens the database: SQLite by a file path, Postgres by a `postgres://` URL, behind one kysely interface. The only file
 * that knows the two drivers. `pg` is an optional peer, loaded when it is used.
 */
import { createRequire } from "node:module";
import BetterSqlite from "better-sqlite3";
import {
  type Dialect,
  Kysely,
  Migrator,
  PostgresDialect,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Transaction,
} from "kysely";
import { migrations } from "./migrations.ts";
import type { Schema } from "./schema.ts";
import { sqliteDriver } from "./sqlite-driver.ts";

/** A query interface: the database itself or a transaction that a caller holds. */
export type Db = Kysely<Schema>;
/** An open transaction. Never await the network while one is held. */
export type Tx = Transaction<Schema>;

/** What the queue uses of pg's pool; written here, so that a host on SQLite needs no types of pg. */
export interface PostgresPool {
  connect(): Promise<{
    query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
    /** @param destroy true closes the connection instead of keeping it */
    release(destroy?: boolean): void;
  }>;
}

/** An open database. */
export interface Database {
  kind: "sqlite" | "postgres";
  db: Db;
  /** The Postgres pool, for the queue that shares it; undefined on SQLite. */
  pool?: PostgresPool;
  /** Runs the numbered migrations that are missing. Safe from several processes at once. */
  migrate(): Promise<void>;
  /**
   * Takes what was deleted out of SQLite's log; on Postgres does nothing. Whoever still reads keeps it from that.
   *
   * @returns whether it is gone
   */
  purge(): boolean;
  close(): Promise<void>;
}

/** Thrown when `postgres://` is asked for and a package it needs is not installed; names the command that mends it. */
export class MissingPeerError extends Error {
  override name = "MissingPeerError";
}

/** True where a `database` option names Postgres rather than a SQLite file. */
export function isPostgresUrl(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location);
}

/**
 * Loads an optional peer.
 *
 * @throws {MissingPeerError} when it is not installed
 */
export function loadPeer<T>(name: string): T {
  try {
    return createRequire(import.meta.url)(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    throw new MissingPeerError(`A postgres:// database needs ${name}: npm install pg pg-boss`, { cause });
  }
}

/**
 * Opens a database without touching its tables; call `migrate()` before use.
 *
 * @param location a file path, or a `postgres://` URL
 * @throws {MissingPeerError} for Postgres without `pg`; the driver's own error when a SQLite file cannot be opened
 */
export function openDatabase(location: string): Database {
  const opened = isPostgresUrl(location) ? openPostgres(location) : openSqlite(location);
  return {
    ...opened,
    async migrate() {
      const migrator = new Migrator({
        db: opened.db,
        provider: { getMigrations: async () => migrations },
        migrationTableName: "mb_migrations",
        migrationLockTableName: "mb_migrations_lock",
      });
      const { error } = await migrator.migrateToLatest();
      if (error) throw error;
    },
    close: () => opened.db.destroy(),
  };
}

function openSqlite(path: string): Pick<Database, "kind" | "db" | "purge"> {
  const writer = openFile(path);
  const reader = writer.memory ? null : openFile(path);
  // The writer waits for its turn by itself, and not in the driver, which would stop the event loop meanwhile.
  writer.pragma("busy_timeout = 0");
  reader?.pragma("query_only = ON");
  const dialect: Dialect = {
    createAdapter: () => new TransactionalAdapter(),
    createDriver: () => sqliteDriver(writer, reader),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  const purge = (): boolean => {
    const connection = reader ?? writer;
    // Without waiting: the transaction that it would wait for may be one of this process.
    connection.pragma("busy_timeout = 0");
    try {
      const [done] = connection.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
      return done?.busy === 0;
    } catch (thrown) {
      if (String((thrown as { code?: unknown }).code).startsWith("SQLITE_BUSY")) return false;
      throw thrown;
    } finally {
      if (reader) reader.pragma("busy_timeout = 10000");
    }
  };
  return { kind: "sqlite", db: new Kysely<Schema>({ dialect }), purge };
}

function openFile(path: string): BetterSqlite.Database {
  const sqlite = new BetterSqlite(path, { timeout: 10_000 });
  sqlite.pragma("journal_mode = WAL");
  sqlite.pragma("synchronous = FULL");
  sqlite.pragma("foreign_keys = ON");
  // What is deleted is overwritten, so that a patient who leaves is gone from the file too.
  sqlite.pragma("secure_delete = ON");
  return sqlite;
}

/**
 * Lets migrations run in one transaction, which kysely does only on Postgres. Without it two processes migrate into each
 * other, and a crash in the middle leaves tables that the next start cannot create again.
 */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true;
  }
}

function openPostgres(url: string): Pick<Database, "kind" | "db" | "pool" | "purge"> {
  const pg = loadPeer<typeof import("pg")>("pg");
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    types: {
      // Times are bigint milliseconds, well below 2^53.
      getTypeParser: ((oid: number, format?: "text") =>
        oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
    },
  });
  // An idle client that loses its server must not end the host's process; the next query reports it.
  pool.on("error", () => {});
  // Nor may one that loses it in the middle of a transaction, where the pool does not listen; its query rejects.
  pool.on("connect", (client) => client.on("error", () => {}));
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  return { kind: "postgres", db, pool, purge: () => true };
}
