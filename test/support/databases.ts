/**
 * One suite on both databases. Every database is new and empty, on SQLite a file in a folder of its own, and gone when
 * the suite ends. `DATABASES=sqlite` or `DATABASES=postgres` narrows a run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { type Database, openDatabase } from "#server/store/database.js";
import { postgresDatabase } from "./postgres.ts";

const KINDS = ["sqlite", "postgres"] as const;

/** What a suite is told about the database it runs on. */
export interface TestDatabases {
  name: (typeof KINDS)[number];
  /** A new, empty database: a file path, or a `postgres://` URL. What `mbConnect({ database })` takes. */
  location(): Promise<string>;
  /** Opens a database and migrates it; it is closed when the suite ends, if the test has not done so. Default: a new one. */
  open(location?: string): Promise<Database>;
}

/** Declares the suite once for each database, as `describe` does. */
export function forEachDatabase(suite: (databases: TestDatabases) => void): void {
  const wanted = process.env.DATABASES?.split(",") ?? KINDS;
  for (const name of KINDS) {
    if (!wanted.includes(name)) continue;
    describe(name, () => suite(testDatabases(name)));
  }
}

/** As `forEachDatabase` gives it, for a suite about one database. Call it inside a `describe`, or at a file's top. */
export function testDatabases(name: TestDatabases["name"]): TestDatabases {
  const endings: (() => Promise<void>)[] = [];
  after(async () => {
    // The last opened is closed first: a database is dropped after its connections are gone.
    for (const end of endings.reverse()) await end();
  });
  async function location(): Promise<string> {
    if (name === "postgres") {
      const { url, drop } = await postgresDatabase();
      endings.push(drop);
      return url;
    }
    const folder = await mkdtemp(join(tmpdir(), "mb-sqlite-"));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    return join(folder, "mb-connect.db");
  }
  async function open(at?: string): Promise<Database> {
    const database = openDatabase(at ?? (await location()));
    let closed: Promise<void> | undefined;
    const close = () => {
      closed ??= database.close();
      return closed;
    };
    endings.push(close);
    await database.migrate();
    return { ...database, close };
  }
  return { name, location, open };
}
