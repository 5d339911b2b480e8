/**
 * The queue on SQLite: the table `jobs`. A job waits while its `lease` is null, runs while a lease is not over, and is
 * deleted when it is done. Every change is one statement or one immediate transaction, so any number of processes may
 * work on one file.
 */
import { randomUUID } from "node:crypto";
import { type ExpressionBuilder, type Selectable, sql } from "kysely";
import type { Database, Db, Tx } from "../store/database.ts";
import type { JobRow, Schema } from "../store/schema.ts";
import { type ClaimedJob, KEEP_FAILED_DAYS, type NewJob, type Queue, type QueueOptions, retryDelay } from "./queue.ts";

type Row = Selectable<JobRow>;

/** Makes the queue; its table comes with the migrations. */
export function sqliteQueue({ db }: Database, options: QueueOptions): Queue {
  const { clock, leaseSeconds, retrySeconds, maxAttempts } = options;

  async function enqueue(db: Db, job: NewJob): Promise<void> {
    const now = clock();
    await db
      .insertInto("jobs")
      .values({
        name: job.name,
        payload: JSON.stringify(job.payload),
        dedupe_key: job.dedupeKey ?? null,
        serial_key: job.serialKey ?? null,
        run_at: job.runAt ?? now,
        attempts: 0,
        created_at: now,
      })
      .onConflict((conflict) =>
        conflict
          .columns(["name", "dedupe_key"])
          .where("lease", "is", null)
          .where("failed_at", "is", null)
          .doUpdateSet({ run_at: sql`min(jobs.run_at, excluded.run_at)` }),
      )
      .execute();
  }

  async function claim(names: readonly string[], limit: number): Promise<ClaimedJob[]> {
    // Looking first costs no write lock, which an update that finds nothing would take at every poll.
    const due = await next(db, names).executeTakeFirst();
    const rows = due ? await db.transaction().execute((tx) => claimMany(tx, names, limit)) : [];
    // The worker of some died at the last attempt that they had.
    const spent = rows.filter(({ attempts }) => attempts > maxAttempts);
    for (const row of spent) await settle(row, (tx) => bury(tx, row, "LeaseExpired"));
    return rows.filter(({ attempts }) => attempts <= maxAttempts).map(claimed);
  }

  /** One after another, since a job that is taken keeps others of its serial key waiting; all in one commit. */
  async function claimMany(tx: Tx, names: readonly string[], limit: number): Promise<Row[]> {
    const rows: Row[] = [];
    while (rows.length < limit) {
      const row = await claimOne(tx, names);
      if (!row) break;
      rows.push(row);
    }
    return rows;
  }

  function next(db: Db, names: readonly string[]) {
    const now = clock();
    return db
      .selectFrom("jobs")
      .select("id")
      .where((eb) => isDue(eb, names, now))
      .orderBy("run_at")
      .orderBy("id")
      .limit(1);
  }

  function claimOne(tx: Tx, names: readonly string[]): Promise<Row | undefined> {
    const now = clock();
    return tx
      .updateTable("jobs")
      .set((eb) => ({
        lease: randomUUID(),
        leased_until: now + leaseSeconds * 1000,
        attempts: eb("attempts", "+", 1),
      }))
      .where("id", "=", next(tx, names))
      .returningAll()
      .executeTakeFirst();
  }

  function claimed(row: Row): ClaimedJob {
    return {
      name: row.name,
      payload: JSON.parse(row.payload),
      attempt: row.attempts,
      leasedUntil: row.leased_until ?? 0,
      async finish() {
        await db.deleteFrom("jobs").where("id", "=", row.id).where("lease", "=", row.lease).execute();
      },
      async retry(fault) {
        const last = row.attempts >= maxAttempts;
        await settle(row, (tx) => {
          if (last) return bury(tx, row, fault);
          const run_at = clock() + retryDelay(row.attempts, retrySeconds);
          return putBack(tx, { ...row, run_at, last_error: fault });
        });
        return last;
      },
      release: () => settle(row, (tx) => putBack(tx, { ...row, attempts: row.attempts - 1 })),
    };
  }

  /** Writes a job's ending, unless its lease was over and another worker has it. */
  async function settle(row: Row, write: (tx: Tx) => Promise<void>): Promise<void> {
    await db.transaction().execute(async (tx) => {
      const held = tx.selectFrom("jobs").select("id").where("id", "=", row.id).where("lease", "=", row.lease);
      if (await held.executeTakeFirst()) await write(tx);
    });
  }

  async function bury(tx: Tx, row: Row, fault: string): Promise<void> {
    const ending = { failed_at: clock(), last_error: fault, lease: null, leased_until: null };
    await tx.updateTable("jobs").set(ending).where("id", "=", row.id).execute();
  }

  return {
    async prepare() {
      const before = clock() - KEEP_FAILED_DAYS * 24 * 3600 * 1000;
      await db.deleteFrom("jobs").where("failed_at", "<", before).execute();
    },
    enqueue,
    claim,
    start: async () => {},
    stop: async () => {},
  };
}

function isDue(eb: ExpressionBuilder<Schema, "jobs">, names: readonly string[], now: number) {
  const sameKeyRuns = eb
    .selectFrom("jobs as held")
    .select("held.id")
    .whereRef("held.serial_key", "=", "jobs.serial_key")
    .where("held.leased_until", ">", now);
  return eb.and([
    eb("name", "in", names),
    eb("failed_at", "is", null),
    eb("run_at", "<=", now),
    eb.or([eb("leased_until", "is", null), eb("leased_until", "<=", now)]),
    eb.not(eb.exists(sameKeyRuns)),
  ]);
}

/** Lets a job wait again; where one of its name and key waits already, the two become one, due at the earlier time. */
async function putBack(tx: Tx, { id, name, dedupe_key, run_at, attempts, last_error }: Row): Promise<void> {
  const twin = await tx
    .updateTable("jobs")
    .set((eb) => ({ run_at: eb.fn<number>("min", ["run_at", eb.val(run_at)]) }))
    .where("name", "=", name)
    .where("dedupe_key", "=", dedupe_key)
    .where("lease", "is", null)
    .where("failed_at", "is", null)
    .executeTakeFirst();
  if (twin.numUpdatedRows > 0n) {
    await tx.deleteFrom("jobs").where("id", "=", id).execute();
    return;
  }
  const waiting = { run_at, attempts, last_error, lease: null, leased_until: null };
  await tx.updateTable("jobs").set(waiting).where("id", "=", id).execute();
}
