/**
 * The queue on Postgres: pg-boss, in the schema `mb_jobs`, a queue of policy `short` (one waiting job a key) for each
 * name. Its `work()` is left aside: it answers a lost connection with an unhandled rejection, and it stores an error's
 * message and stack. Its `singleton` policy is left aside too: the oldest job of a busy key stops its whole queue; the
 * table `job_serial_keys` holds the serial keys instead. An attempt's ending is written in one transaction that first
 * makes sure of the job, since pg-boss lets a late worker end what another one runs by now.
 */
import { randomUUID } from "node:crypto";
import { CompiledQuery, sql } from "kysely";
import type PgBoss from "pg-boss";
import { type Database, type Db, loadPeer, type PostgresPool, type Tx } from "../store/database.ts";
import {
  type ClaimedJob,
  type JobPayload,
  KEEP_FAILED_DAYS,
  type NewJob,
  type Queue,
  type QueueOptions,
  retryDelay,
} from "./queue.ts";

const SCHEMA = "mb_jobs";

/** What pg-boss stores for a job. */
interface Envelope {
  payload: JobPayload;
  serial_key: string | null;
  /** Attempts before this row: an attempt that failed leaves a new row. */
  tried: number;
  last_error: string | null;
}

type Row = PgBoss.JobWithMetadata<Envelope>;

/**
 * Makes the queue.
 *
 * @throws {MissingPeerError} when pg-boss is not installed
 */
export function pgBossQueue({ db, pool }: Database & { pool: PostgresPool }, options: QueueOptions): Queue {
  const { names, clock, leaseSeconds, pollSeconds, retrySeconds, maxAttempts, report } = options;
  const Boss = loadPeer<typeof PgBoss>("pg-boss");
  const boss = newBoss({ supervise: false });
  let keeper: PgBoss | undefined;

  function newBoss(settings: PgBoss.ConstructorOptions): PgBoss {
    const made = new Boss({ db: aside(pool), schema: SCHEMA, schedule: false, ...settings });
    // An emitter's error that nobody listens to would end the host's process.
    made.on("error", report);
    return made;
  }

  async function add(on: Db, name: string, key: string, waitMs: number, envelope: Envelope): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      const id = await boss.send(name, envelope, {
        db: within(on),
        singletonKey: key,
        startAfter: waitMs / 1000,
        expireInSeconds: leaseSeconds,
        // pg-boss's own retry is for dead workers alone: at once, and as often as attempts are left.
        retryLimit: maxAttempts - 1 - envelope.tried,
        retryDelay: 0,
        retryBackoff: false,
        // A job waits for its handler for ever; pg-boss would drop it after two weeks.
        retentionDays: 36_500,
      });
      if (id) return;
      // One of the key waits. Its row is locked until the caller commits, so that nobody starts it before what the
      // caller wrote can be seen; where it was taken in between, it no longer waits and ours is added after all.
      const { rows } = await sql`update mb_jobs.job
        set start_after = least(start_after, now() + ${waitMs / 1000} * interval '1 second')
        where name = ${name} and singleton_key = ${key} and state = 'created' returning id`.execute(on);
      if (rows.length > 0) return;
    }
    throw new Error(`The job ${name} could not be added`);
  }

  async function enqueue(on: Db, { name, payload, runAt, dedupeKey, serialKey }: NewJob): Promise<void> {
    // The policy would take all jobs without a key for one.
    const key = dedupeKey === undefined ? randomUUID() : `key:${dedupeKey}`;
    const waitMs = runAt === undefined ? 0 : Math.max(0, runAt - clock());
    await add(on, name, key, waitMs, { payload, serial_key: serialKey ?? null, tried: 0, last_error: null });
  }

  async function claim(wanted: readonly string[], limit: number): Promise<ClaimedJob[]> {
    const jobs: ClaimedJob[] = [];
    // Begins at any of the names, so that a busy one does not starve those after it.
    const first = Math.floor(Math.random() * wanted.length);
    for (const name of [...wanted.slice(first), ...wanted.slice(0, first)]) {
      while (jobs.length < limit) {
        const from = clock();
        const rows = await boss.fetch<Envelope>(name, {
          batchSize: limit - jobs.length,
          includeMetadata: true,
          priority: false,
          db: telling(aside(pool), report),
        });
        if (rows.length === 0) break;
        for (const row of rows) {
          // Where this fails, the job stays leased to nobody and is given back when that is over.
          const free = await takeKey(row).catch(report);
          if (free) jobs.push(claimed(row, from + Number(row.expireInSeconds) * 1000));
          else if (free === false) await stepAside(row).catch(report);
        }
      }
    }
    return jobs;
  }

  /** Takes the job's serial key, unless another job has it. */
  async function takeKey({ id, data, expireInSeconds }: Row): Promise<boolean> {
    if (data.serial_key === null) return true;
    const now = sql`(extract(epoch from now()) * 1000)::bigint`;
    const until = sql`${now} + ${Number(expireInSeconds) * 1000}::bigint`;
    const { rows } = await sql`insert into job_serial_keys (serial_key, job_id, leased_until)
      values (${data.serial_key}, ${id}, ${until})
      on conflict (serial_key) do update set job_id = excluded.job_id, leased_until = excluded.leased_until
      where job_serial_keys.leased_until < ${now} returning job_id`.execute(db);
    return rows.length > 0;
  }

  /** Lets every job of a busy key wait until the next poll, so that those of other keys come first. */
  async function stepAside(row: Row): Promise<void> {
    await putBack(row, attemptOf(row) - 1, pollSeconds * 1000);
    await sql`update mb_jobs.job set start_after = now() + ${pollSeconds} * interval '1 second'
      where (name, id) in (
        select name, id from mb_jobs.job where state < 'active' and start_after < now()
        and data->>'serial_key' = ${row.data.serial_key} for update skip locked)`.execute(db);
  }

  function claimed(row: Row, leasedUntil: number): ClaimedJob {
    const { name, data } = row;
    const attempt = attemptOf(row);
    return {
      name,
      payload: data.payload,
      attempt,
      leasedUntil,
      finish: () => settle(row, (tx) => boss.deleteJob(name, row.id, { db: within(tx) })),
      async retry(fault) {
        const last = attempt >= maxAttempts;
        if (last) await settle(row, (tx) => boss.fail(name, row.id, { last_error: fault }, { db: within(tx) }));
        else await putBack(row, attempt, retryDelay(attempt, retrySeconds), fault);
        return last;
      },
      release: () => putBack(row, attempt - 1, 0),
    };
  }

  /** Lets the job wait again, as a new row or as one with the job of its key that waits by now. */
  async function putBack(row: Row, tried: number, waitMs: number, last_error = row.data.last_error): Promise<void> {
    await settle(row, async (tx) => {
      await boss.deleteJob(row.name, row.id, { db: within(tx) });
      await add(tx, row.name, row.singletonKey ?? row.id, waitMs, { ...row.data, tried, last_error });
    });
  }

  /** Writes a job's ending, unless its lease was over and pg-boss has given it back. Each claim has its own count. */
  async function settle(row: Row, write: (tx: Tx) => Promise<void>): Promise<void> {
    await db.transaction().execute(async (tx) => {
      const { rows } = await sql`select id from mb_jobs.job where name = ${row.name} and id = ${row.id}
        and state = 'active' and retry_count = ${row.retryCount} for update`.execute(tx);
      if (rows.length === 0) return;
      await write(tx);
      await tx.deleteFrom("job_serial_keys").where("job_id", "=", row.id).execute();
    });
  }

  return {
    async prepare() {
      await db.transaction().execute(async (tx) => {
        // Two processes that make queues at once run into a deadlock in Postgres.
        await sql`select pg_advisory_xact_lock(hashtext('mb_jobs'))`.execute(tx);
        const installer = newBoss({ supervise: false });
        await installer.start();
        for (const name of names) await installer.createQueue(name, { name, policy: "short" });
        await sql`delete from job_serial_keys
          where leased_until < extract(epoch from now() - interval '1 day') * 1000`.execute(tx);
      });
    },
    enqueue,
    claim,
    async start() {
      keeper = newBoss({
        migrate: false,
        maintenanceIntervalSeconds: Math.max(1, Math.min(5, leaseSeconds / 4)),
        archiveFailedAfterSeconds: KEEP_FAILED_DAYS * 24 * 3600,
        deleteAfterDays: 1,
      });
      await keeper.start();
    },
    async stop() {
      keeper?.removeAllListeners("error").on("error", () => {});
      await keeper?.stop({ graceful: false, close: false });
    },
  };
}

function attemptOf({ data, retryCount }: Row): number {
  return data.tried + retryCount + 1;
}

/** Runs pg-boss's statement in the caller's transaction. */
function within(db: Db): PgBoss.Db {
  return {
    executeSql: async (text, values) => ({
      rows: [...(await db.executeQuery(CompiledQuery.raw(text, values ?? []))).rows],
    }),
  };
}

/**
 * Runs pg-boss's statement by itself. A connection with an error is not used again: pg-boss opens and ends its
 * maintenance's transactions in one text, and one that failed would be left open in the shared pool.
 */
function aside(pool: PostgresPool): PgBoss.Db {
  return {
    async executeSql(text, values) {
      const client = await pool.connect();
      try {
        const result = await client.query(text, values);
        client.release();
        return result;
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
  };
}

/** Tells of an error before it passes on: pg-boss's `fetch` takes every one for an empty queue. */
function telling(db: PgBoss.Db, report: (error: unknown) => void): PgBoss.Db {
  return {
    executeSql: (text, values) =>
      db.executeSql(text, values).catch((error) => {
        report(error);
        throw error;
      }),
  };
}
