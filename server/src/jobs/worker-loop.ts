/**
 * The worker: claims due jobs, runs their handlers a few at a time, and writes how each ended. A handler's signal is
 * aborted before its lease is over, so one that heeds it never runs beside the worker that gets the job next. One that
 * does not heed it loses its slot when the lease is over, and what it answers after that counts for nothing.
 */
import { type ClaimedJob, faultOf, type JobPayload, type Queue } from "./queue.ts";

/** What a handler gets. */
export interface JobRun {
  payload: JobPayload;
  /** 1 at the first try; greater after a failure, and after a worker died. */
  attempt: number;
  /** No further attempt comes after this one: what must go on all the same is enqueued before anything can fail. */
  last: boolean;
  /** Aborted when three quarters of the lease are over, or when the worker has to stop: leave off, and reject. */
  signal: AbortSignal;
}

/** Does a job's work. Resolves when it is done; a rejection means another attempt later. May run twice for one job. */
export type JobHandler = (run: JobRun) => Promise<void>;

/** A job's failed attempt, or a fault of the queue itself. Holds no messages: those may hold secrets. */
export interface JobFault {
  /** The job's name; null for the queue's own faults. */
  job: string | null;
  attempt: number | null;
  /** The error's name and code. */
  error: string;
  /** That was the last attempt. */
  gaveUp: boolean;
}

/** How a worker works. */
export interface LoopOptions {
  clock: () => number;
  concurrency: number;
  maxAttempts: number;
  pollSeconds: number;
  stopSeconds: number;
  /** Names of jobs that work for long. Together they leave one place free, so that no short one waits behind them. */
  long: readonly string[];
  onFault(fault: JobFault): void;
  report(error: unknown): void;
}

/** A running loop. */
export interface WorkerLoop {
  /** Claims nothing more; waits for what runs, then aborts it; resolves when it has ended or will not. */
  stop(): Promise<void>;
}

/** After an abort a handler has that long to leave off; then its job stays leased until that is over. */
const ABORT_SECONDS = 2;

/** Starts claiming at once. */
export function startLoop(queue: Queue, handlers: Record<string, JobHandler>, options: LoopOptions): WorkerLoop {
  const { clock, concurrency, maxAttempts, pollSeconds, stopSeconds, onFault, report } = options;
  const names = Object.keys(handlers);
  const long = names.filter((name) => options.long.includes(name));
  const short = names.filter((name) => !long.includes(name));
  const running = new Map<ClaimedJob, { ended: Promise<void>; controller: AbortController }>();
  const bell = newBell();
  let stopping = false;
  const looping = loop();

  async function loop(): Promise<void> {
    while (!stopping && names.length > 0) {
      bell.mute();
      const claimed = await claimAll();
      for (const job of claimed) {
        if (stopping) await job.release().catch(report);
        else begin(job);
      }
      if (claimed.length === 0 || running.size >= concurrency) await bell.rung(pollSeconds * 1000);
    }
  }

  async function claimAll(): Promise<ClaimedJob[]> {
    const room = concurrency - running.size;
    const quick = await claim(short, room);
    const busy = [...running.keys()].filter(({ name }) => long.includes(name)).length;
    const places = short.length > 0 ? Math.ceil(concurrency / 2) : concurrency;
    return [...quick, ...(await claim(long, Math.min(room - quick.length, places - busy)))];
  }

  async function claim(wanted: readonly string[], room: number): Promise<ClaimedJob[]> {
    if (wanted.length === 0 || room <= 0) return [];
    try {
      return await queue.claim(wanted, room);
    } catch (error) {
      report(error);
      return [];
    }
  }

  function begin(job: ClaimedJob): void {
    const controller = new AbortController();
    const ended = run(job, controller).finally(() => {
      running.delete(job);
      bell.ring();
    });
    running.set(job, { ended, controller });
  }

  async function run(job: ClaimedJob, controller: AbortController): Promise<void> {
    const leaseMs = job.leasedUntil - clock();
    const { name, payload, attempt } = job;
    const winding = setTimeout(
      () => controller.abort(new DOMException("Lease ending", "TimeoutError")),
      leaseMs * 0.75,
    );
    const { promise: leaseOver, timer } = after(leaseMs);
    // A handler that has outlived `stop` does not keep the process from ending.
    for (const waiting of [winding, timer]) waiting.unref();
    try {
      const last = attempt >= maxAttempts;
      const work = attend(handlers[name], { payload, attempt, last, signal: controller.signal });
      const outcome = await Promise.race([work, leaseOver]);
      if (outcome === "over") fault(job, "LeaseExpired", false);
      else if (outcome === null) await job.finish();
      else if (stopping && controller.signal.aborted) await job.release();
      else fault(job, outcome.fault, await job.retry(outcome.fault));
    } catch (error) {
      // The ending could not be written: the job runs again when its lease is over.
      report(error);
    } finally {
      clearTimeout(winding);
      clearTimeout(timer);
    }
  }

  function fault({ name, attempt }: ClaimedJob, error: string, gaveUp: boolean): void {
    onFault({ job: name, attempt, error, gaveUp });
  }

  const allEnded = () => Promise.all([looping, ...[...running.values()].map(({ ended }) => ended)]);

  return {
    async stop() {
      stopping = true;
      bell.ring();
      if (await settlesWithin(allEnded(), stopSeconds)) return;
      for (const { controller } of running.values()) {
        controller.abort(new DOMException("The worker stops", "AbortError"));
      }
      await settlesWithin(allEnded(), ABORT_SECONDS);
    },
  };
}

/** Runs a handler to its end: null when it is done, else its fault. Never rejects, however late it ends. */
async function attend(handler: JobHandler | undefined, run: JobRun): Promise<null | { fault: string }> {
  try {
    await handler?.(run);
    return null;
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

function after(ms: number): { promise: Promise<"over">; timer: NodeJS.Timeout } {
  const { promise, resolve } = deferred<"over">();
  return { promise, timer: setTimeout(() => resolve("over"), ms) };
}

async function settlesWithin(promise: Promise<unknown>, seconds: number): Promise<boolean> {
  const { promise: late, timer } = after(seconds * 1000);
  const first = await Promise.race([promise.then(() => "ended"), late]);
  clearTimeout(timer);
  return first === "ended";
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Something to wait for: a time, or that it is rung, also before the wait begins. */
function newBell() {
  let bell = deferred<void>();
  return {
    mute(): void {
      bell = deferred();
    },
    ring: () => bell.resolve(),
    async rung(ms: number): Promise<void> {
      const { promise, timer } = after(ms);
      await Promise.race([promise, bell.promise]);
      clearTimeout(timer);
    },
  };
}
