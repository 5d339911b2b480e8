/** Pages of lists: one form of cursor, opaque to whoever holds it, and one form of page. */
import { z } from "zod";
import type { List } from "../../../shared/src/list.ts";
import { badRequest, ConnectError } from "../errors.ts";

/** What every list takes. `limit` is 1 to 100, default 10. */
export const listParameters = z.strictObject({
  limit: z.number().int().min(1).max(100).default(10),
  starting_after: z.string().max(500).optional(),
});

/** A list's parameters as a caller gives them. */
export type ListParameters = z.input<typeof listParameters>;

/** @throws {ConnectError} `bad_request` naming the parameter */
export function readListParameters(input: unknown): { limit: number; after: string | null } {
  const parsed = listParameters.safeParse(input ?? {});
  if (!parsed.success) throw badRequest(parsed.error);
  const { limit, starting_after } = parsed.data;
  return { limit, after: starting_after === undefined ? null : readCursor(starting_after, "starting_after") };
}

/**
 * A page out of rows read with a limit one above the page's.
 *
 * @param key what the next page starts after
 */
export function page<Row, T>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => T,
  key: (row: Row) => string,
): List<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const has_more = rows.length > limit;
  const next_cursor = has_more && last !== undefined ? writeCursor(key(last)) : null;
  return { resource_type: "list", data: shown.map(view), has_more, next_cursor };
}

/** A cursor, from what the next page starts after. */
export function writeCursor(key: string): string {
  return Buffer.from(key).toString("base64url");
}

/**
 * What a cursor was made from.
 *
 * @throws {ConnectError} `bad_request` naming the parameter, where it is none
 */
export function readCursor(cursor: string, param: string): string {
  const key = Buffer.from(cursor, "base64url");
  if (key.length === 0 || key.toString("base64url") !== cursor) {
    throw new ConnectError("bad_request", { message: `${param}: pass a cursor as it was given`, param });
  }
  return key.toString("utf8");
}
