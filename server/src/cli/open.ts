/** Opens the database that a command was given, migrated, for as long as the command needs it. */
import { existsSync } from "node:fs";
import { type Database, isPostgresUrl, MissingPeerError, openDatabase } from "../store/database.ts";
import { CommandError } from "./terminal.ts";

/**
 * Opens a database for a while.
 *
 * @param make true where a SQLite file that is not there is to be made
 * @throws {CommandError} where it is not there, or cannot be opened
 */
export async function withDatabase<T>(
  location: string,
  work: (database: Database) => Promise<T>,
  { make = false }: { make?: boolean } = {},
): Promise<T> {
  if (!make) refuseMissing(location);
  const database = open(location);
  try {
    await database.migrate();
    return await work(database);
  } finally {
    await database.close();
  }
}

/**
 * Refuses a SQLite file that is not there. Opening it would make an empty one, in which nothing is found, and no key needed.
 *
 * @throws {CommandError}
 */
export function refuseMissing(location: string): void {
  if (isPostgresUrl(location) || existsSync(location)) return;
  const todo = "run this in the folder that the host runs in, or make one with mb-connect import";
  throw new CommandError(`there is no database at ${location}: ${todo}`);
}

function open(location: string): Database {
  try {
    return openDatabase(location);
  } catch (error) {
    if (error instanceof MissingPeerError || (error as { code?: unknown }).code === "SQLITE_NOTADB") throw error;
    throw new CommandError("the database cannot be opened: check that its folder exists and may be written");
  }
}
