/** The host's options, out of the module that a command is told of, and mb-connect put together by them. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Context } from "../context.ts";
import { compose } from "../mb-connect.ts";
import { type Logger, type MbConnectOptions, OptionsError, readOptions } from "../options.ts";
import { refuseMissing } from "./open.ts";
import { CommandError, type Terminal } from "./terminal.ts";

/** For a command, which says itself what there is to say. */
export const SILENT: Logger = { info() {}, warn() {}, error() {} };

/**
 * Loads the options.
 *
 * @throws {CommandError} where the file cannot be imported or exports none
 */
export async function loadOptions(file: string): Promise<MbConnectOptions> {
  const path = resolve(file);
  if (!existsSync(path)) throw new CommandError(`${file} is not there`);
  let module: { default?: unknown; options?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (thrown) {
    // Its message is the host's own and may hold anything.
    const { name, code } = thrown as { name?: string; code?: string };
    throw new CommandError(`${file} cannot be loaded (${code ?? name}): it must be JavaScript that node can import`);
  }
  const exported = module.default ?? module.options;
  if (typeof exported === "object" && exported !== null) return exported as MbConnectOptions;
  throw new CommandError(`${file} exports no options: export const options = { … }, as given to mbConnect`);
}

/**
 * Works with what the options put together, on their database, which must be there.
 *
 * @throws {CommandError} where the options are not complete, or name a database that is not there
 */
export async function withConfig<T>(
  file: string,
  { clock }: Terminal,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const options = await loadOptions(file);
  const { context, database } = composed(file, options, clock);
  try {
    await database.migrate();
    return await work(context);
  } finally {
    await Promise.allSettled(context.unfinished);
    await Promise.all([context.door.close(), database.close()]);
  }
}

function composed(file: string, options: MbConnectOptions, clock: () => number): ReturnType<typeof compose> {
  return withSoundOptions(file, options, () => compose({ ...options, logger: SILENT }, { clock }));
}

/**
 * Puts something together by options that were loaded. A SQLite file is never made here: at a path that is wrong it would be
 * an empty one.
 *
 * @throws {CommandError} where the options are not complete, or name a database that is not there
 */
export function withSoundOptions<T>(file: string, options: MbConnectOptions, make: () => T): T {
  try {
    const { database } = readOptions(options);
    refuseMissing(database);
    return make();
  } catch (thrown) {
    if (!(thrown instanceof OptionsError)) throw thrown;
    throw new CommandError(`${file} does not do as options: mb-connect doctor --config ${file} says why`);
  }
}
