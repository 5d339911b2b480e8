/**
 * What the worker loop asks of a queue, and the rules that both queues keep alike. Reads and writes nothing itself.
 */
import type { Db } from "../store/database.ts";

/** Small plain values, such as the id of the row to work on. Never a token, a code or anything clinical. */
export type JobPayload = Readonly<Record<string, string | number | boolean | null>>;

/** A job to enqueue. */
export interface NewJob {
  name: string;
  payload: JobPayload;
  /** Not before then, in milliseconds since 1970. Default: at once. */
  runAt?: number;
  /** At most one job of this name and key waits; see `Jobs.enqueue`. Default: no such bound. */
  dedupeKey?: string;
  /** Jobs of one key, whatever their names, never run at the same time. Default: no such bound. */
  serialKey?: string;
}

/** A job that this process holds until `leasedUntil`; whoever holds it after that, the three endings then do nothing. */
export interface ClaimedJob {
  name: string;
  payload: JobPayload;
  /** 1 at the first try. */
  attempt: number;
  /** By this process's clock, never later than by the database's. */
  leasedUntil: number;
  /** It is done: the job is gone. */
  finish(): Promise<void>;
  /** It failed: it waits for its next attempt, or after the last one is kept as failed. Answers whether that was the last. */
  retry(fault: string): Promise<boolean>;
  /** It goes back as if it had not been claimed. */
  release(): Promise<void>;
}

/** A queue in a database. */
export interface Queue {
  /** Installs what the migrations do not. Safe from several processes at once. */
  prepare(): Promise<void>;
  /** Adds a job in the caller's transaction. */
  enqueue(db: Db, job: NewJob): Promise<void>;
  /** Takes up to `limit` due jobs of these names. */
  claim(names: readonly string[], limit: number): Promise<ClaimedJob[]>;
  /** Before the first claim: starts what gives back the jobs of dead workers. */
  start(): Promise<void>;
  /** After the last claim. */
  stop(): Promise<void>;
}

/** How a queue keeps time, and whom it tells of its own faults. */
export interface QueueOptions {
  names: readonly string[];
  clock: () => number;
  leaseSeconds: number;
  pollSeconds: number;
  retrySeconds: number;
  maxAttempts: number;
  report(error: unknown): void;
}

/** A failed job is kept as long, for whoever looks for the reason. */
export const KEEP_FAILED_DAYS = 30;

const LONGEST_RETRY_SECONDS = 3600;

/** Milliseconds until the next attempt: doubling from `retrySeconds`, up to twice as long by chance, an hour at most. */
export function retryDelay(attempt: number, retrySeconds: number): number {
  const seconds = retrySeconds * 2 ** Math.min(attempt - 1, 20) * (1 + Math.random());
  return Math.min(seconds, LONGEST_RETRY_SECONDS) * 1000;
}

/** An error's name and code, such as `ConnectError token_exchange_failed`: what may be kept. A message may hold a secret. */
export function faultOf(error: unknown): string {
  const { name, code } = (typeof error === "object" && error ? error : {}) as { name?: unknown; code?: unknown };
  const words = [name, code].filter((word) => typeof word === "string" && /^[\w.-]{1,60}$/.test(word));
  return words.join(" ") || "Error";
}
