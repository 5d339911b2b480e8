/** What happened in an attempt, step by step: for whoever must say why it did not work. Never tokens, codes or clinical data. */
import { type Actor, errorEntry, type NextStep } from "../../shared/src/errors.ts";
import type { Context } from "./context.ts";
import type { Db } from "./store/database.ts";

/** The steps, in the order of a good day. `failed` may follow any. */
export type TrailStepName =
  | "created"
  | "opened"
  | "redirected"
  | "callback"
  | "consent"
  | "login"
  | "exchange"
  | "patient"
  | "connected"
  | "revoked"
  | "failed";

/** One step, as it is read back. */
export interface TrailStep {
  at: string;
  attempt_id: string | null;
  /** The source's id. */
  connection_id: string | null;
  step: TrailStepName;
  outcome: string;
  code: string | null;
  /** Who can do something about `code`, or null. */
  actor: Actor | null;
  /** What comes next after `code`, or null. */
  next: NextStep | null;
  detail: Record<string, string | number | boolean> | null;
}

/** Writes one step. `outcome` and `detail` are plain words and numbers of ours, never text of a hospital's. */
export async function recordStep(
  context: Pick<Context, "ids" | "clock">,
  db: Db,
  at: { session_id: string; attempt_id: string | null },
  step: TrailStepName,
  outcome: string,
  more: { code?: string; detail?: Record<string, string | number | boolean> } = {},
): Promise<void> {
  await db
    .insertInto("trail")
    .values({
      id: context.ids.next("step"),
      ...at,
      at: context.clock(),
      step,
      outcome,
      code: more.code ?? null,
      detail: more.detail ? JSON.stringify(more.detail) : null,
    })
    .execute();
}

/** The trail of a session, oldest step first. */
export async function readTrail(db: Db, session_id: string): Promise<TrailStep[]> {
  const rows = await db
    .selectFrom("trail")
    .leftJoin("attempts", "attempts.id", "trail.attempt_id")
    .selectAll("trail")
    .select("attempts.source_id")
    .where("trail.session_id", "=", session_id)
    .orderBy("trail.id")
    .execute();
  return rows.map((row) => {
    const entry = row.code === null ? null : errorEntry(row.code);
    return {
      at: new Date(row.at).toISOString(),
      attempt_id: row.attempt_id,
      connection_id: row.source_id,
      step: row.step as TrailStepName,
      outcome: row.outcome,
      code: row.code,
      actor: entry?.actor ?? null,
      next: entry?.next ?? null,
      detail: row.detail === null ? null : JSON.parse(row.detail),
    };
  });
}
