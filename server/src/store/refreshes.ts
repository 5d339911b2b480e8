/**
 * The refreshes of connections, exclusive over all processes on one database: one statement takes the lease and notes, before
 * anything is sent, that a refresh of this generation of tokens was sent; another one writes its end.
 */
import { sql } from "kysely";
import { AT_REST } from "./connections.ts";
import type { Db } from "./database.ts";
import type { ConnectionRow } from "./schema.ts";

/** Longer than any token request takes. */
export const LEASE_MS = 60_000;

/** A connection's row by which a refresh was begun. */
export type Begun = Pick<ConnectionRow, "id" | "token_generation"> & { lease_owner: string };

/**
 * Takes the lease and journals the refresh that is about to be sent; of any number of callers one is given the connection as
 * it stands from then on, and only while the tokens are those of the row.
 */
export function beginRefresh(
  db: Db,
  { id, token_generation, lease_owner }: Begun,
  now: number,
): Promise<ConnectionRow | undefined> {
  return db
    .updateTable("connections")
    .set((update) => ({
      lease_owner,
      lease_until: now + LEASE_MS,
      unanswered_refreshes: update("unanswered_refreshes", "+", 1),
    }))
    .where("id", "=", id)
    .where("token_generation", "=", token_generation)
    .where("status", "=", "active")
    .where((where) => where.or([where("lease_until", "is", null), where("lease_until", "<=", now)]))
    .where((where) => where.or([where("refresh_after", "is", null), where("refresh_after", "<=", now)]))
    .returningAll()
    .executeTakeFirst();
}

/** What a refresh that worked writes. */
export type Refreshed = Pick<
  ConnectionRow,
  "sealed_tokens" | "access_expires_at" | "scopes" | "not_granted" | "extras" | "refresh_after" | "snapshot"
>;

/**
 * Writes the tokens of a refresh. The generation alone decides: whoever took the lease over since has not got an answer yet.
 *
 * @returns false where the connection has ended or has other tokens by now
 */
export async function finishRefresh(db: Db, begun: Begun, refreshed: Refreshed, now: number): Promise<boolean> {
  const result = await db
    .updateTable("connections")
    .set({
      ...AT_REST,
      ...refreshed,
      token_generation: begun.token_generation + 1,
      last_refreshed_at: now,
      updated_at: now,
    })
    .where("id", "=", begun.id)
    .where("token_generation", "=", begun.token_generation)
    .where("status", "=", "active")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Writes that a refresh was not done, and when the next may be. False where it is another's by now. */
export async function putOffRefresh(
  db: Db,
  begun: Begun,
  refused: Pick<ConnectionRow, "refresh_after" | "refused_refreshes" | "unanswered_refreshes" | "snapshot">,
): Promise<boolean> {
  const result = await db
    .updateTable("connections")
    .set({ ...AT_REST, ...refused })
    .where("id", "=", begun.id)
    .where("token_generation", "=", begun.token_generation)
    .where("lease_owner", "=", begun.lease_owner)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Takes one refresh out of what a token endpoint's host allows in a minute, for all processes together: a fifth of them
 * at once, the rest at an even pace, so that no minute sees more.
 *
 * @returns when it may be sent: now, or a later time at which to ask again
 */
export async function takeTurn(db: Db, host: string, perMinute: number, now: number): Promise<number> {
  const atOnce = Math.ceil(perMinute / 5);
  const each = Math.ceil(60_000 / Math.max(1, perMinute - atOnce));
  const ahead = (atOnce - 1) * each;
  const result = await db
    .insertInto("token_hosts")
    .values({ host, paid_until: now + each })
    .onConflict((conflict) =>
      conflict
        .column("host")
        .doUpdateSet({
          paid_until: sql`case when token_hosts.paid_until > excluded.paid_until - ${each}
            then token_hosts.paid_until + ${each} else excluded.paid_until end`,
        })
        .where("token_hosts.paid_until", "<=", now + ahead),
    )
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows === 1n) return now;
  const row = await db.selectFrom("token_hosts").select("paid_until").where("host", "=", host).executeTakeFirst();
  return Math.max(now + 1, (row?.paid_until ?? now) - ahead);
}
