/** What happened in an attempt, step by step: for whoever must say why it did not work. Never tokens, codes or clinical data. */
import { type Actor, type ErrorCode, errorEntry, type NextStep } from "../../shared/src/errors.ts";
import { type TrailReason, trailReason } from "../../shared/src/trail-reasons.ts";
import type { Context } from "./context.ts";
import type { Db } from "./store/database.ts";
import type { AttemptRow } from "./store/schema.ts";

/**
 * The steps, in the order of a good day; `failed` may follow any. `signed_in` and `consent` happen at the portal and are
 * inferred from what comes back. `refreshed` is a connection's first refresh, and the one that ended it.
 */
export type TrailStepName =
  | "created"
  | "opened"
  | "redirected"
  | "signed_in"
  | "consent"
  | "callback"
  | "exchange"
  | "patient"
  | "connected"
  | "refreshed"
  | "revoked"
  | "failed";

/** One step, as it is read back. */
export interface TrailStep {
  at: string;
  attempt_id: string | null;
  /** The source's id. */
  connection_id: string | null;
  step: TrailStepName;
  /** `ok` or what else came of it; of a step with a `code`, a `TrailReason`. */
  outcome: string;
  code: string | null;
  /** Who can do something about `code`, or null. */
  actor: Actor | null;
  /** What comes next after `code`, or null. */
  next: NextStep | null;
  detail: Record<string, string | number | boolean> | null;
}

/** Where a step happened. */
export interface TrailPlace {
  session_id: string;
  attempt_id: string | null;
}

/** Where the steps of an attempt stand. */
export function placeOf({ id, session_id }: Pick<AttemptRow, "id" | "session_id">): TrailPlace {
  return { session_id, attempt_id: id };
}

/** A step as it is written. `outcome` and `detail` are plain words and numbers of ours, never text of a hospital's. */
export interface NewStep {
  step: TrailStepName;
  outcome: string;
  /** Milliseconds since 1970; default: when it is written. */
  at?: number;
  detail?: Record<string, string | number | boolean>;
}

/** Writes steps, in their order. */
export async function recordSteps(
  context: Pick<Context, "ids" | "clock">,
  db: Db,
  place: TrailPlace,
  steps: readonly NewStep[],
): Promise<void> {
  const now = context.clock();
  const rows = steps.map(({ step, outcome, at = now, detail }) => ({
    id: context.ids.next("step"),
    ...place,
    at,
    step,
    outcome,
    code: null,
    detail: detail ? JSON.stringify(detail) : null,
  }));
  await db.insertInto("trail").values(rows).execute();
}

/** Writes one step. */
export async function recordStep(
  context: Pick<Context, "ids" | "clock">,
  db: Db,
  place: TrailPlace,
  step: TrailStepName,
  outcome: string,
  more: Pick<NewStep, "detail"> = {},
): Promise<void> {
  await recordSteps(context, db, place, [{ step, outcome, ...more }]);
}

/**
 * Writes a step that did not go well.
 *
 * @param reason a word of the table; any other is written as `unnamed_error`
 */
export async function recordFailure(
  context: Pick<Context, "ids" | "clock">,
  db: Db,
  place: TrailPlace,
  step: TrailStepName,
  code: ErrorCode,
  reason: string,
): Promise<void> {
  const outcome: TrailReason = trailReason(reason);
  const row = { id: context.ids.next("step"), ...place, at: context.clock(), step, outcome, code, detail: null };
  await db.insertInto("trail").values(row).execute();
}

/** As `recordFailure`, but once only in the same place: somebody else may make the same step happen at will. */
export async function recordFailureOnce(
  context: Pick<Context, "ids" | "clock">,
  db: Db,
  place: TrailPlace,
  step: TrailStepName,
  code: ErrorCode,
  reason: TrailReason,
): Promise<void> {
  const { session_id, attempt_id } = place;
  const known = await db
    .selectFrom("trail")
    .select("id")
    .where("session_id", "=", session_id)
    .where("attempt_id", attempt_id === null ? "is" : "=", attempt_id)
    .where("step", "=", step)
    .where("outcome", "=", reason)
    .limit(1)
    .executeTakeFirst();
  if (!known) await recordFailure(context, db, place, step, code, reason);
}

/** Writes how a connection's first refresh went, and how its last one did when that ended it: with a `code`. */
export async function recordRefresh(
  context: Pick<Context, "ids" | "clock">,
  db: Db,
  { id, session_id }: { id: string; session_id: string | null },
  outcome: string,
  code?: ErrorCode,
): Promise<void> {
  if (session_id === null) return;
  const steps = db.selectFrom("trail").select("id").where("session_id", "=", session_id);
  if (code === undefined && (await steps.where("step", "=", "refreshed").limit(1).executeTakeFirst())) return;
  const attempt = await db
    .selectFrom("attempts")
    .select("id")
    .where("session_id", "=", session_id)
    .where("connection_id", "=", id)
    .executeTakeFirst();
  const at = { session_id, attempt_id: attempt?.id ?? null };
  if (code === undefined) await recordStep(context, db, at, "refreshed", outcome);
  else await recordFailure(context, db, at, "refreshed", code, outcome);
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
