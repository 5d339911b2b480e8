/** The background: claims due jobs and runs the flow that each names. Stops gracefully. */
import type { Context } from "./context.ts";
import { deliver } from "./flow/deliver.ts";
import { exportRecords } from "./flow/export.ts";
import { download } from "./flow/download.ts";
import { purge } from "./flow/delete.ts";
import { lapse, scheduleLapse } from "./flow/lapse.ts";
import { pull } from "./flow/pull.ts";
import { refresh } from "./flow/refresh.ts";

/** Every job there is. */
export const JOB_NAMES = ["deliver", "download", "export", "lapse", "pull", "purge", "refresh"] as const;

/** Those that work for many seconds on end. */
export const LONG_JOBS = ["download", "export", "pull"] as const;

/** Runs inside the host's process. Start one in each, or in one only: jobs are shared safely. */
export interface Worker {
  start(): Promise<void>;
  /** Claims nothing more and waits for what is running. */
  stop(): Promise<void>;
}

/** @param ready settles when the database can be used */
export function createWorker(context: Context, ready: Promise<void>): Worker {
  return {
    async start() {
      await ready;
      await scheduleLapse(context, context.db, context.clock());
      await context.jobs.start({
        deliver: (run) => deliver(context, run),
        download: (run) => download(context, run),
        export: (run) => exportRecords(context, run),
        lapse: () => lapse(context),
        pull: (run) => pull(context, run),
        purge: () => purge(context),
        refresh: (run) => refresh(context, run),
      });
    },
    stop: () => context.jobs.stop(),
  };
}
