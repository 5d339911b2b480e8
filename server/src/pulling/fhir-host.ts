/**
 * How a FHIR server's host is spared: left alone where it asks for that, or fails again and again; and then tried by one request
 * before others follow. Reads and writes the host's row, which all processes share; what concerns this one is heeded at once.
 */
import type { Context } from "../context.ts";
import type { PaceLimits } from "../fhir/pace.ts";
import { countFhirFailure, pauseFhirHost } from "../store/fhir-hosts.ts";
import type { FhirHostRow } from "../store/schema.ts";

/** So many failures in a row, and the host is left alone: after searches a minute, doubling to an hour with each further one. */
export const MOST_FAILURES = 5;
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

type Tools = Pick<Context, "clock" | "db" | "pace">;

/** The names that a request to a host takes its turn at. */
export function turnsOf(host: string, source_id: string): string[] {
  return [hostTurn(host), `source ${source_id}`];
}

/** What a host bears, as it stands: of one that has failed so often a single request tells whether it still does. */
export function limitsAt(row: FhirHostRow | undefined, { rps, concurrency }: PaceLimits): PaceLimits {
  return { rps, concurrency: (row?.failures ?? 0) >= MOST_FAILURES ? 1 : concurrency };
}

/** Leaves a host alone until a time. */
export async function pauseHost({ db, pace }: Tools, host: string, until: number): Promise<void> {
  pace.pause(hostTurn(host), until);
  await pauseFhirHost(db, host, until);
}

/** Counts a search or a read that a host failed to answer, and leaves it alone where those are too many. */
export async function countFailure(tools: Tools, host: string): Promise<void> {
  const failures = await countFhirFailure(tools.db, host);
  if (failures < MOST_FAILURES) return;
  const wait = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - MOST_FAILURES, 20), LONGEST_PAUSE_MS);
  await pauseHost(tools, host, tools.clock() + wait);
}

function hostTurn(host: string): string {
  return `host ${host}`;
}
