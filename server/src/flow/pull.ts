/**
 * The pull, a job per connection: reads the records that the patient granted and leaves them in the store, with how it goes
 * by type; then settled, from where the exports go on. It works for some 20 seconds, keeps its place with every page, and
 * hands on to itself; wherever it is killed, the next one goes on from the last page that was stored.
 */
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { readCapabilities } from "../fhir/capability-statement.ts";
import { baseOf } from "../fhir/client.ts";
import type { JobRun } from "../jobs/worker-loop.ts";
import { newPlace, type Place } from "../pulling/place.ts";
import { EVERYTHING } from "../pulling/plan.ts";
import { ask, type Pulling } from "../pulling/reading.ts";
import { type Asked, askForReference, dropUngranted, writeReferences } from "../pulling/references.ts";
import { schedulePull } from "../pulling/schedule.ts";
import { step, type TypeWork } from "../pulling/search.ts";
import { beginPull, settlePull } from "../pulling/turn.ts";
import type { AuthorizationSnapshot } from "../smart/authorization-request.ts";
import { connectionAt, findConnection } from "../store/connections.ts";
import { listPullTypes, PullLostError, settleRest, takePull, writePull, writePullType } from "../store/pulls.ts";
import { takeForm } from "../store/record-seal.ts";
import { listReferences, listWaitingReferences } from "../store/references.ts";
import type { PullRow, ReferenceFoundRow } from "../store/schema.ts";

const MINUTE_MS = 60_000;
/** A pull that took this long settles with what it has; the next one tries the rest. */
const LONGEST_MS = 24 * 60 * MINUTE_MS;
/** References that are asked for before any of them is written. */
const AT_A_TIME = 20;
/** Where there is no access just now. */
const NO_ACCESS_MS = 5 * MINUTE_MS;

/** @param run with the `connection_id` in its payload */
export async function pull(context: Context, { payload, last, signal }: JobRun): Promise<void> {
  const connection_id = String(payload.connection_id);
  // Before the last attempt, a failed one would become one with it and forget how often it failed.
  if (last) await schedulePull(context, context.db, connection_id, context.clock() + MINUTE_MS);
  try {
    const at = await work(context, connection_id, signal);
    if (at !== null) await schedulePull(context, context.db, connection_id, at);
  } catch (thrown) {
    if (!(thrown instanceof PullLostError)) throw thrown;
  }
}

/** Works until the time is over; answers when to go on, or null where the pull has settled. */
async function work(context: Context, connection_id: string, signal: AbortSignal): Promise<number | null> {
  const { db } = context;
  const now = context.clock();
  const found = await findConnection(db, connection_id);
  const connection = found && connectionAt(found, now);
  const row = await takePull(db, connection_id);
  if (!connection || !row) return null;
  const run = { connection_id, run: row.run };
  const idle = row.state === "settled" && row.wanted === null;
  if (connection.status !== "active") {
    if (!idle) await settlePull({ context, run }, row, "token_unavailable");
    return null;
  }
  // A job that was done, and whose worker died before it could say so.
  if (idle && row.next_at !== null && row.next_at > now) return row.next_at;
  const { profile } = JSON.parse(connection.snapshot) as AuthorizationSnapshot;
  const references = await listReferences(db, connection_id);
  const namesOf = (some: readonly ReferenceFoundRow[]) =>
    new Set(some.map(({ type, fhir_id }) => `${type}/${fhir_id}`));
  const pulling: Pulling = {
    context,
    connection,
    profile,
    subject: { fhir_patient_id: connection.fhir_patient_id, base: baseOf(connection.fhir_base_url) },
    run,
    form: await takeForm(db, context.vault, connection_id, context.configuration.sealRecords),
    known: { noted: namesOf(references), read: namesOf(references.filter(({ state }) => state === "read")) },
    host: { row: undefined, read_at: 0 },
    deadline: now + context.pullWorkMs,
    signal,
  };
  try {
    return await goOn(pulling, row);
  } catch (thrown) {
    if (!(thrown instanceof ConnectError)) throw thrown;
    if (thrown.code !== "token_unavailable") return context.clock() + Math.ceil(NO_ACCESS_MS * (0.5 + Math.random()));
    await settlePull(pulling, row, "token_unavailable");
    return null;
  }
}

async function goOn(pulling: Pulling, row: PullRow): Promise<number | null> {
  const { context } = pulling;
  let begun = row;
  if (row.state !== "running" || row.wanted === "connect") {
    const metadata = await ask(pulling, new URL("metadata", pulling.subject.base));
    if (metadata.outcome === "later") return metadata.at;
    const readable = metadata.outcome === "answer" && metadata.status === 200;
    begun = await beginPull(pulling, row, readable ? readCapabilities(metadata.bytes) : null);
  }
  const overdue = context.clock() - (begun.started_at ?? 0) > LONGEST_MS;
  const later = overdue ? null : ((await searchAll(pulling)) ?? (await readReferences(pulling)));
  if (later === null) await settlePull(pulling, begun, null);
  return later;
}

/** Searches every type, several at once; answers when to go on, or null where all are done. */
async function searchAll(pulling: Pulling): Promise<number | null> {
  const rows = await listPullTypes(pulling.context.db, pulling.connection.id);
  const works = new Map(
    rows.flatMap((row): [string, TypeWork][] =>
      row.place === null
        ? []
        : [[row.type, { row, place: JSON.parse(row.place) as Place, notes: JSON.parse(row.notes) }]],
    ),
  );
  const patient = works.get("Patient");
  if (patient?.place.searches[0] === EVERYTHING) {
    const later = await readEverything(pulling, patient);
    return later ?? searchAll(pulling);
  }
  const queue = [...works.values()].map((work) => ({ key: work.row.type, not_before: work.place.not_before }));
  return inLanes(pulling, queue, async ({ key }) => {
    const { work, later } = await step(pulling, works.get(key) as TypeWork);
    works.set(key, work);
    if (later !== null) return { later };
    return work.place.searches.length > 0 ? { again: work.place.not_before } : {};
  });
}

/** Asks for all in one search. Where that ends well, nothing else is asked for; where not, each type is. */
async function readEverything(pulling: Pulling, patient: TypeWork): Promise<number | null> {
  const { context, run, connection } = pulling;
  let work = patient;
  const later = await inLanes(pulling, [{ key: "Patient", not_before: work.place.not_before }], async () => {
    const stepped = await step(pulling, work);
    work = stepped.work;
    if (stepped.later !== null) return { later: stepped.later };
    return work.place.searches.length > 0 ? { again: work.place.not_before } : {};
  });
  if (later !== null) return later;
  await context.db.transaction().execute(async (tx) => {
    await writePull(tx, run, {});
    if (work.row.state === "ok") await settleRest(tx, connection.id, context.clock(), "answered");
    else {
      const place = JSON.stringify(newPlace([""]));
      await writePullType(tx, work.row, 0, { state: "waiting", settled_at: null, place });
    }
  });
  return null;
}

/** Reads what records refer to, some at a time, until nothing is left to read. */
async function readReferences(pulling: Pulling): Promise<number | null> {
  const { db } = pulling.context;
  const { id } = pulling.connection;
  await dropUngranted(pulling, await listWaitingReferences(db, id));
  for (;;) {
    const waiting = await listWaitingReferences(db, id, AT_A_TIME);
    if (waiting.length === 0) return null;
    const asked: Asked[] = [];
    const queue = waiting.map((reference) => ({ key: reference, not_before: 0 }));
    const later = await inLanes(pulling, queue, async ({ key: reference }) => {
      const answer = await askForReference(pulling, reference);
      if (answer.outcome === "later") return { later: answer.at };
      asked.push({ reference, answer });
      return {};
    });
    const again = asked.length > 0 ? await writeReferences(pulling, asked) : null;
    if (later !== null || again !== null) return Math.max(later ?? 0, again ?? 0);
  }
}

/** Something to do, not before a time. */
interface Task<T> {
  key: T;
  not_before: number;
}

/**
 * Does tasks, as many at once as the server bears, each until it is done. One that must wait is passed over for the others;
 * where the server itself must be waited for, or the time is over, all end.
 *
 * @param act answers `again`, from when on the task goes on; `later`, from when on anything does; neither: it is done
 * @returns when to go on, or null where all is done
 */
async function inLanes<T>(
  pulling: Pulling,
  tasks: readonly Task<T>[],
  act: (task: Task<T>) => Promise<{ again?: number; later?: number }>,
): Promise<number | null> {
  const { context, deadline, signal, profile } = pulling;
  const left = [...tasks];
  let resume: number | null = null;
  let failed = false;
  async function lane(): Promise<void> {
    while (!failed && resume === null) {
      signal.throwIfAborted();
      const now = context.clock();
      const at = left.findIndex(({ not_before }) => not_before <= now);
      const task = left[at];
      if (!task) return;
      if (now >= deadline) {
        resume = now;
        return;
      }
      left.splice(at, 1);
      const { again, later } = await act(task);
      if (later !== undefined) resume = Math.max(resume ?? 0, later);
      if (again !== undefined) left.unshift({ ...task, not_before: again });
    }
  }
  async function guarded(): Promise<void> {
    try {
      await lane();
    } catch (thrown) {
      failed = true;
      throw thrown;
    }
  }
  // All of them end before the job does: none writes on beside the one that comes next.
  const lanes = Array.from({ length: Math.min(profile.fhir.concurrency, tasks.length) }, guarded);
  const ends = await Promise.allSettled(lanes);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  if (resume !== null) return resume;
  return left.length === 0 ? null : Math.min(...left.map(({ not_before }) => not_before));
}
