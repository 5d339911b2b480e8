/**
 * One request of a pull: at the pace that the server bears, not while it asks to be left alone or fails, with access that is
 * renewed when it must be. Reads the host's row; leaves on it what the server asked for and how it failed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { fetchConnection } from "../access.ts";
import type { Context } from "../context.ts";
import { DoorError } from "../fetch.ts";
import type { Subject } from "../fhir/page.ts";
import { retryAfter } from "../retry-after.ts";
import type { SourceProfile } from "../smart/source-profile.ts";
import { findFhirHost, forgetFhirFailures } from "../store/fhir-hosts.ts";
import type { PullRun } from "../store/pulls.ts";
import type { KeptForm } from "../store/records.ts";
import type { ConnectionRow, FhirHostRow } from "../store/schema.ts";
import { countFailure, limitsAt, pauseHost, turnsOf } from "./fhir-host.ts";

/** A job's hold on a pull, and all that its requests need. */
export interface Pulling {
  context: Context;
  connection: ConnectionRow;
  profile: SourceProfile;
  subject: Subject;
  run: PullRun;
  form: KeptForm;
  /** References that were noted, and those that were read, as `Type/id`. */
  known: { noted: Set<string>; read: Set<string> };
  /** What is known of the host, and since when. */
  host: { row: FhirHostRow | undefined; read_at: number };
  /** When the job hands on to the next. */
  deadline: number;
  signal: AbortSignal;
}

/**
 * What came of a request. `answer`: below 500, to be judged. `later`: not before then; nothing is wrong with the request.
 * `fault`: no answer, or one of 5xx or 429 with no word of when; `lasting` where another try would end alike.
 */
export type Answer =
  | { outcome: "answer"; status: number; bytes: Buffer }
  | { outcome: "later"; at: number }
  | { outcome: "fault"; reason: string; throttled: boolean; lasting: boolean };

const HOUR_MS = 3_600_000;
/** A turn that comes within this is waited for. */
const SHORT_MS = 500;
/** What is known of a host is read again after this: other workers may know more. */
const HOST_KNOWN_MS = 1000;

/**
 * GET a URL below the connection's FHIR base.
 *
 * @throws {ConnectError} `token_unavailable` when the connection has ended, `token_exchange_failed` when there is no access
 *   just now
 */
export async function ask(pulling: Pulling, url: URL): Promise<Answer> {
  const { context, connection, profile, signal } = pulling;
  const paused = await pausedUntil(pulling);
  if (paused > context.clock()) return { outcome: "later", at: paused };
  const turn = await takeTurn(pulling);
  if ("at" in turn) return { outcome: "later", at: turn.at };
  try {
    const answer = await fetchConnection(context, connection.id, url, { accept: profile.fhir.accept, signal });
    return await judge(pulling, answer.status, answer.headers, answer.bytes);
  } catch (thrown) {
    // A request that was broken off because the job must stop says nothing of the server.
    if (signal.aborted || !(thrown instanceof DoorError)) throw thrown;
    const lasting = /^(blocked|too_)/.test(thrown.reason);
    if (!lasting) await failed(pulling);
    return { outcome: "fault", reason: thrown.reason, throttled: false, lasting };
  } finally {
    turn.release();
  }
}

async function judge(pulling: Pulling, status: number, headers: Headers, bytes: Buffer): Promise<Answer> {
  const { context, subject, host } = pulling;
  if (status === 429 || status === 503) {
    const now = context.clock();
    const wait = retryAfter(headers.get("retry-after"), now, HOUR_MS);
    if (wait > 0) {
      await pauseHost(context, hostOf(subject), now + wait);
      host.read_at = 0;
      return { outcome: "later", at: now + wait };
    }
  }
  // 501 is an answer to the question: not here.
  if (status >= 500 && status !== 501) await failed(pulling);
  else if (host.row && host.row.failures > 0) {
    await forgetFhirFailures(context.db, hostOf(subject));
    host.read_at = 0;
  }
  const broken = status === 429 || (status >= 500 && status !== 501);
  if (broken)
    return { outcome: "fault", reason: `http_${status}`, throttled: status === 429 || status === 503, lasting: false };
  return { outcome: "answer", status, bytes };
}

async function pausedUntil(pulling: Pulling): Promise<number> {
  const { context, subject, host } = pulling;
  const now = context.clock();
  if (now - host.read_at >= HOST_KNOWN_MS) {
    host.row = await findFhirHost(context.db, hostOf(subject));
    host.read_at = now;
  }
  return host.row?.paused_until ?? 0;
}

async function takeTurn(pulling: Pulling) {
  const { context, connection, profile, subject, host, deadline, signal } = pulling;
  const names = turnsOf(hostOf(subject), connection.source_id);
  const limits = limitsAt(host.row, profile.fhir);
  for (;;) {
    signal.throwIfAborted();
    const now = context.clock();
    const turn = context.pace.take(names, limits, now);
    if (!("at" in turn)) return turn;
    if (turn.at - now > SHORT_MS || now >= deadline) return turn;
    await delay(turn.at - now, undefined, { signal });
  }
}

async function failed({ context, subject, host }: Pulling): Promise<void> {
  await countFailure(context, hostOf(subject));
  host.read_at = 0;
}

function hostOf({ base }: Subject): string {
  return new URL(base).host;
}
