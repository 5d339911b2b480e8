/** Opens the database that a command was given, migrated, for as long as the command needs it. */
import { type Database, MissingPeerError, openDatabase } from "../store/database.ts";
import { CommandError } from "./terminal.ts";

/** @throws {CommandError} where it cannot be opened */
export async function withDatabase<T>(location: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = open(location);
  try {
    await database.migrate();
    return await work(database);
  } finally {
    await database.close();
  }
}

function open(location: string): Database {
  try {
    return openDatabase(location);
  } catch (error) {
    if (error instanceof MissingPeerError || (error as { code?: unknown }).code === "SQLITE_NOTADB") throw error;
    throw new CommandError("the database cannot be opened: check that its folder exists and may be written");
  }
}
