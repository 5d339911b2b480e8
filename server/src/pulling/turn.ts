/**
 * The two ends of a pull: its beginning, which plans it, and its settling, from which on the records are handed on and the
 * next pull is due. Each is one transaction.
 */
import { recordEvent } from "../events.ts";
import type { Capabilities } from "../fhir/capability-statement.ts";
import { scheduleExports } from "../hand-over.ts";
import { findConnection } from "../store/connections.ts";
import { listPullTypes, planPullTypes, settleCompanions, settleRest, writePull } from "../store/pulls.ts";
import { forgetReferences } from "../store/references.ts";
import type { PullRow } from "../store/schema.ts";
import { planPull } from "./plan.ts";
import type { Pulling } from "./reading.ts";
import { schedulePull } from "./schedule.ts";

const HOUR_MS = 3_600_000;
/** All is asked for again after this: what changed without saying so, or was missed, is found. */
const FULL_EVERY_MS = 30 * 24 * HOUR_MS;

/** Plans a pull; answers it as it begins. */
export async function beginPull(pulling: Pulling, row: PullRow, capabilities: Capabilities | null): Promise<PullRow> {
  const { context, connection, profile, run } = pulling;
  const now = context.clock();
  const reason = row.wanted ?? "schedule";
  const recent = row.full_at !== null && now - row.full_at < FULL_EVERY_MS;
  // A new grant may open what the last one did not.
  const mode = recent && reason !== "connect" ? "incremental" : "full";
  const started = await context.db.transaction().execute(async (tx) => {
    const known = await listPullTypes(tx, connection.id);
    const planned = planPull({
      profile,
      scopes: JSON.parse(connection.scopes),
      not_granted: JSON.parse(connection.not_granted),
      capabilities,
      mode,
      known,
    });
    const begun = {
      state: "running",
      wanted: null,
      reason,
      mode,
      started_at: now,
      settled_at: null,
      failure: null,
    } as const;
    await writePull(tx, run, begun);
    await planPullTypes(
      tx,
      planned.map(({ type, state, place }) => ({
        connection_id: connection.id,
        type,
        state,
        place: place && JSON.stringify(place),
        settled_at: place ? null : now,
      })),
      mode,
    );
    if (mode === "full") await forgetReferences(tx, connection.id);
    return { ...row, ...begun };
  });
  // What the last pull read is no longer known, or this one would take it for read.
  if (mode === "full") for (const names of [pulling.known.noted, pulling.known.read]) names.clear();
  return started;
}

/**
 * Settles a pull: hands on what came, tells the host, and schedules the next.
 *
 * @param failure why it ended before every type was asked for
 */
export async function settlePull(
  pulling: Pick<Pulling, "context" | "run">,
  row: PullRow,
  failure: string | null,
): Promise<void> {
  const { context, run } = pulling;
  const now = context.clock();
  const { connection_id } = run;
  await context.db.transaction().execute(async (tx) => {
    await writePull(tx, run, {});
    await settleRest(tx, connection_id, now, "given_up");
    await settleCompanions(tx, connection_id, now);
    const types = await listPullTypes(tx, connection_id);
    const answered = types.some(({ state }) => ["ok", "empty", "partial"].includes(state));
    const failed = types.some(({ state }) => state === "failed");
    const why = failure ?? (failed && !answered ? "fhir_error" : null);
    const connection = await findConnection(tx, connection_id);
    const again = connection?.status === "active";
    const interval = context.configuration.pullIntervalHours * HOUR_MS;
    // Spread, so that patients who connected in one hour do not come back in one.
    const next_at = again ? Math.ceil(now + interval * (1 + Math.random() / 10)) : null;
    const full = row.mode === "full" && why === null ? { full_at: row.started_at } : {};
    await writePull(tx, run, { state: "settled", settled_at: now, failure: why, next_at, ...full });
    if (next_at !== null) await schedulePull(context, tx, connection_id, next_at);
    if (!connection) return;
    await scheduleExports(context, tx, connection_id);
    const { patient_id, source_id } = connection;
    const about = { id: connection_id, patient_id, connection_id: source_id };
    const total = types.reduce((sum, { records }) => sum + records, 0);
    const errors = types.filter(({ state }) => state === "failed" || state === "partial").length;
    const duration_ms = now - (row.started_at ?? now);
    if (why === null) {
      await recordEvent(context, tx, {
        type: "records.sync.completed",
        patient_id,
        object: { ...about, total, errors, duration_ms },
      });
    } else {
      await recordEvent(context, tx, {
        type: "records.sync.failed",
        patient_id,
        object: { ...about, failure_code: why },
      });
    }
  });
}
