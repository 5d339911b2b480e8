/**
 * The queue's contract: work that is due later or must survive a crash, kept in the application's own database. A table
 * on SQLite, pg-boss on Postgres, one behaviour: at least once, serial per key, retried with growing delays.
 */
import type { Database, Db } from "../store/database.ts";
import { pgBossQueue } from "./pg-boss-jobs.ts";
import { faultOf, type NewJob, type Queue, type QueueOptions } from "./queue.ts";
import { sqliteQueue } from "./sqlite-jobs.ts";
import { type JobFault, type JobHandler, startLoop, type WorkerLoop } from "./worker-loop.ts";

/** The queue of one process; any number of processes share its jobs. */
export interface Jobs {
  /** Makes the queue usable. After `database.migrate()`, before anything else; safe from several processes at once. */
  prepare(): Promise<void>;
  /**
   * Adds a job in the caller's transaction: it is there when that commits, and never was when it rolls back. Jobs of one
   * name and `dedupeKey` do the same work, so only one of them waits, for its first attempt or a further one, due at the
   * earliest of their times. One that runs does not count: a run that starts after the caller's commit always follows.
   *
   * Refuses a name that the queue was not made for, a payload beyond 2000 characters of JSON, and a `runAt` that is no
   * time.
   */
  enqueue(db: Db, job: NewJob): Promise<void>;
  /**
   * Starts working on the jobs of these names; those of other names wait untouched. A handler does some 20 seconds of
   * work at most, keeps its place in its own row, and enqueues itself for the rest. A job whose worker dies is run by
   * another one when its lease is over.
   */
  start(handlers: Record<string, JobHandler>): Promise<void>;
  /** Claims nothing more, waits for what runs, aborts what does not end in time and gives it back. Safe to call twice. */
  stop(): Promise<void>;
}

/** How the queue is made; times in seconds. */
export interface JobsOptions {
  /** Every name that may be enqueued. */
  names: readonly string[];
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Told of each failed attempt and of the queue's own faults, by name and code. */
  onError(fault: JobFault): void;
  /** How long a worker holds a job, 2 at least. Default 60. */
  leaseSeconds?: number;
  /** How often an idle worker looks. Default 1. */
  pollSeconds?: number;
  /** Jobs that one process runs at a time. Default 8. */
  concurrency?: number;
  /** Names of jobs that work for long: together they take half of those places at the most. Default none. */
  long?: readonly string[];
  /** The least delay before a second attempt; it doubles with each further one, with chance added, up to an hour. Default 5. */
  retrySeconds?: number;
  /** Then a job is kept as failed for 30 days and never runs again. Default 10. */
  maxAttempts?: number;
  /** How long `stop` waits before it aborts. Default 10. */
  stopSeconds?: number;
}

const DEFAULTS = {
  leaseSeconds: 60,
  pollSeconds: 1,
  concurrency: 8,
  long: [],
  retrySeconds: 5,
  maxAttempts: 10,
  stopSeconds: 10,
};

const LONGEST_PAYLOAD = 2000;

/**
 * Makes the queue that fits the database.
 *
 * @throws {MissingPeerError} on Postgres without pg-boss
 */
export function createJobs(database: Database, options: JobsOptions): Jobs {
  const settings = { ...DEFAULTS, ...options };
  function onFault(fault: JobFault): void {
    try {
      options.onError(fault);
    } catch {
      // Whoever listens must not stop the queue.
    }
  }
  function report(error: unknown): void {
    onFault({ job: null, attempt: null, error: faultOf(error), gaveUp: false });
  }
  const queue = createQueue(database, { ...settings, report });
  let loop: WorkerLoop | undefined;
  return {
    prepare: () => queue.prepare(),
    async enqueue(db, job) {
      const { names } = settings;
      if (!names.includes(job.name)) throw new Error(`There is no job ${job.name}, only ${names.join(", ")}`);
      if (JSON.stringify(job.payload).length > LONGEST_PAYLOAD)
        throw new Error(`The payload of ${job.name} is too long`);
      if (job.runAt !== undefined && !Number.isFinite(job.runAt)) throw new Error(`runAt of ${job.name} is no time`);
      await queue.enqueue(db, job);
    },
    async start(handlers) {
      if (loop) throw new Error("The worker runs already");
      const unknown = Object.keys(handlers).find((name) => !settings.names.includes(name));
      if (unknown) throw new Error(`There is no job ${unknown}, only ${settings.names.join(", ")}`);
      await queue.start();
      loop = startLoop(queue, handlers, { ...settings, onFault, report });
    },
    async stop() {
      const stopped = loop;
      loop = undefined;
      await stopped?.stop();
      await queue.stop();
    },
  };
}

/** The bare queue, without its worker. */
export function createQueue(database: Database, options: QueueOptions): Queue {
  const { pool } = database;
  return pool ? pgBossQueue({ ...database, pool }, options) : sqliteQueue(database, options);
}
