/**
 * What `mb-connect probe` does: asks each endpoint how patients sign in there, as a first sign-in would, and writes what came
 * of it as it comes, so that a run that is cut off is gone on with by the next.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import type { Door } from "../fetch.ts";
import { findOwnDocument, readConfiguration } from "../smart/configuration.ts";
import { endpointsAllowed } from "../smart/discovery.ts";
import { type CataloguedSource, readActiveSources } from "../store/catalog.ts";
import { livenessKey, readMarks } from "../store/liveness.ts";
import type { SourceLivenessRow } from "../store/schema.ts";
import { createMarkKeeper, isUnreached } from "./mark-keeper.ts";
import { createPoliteDoor, type Manners } from "./polite-door.ts";

/** How a probe goes about it. */
export interface ProbeManners extends Omit<Manners, "clock" | "sleep"> {
  /** At most so many endpoints, those that were not checked for longest first. */
  limit: number;
  /** An endpoint that was checked within this time is left out, in milliseconds. */
  maxAgeMs: number;
  /** Told after each endpoint. */
  progress(done: number, total: number): void;
}

/** What a probe found. An endpoint is a FHIR base URL, however many sources have it. */
export interface ProbeSummary {
  endpoints: number;
  /** All of them, by how they are marked now. */
  states: Record<SourceLivenessRow["state"], number>;
  /** Left out: checked lately. */
  fresh: number;
  answered: number;
  failed: number;
  /** Neither: their host asked to be left alone. */
  put_off: number;
  /** Those that failed, by a word of ours for why. */
  faults: Record<string, number>;
  /** Those whose mark changed, by what it is now. */
  became: Partial<Record<SourceLivenessRow["state"], number>>;
  /** True where no server was reached at all: then nothing is written. */
  nothing_answered: boolean;
  /** True where it was stopped before its end. */
  interrupted: boolean;
}

/** The endpoints of one host that are left, and what is the matter with it. */
interface Lane {
  endpoints: string[];
  /** How often in a row it was not reached. */
  unreached: number;
  fault: string | null;
}

/** Requests under way at once to one host. */
const PER_HOST = 2;
/** A host that was not reached so often in a row is taken to be so for its other endpoints too. */
const ENOUGH_IN_A_ROW = 5;
const SLICE = 1000;

/** The endpoints of the active sources that are wanted, each once, by `livenessKey`. */
export async function findEndpoints(
  { db }: Pick<Context, "db">,
  wanted: (source: CataloguedSource) => boolean,
): Promise<string[]> {
  const found = new Set<string>();
  for (let after = ""; ; ) {
    const rows = await readActiveSources(db, after, SLICE);
    for (const row of rows) {
      // As if it were live: one that is gone must be found when it is back.
      if (row.fhir_base_url !== null && wanted({ ...row, liveness: "live" })) found.add(livenessKey(row.fhir_base_url));
    }
    const last = rows.at(-1);
    if (!last) return [...found];
    after = last.id;
  }
}

/**
 * Checks endpoints.
 *
 * @throws as the database does; what was found before is kept
 */
export async function probe(
  context: Pick<Context, "db" | "door" | "clock">,
  endpoints: readonly string[],
  how: ProbeManners,
): Promise<ProbeSummary> {
  const { db, clock } = context;
  const marks = await readMarks(db);
  const checkedAt = (endpoint: string): number => marks.get(endpoint)?.checked_at ?? 0;
  const due = endpoints.filter((endpoint) => checkedAt(endpoint) <= clock() - how.maxAgeMs);
  const chosen = shuffled(due).sort((one, other) => checkedAt(one) - checkedAt(other));
  chosen.splice(how.limit);

  const failure = new AbortController();
  const signal = AbortSignal.any([how.signal, failure.signal]);
  // Every host's turn waits on it, and Node would warn of more than ten.
  setMaxListeners(0, signal);
  const door = { ...context.door, ...createPoliteDoor(context.door, { ...how, signal, clock, sleep }) };
  const keeper = createMarkKeeper(context, marks);
  const tally = { answered: 0, failed: 0, put_off: 0 };
  const faults: ProbeSummary["faults"] = {};
  let done = 0;

  async function take(lane: Lane, endpoint: string): Promise<void> {
    const skipped = lane.unreached >= ENOUGH_IN_A_ROW;
    const fault = skipped ? lane.fault : await findFault(door, endpoint);
    // What is cut off in the middle says nothing.
    if (signal.aborted) return;
    lane.fault = fault;
    lane.unreached = isUnreached(fault) ? lane.unreached + 1 : 0;
    how.progress(++done, chosen.length);
    if (fault === "http_429") {
      tally.put_off += 1;
      return;
    }
    if (fault !== null) faults[fault] = (faults[fault] ?? 0) + 1;
    tally[fault === null ? "answered" : "failed"] += 1;
    await keeper.keep({ fhir_base_url: endpoint, fault, now: clock() });
  }
  async function work(lane: Lane): Promise<void> {
    for (let next = lane.endpoints.shift(); next !== undefined && !signal.aborted; next = lane.endpoints.shift()) {
      await take(lane, next);
    }
  }

  const working = lanesOf(chosen).flatMap((lane) => Array.from({ length: PER_HOST }, () => work(lane)));
  for (const one of working) one.catch(() => failure.abort());
  await Promise.allSettled(working);
  await Promise.all(working);
  const { became, nothing_answered } = await keeper.end();
  const states = { live: 0, unreachable: 0, retired: 0, unknown: 0 };
  for (const endpoint of endpoints) states[marks.get(endpoint)?.state ?? "unknown"] += 1;
  const [all, fresh, interrupted] = [endpoints.length, endpoints.length - due.length, how.signal.aborted];
  return { endpoints: all, states, fresh, ...tally, faults, became, nothing_answered, interrupted };
}

/** Why patients could not sign in there, a word of ours; null where they could. */
async function findFault(door: Door, endpoint: string): Promise<string | null> {
  const base = `${endpoint}/`;
  try {
    const found = await findOwnDocument(door, base);
    const configuration = found === "unchanged" ? null : readConfiguration(found.document, base);
    if (!configuration) return "no_endpoints";
    return endpointsAllowed(door, configuration) ? null : "blocked_endpoint";
  } catch (thrown) {
    if (!(thrown instanceof ConnectError) || thrown.reason === null) throw thrown;
    return thrown.reason.replace(/^discovery_/, "");
  }
}

function lanesOf(endpoints: readonly string[]): Lane[] {
  const lanes = new Map<string, Lane>();
  for (const endpoint of endpoints) {
    const { host } = new URL(endpoint);
    const lane = lanes.get(host);
    if (lane) lane.endpoints.push(endpoint);
    else lanes.set(host, { endpoints: [endpoint], unreached: 0, fault: null });
  }
  return [...lanes.values()];
}

// Else a small limit would try the same few again where none of them can be reached.
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal });
}
