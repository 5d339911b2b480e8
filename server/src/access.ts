/**
 * Access to a connection's records, when it is needed: an access token that lasts, refreshed first where it does not. Reads a
 * connection; what a refresh leaves on it stands in `renewal.ts`.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "./context.ts";
import { ConnectError } from "./errors.ts";
import { type FhirBytes, fetchFhir } from "./fhir/client.ts";
import { openTokens, renew } from "./renewal.ts";
import { connectionAt, endConnection, findConnection } from "./store/connections.ts";

/** An access token with less than this left is refreshed before it is used. */
const LEAST_LEFT_MS = 60_000;
/** How often, and for how long, one waits for another's refresh: a little longer than a token request takes. */
const WAIT_MS = 100;
const WAITS = 200;
/** Of a refusal so many bytes are looked at. */
const LONGEST_WORDS = 64 * 1024;

/** What a connection's records are read with. */
export interface Access {
  access_token: string;
  fhir_base_url: string;
  fhir_patient_id: string;
  /** Scopes as granted. */
  scopes: string[];
  /** Which tokens these are; to name those that a FHIR server refused. */
  generation: number;
}

/**
 * Access to a connection, with a minute left at the least wherever the hospital gives as much.
 *
 * @param refused the `generation` of an access that the FHIR server answered with 401: another one is fetched
 * @throws {ConnectError} `token_unavailable` when the connection has ended and the patient must connect again;
 *   `token_exchange_failed` when there is no access just now
 */
export async function access(context: Context, connection_id: string, refused?: number): Promise<Access> {
  for (let waits = 0; ; waits++) {
    const found = await findConnection(context.db, connection_id);
    const now = context.clock();
    const row = found && connectionAt(found, now);
    const tokens = row?.status === "active" ? openTokens(context, row) : null;
    if (!row || !tokens) throw new ConnectError("token_unavailable", { reason: row?.status ?? "deleted" });
    const usable: Access = {
      access_token: tokens.access_token,
      fhir_base_url: row.fhir_base_url,
      fhir_patient_id: row.fhir_patient_id,
      scopes: JSON.parse(row.scopes),
      generation: row.token_generation,
    };
    const left = row.token_generation === refused ? 0 : (row.access_expires_at ?? 0) - now;
    if (left >= LEAST_LEFT_MS || (!row.renewable && left > 0)) return usable;
    if (!row.renewable) throw new ConnectError("token_unavailable", { reason: "not_renewable" });
    const renewal = await renew(context, row);
    if (renewal.outcome === "later") {
      if (left > 0) return usable;
      throw new ConnectError("token_exchange_failed", { reason: renewal.reason });
    }
    if (renewal.outcome !== "busy") continue;
    if (waits === WAITS) throw new ConnectError("token_exchange_failed", { reason: "refresh_under_way" });
    await delay(WAIT_MS);
  }
}

/**
 * GET a URL below a connection's FHIR base, as it comes. A 401 is answered by one refresh and one more try; a hospital that
 * says that the grant itself is over ends the connection as `expired`.
 *
 * @throws {ConnectError} as `access` does
 * @throws {DoorError} as `fetchFhir` does
 */
export async function fetchConnection(
  context: Context,
  connection_id: string,
  url: URL,
  request: { accept: string; signal?: AbortSignal },
): Promise<FhirBytes> {
  const first = await access(context, connection_id);
  const answer = await fetchFhir(context.door, first, url, request);
  if (answer.status === 401 && !(await isFresh(context, connection_id))) {
    return fetchFhir(context.door, await access(context, connection_id, first.generation), url, request);
  }
  if (answer.status === 404 && saysGrantIsOver(answer.bytes.toString("utf8", 0, LONGEST_WORDS))) {
    const row = { id: connection_id, token_generation: first.generation };
    await endConnection(context.db, row, { status: "expired" }, context.clock());
    throw new ConnectError("token_unavailable", { reason: "grant_over" });
  }
  return answer;
}

/** True where the access was renewed but now, and may not be again so soon: a 401 then is about what was asked for. */
async function isFresh(context: Context, connection_id: string): Promise<boolean> {
  const row = await findConnection(context.db, connection_id);
  return row?.refused_refreshes === 0 && (row.refresh_after ?? 0) > context.clock();
}

// Blue Button answers so, and not with 401, once the patient's grant has run out or was taken back.
function saysGrantIsOver(words: string): boolean {
  return /data access grant/i.test(words);
}
