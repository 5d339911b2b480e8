/**
 * When a source's server is asked what it says of its authorization, and what of it is believed: answers are remembered,
 * the last good one is kept in the table `discovered`, and a change that an attacker would make waits there for an operator.
 *
 * @see RFC 9700 sections 4.4 and 4.8
 */
import type { Door } from "../fetch.ts";
import type { Db } from "../store/database.ts";
import { findDiscovered, keepDiscovered, refuseDiscovered } from "../store/discovered.ts";
import type { DiscoveredRow } from "../store/schema.ts";
import {
  discoveryFault,
  type FoundDocument,
  findDocument,
  readConfiguration,
  type SmartConfiguration,
} from "./configuration.ts";

/** Discovers sources' servers, remembers the answers for an hour, and keeps the last good one of each. */
export interface Discovery {
  /**
   * What a source's server says, from memory where it said it within the hour. A server that is down, or answers without
   * endpoints, is taken at its last good answer. One that has moved its endpoints to another origin, or advertises S256 no
   * more, is not believed until an operator accepts it: the answer before stays in use, and the change is logged and kept.
   * An endpoint where nothing is let out to is refused likewise, and cannot be accepted.
   *
   * @param fhirBaseUrl as catalogued
   * @throws {ConnectError} `oauth_error` with the reason, when there is no usable answer
   */
  discover(fhirBaseUrl: string): Promise<SmartConfiguration>;
  /**
   * Asks anew, for a caller whom an endpoint refused with `invalid_client` or a 404; within a minute of the last asking it
   * answers as `discover` does.
   */
  rediscover(fhirBaseUrl: string): Promise<SmartConfiguration>;
}

const FRESH_MS = 60 * 60 * 1000;
/** How long a server that is down, and one that has just been asked anew, is left in peace. */
const PEACE_MS = 60 * 1000;
const MEMORY_ENTRIES = 1000;

/** What discovery works with. */
interface Surroundings {
  door: Door;
  db: Db;
  logger: { error(fields: object, message: string): void };
  /** Milliseconds since 1970. */
  clock: () => number;
}

/** An answer in memory; `until` is set when it is there. */
interface Remembered {
  answer: Promise<SmartConfiguration>;
  askedAt: number;
  until: number;
}

/** Makes a discovery with a memory of its own. Requests for one base at the same time share one answer. */
export function createDiscovery(surroundings: Surroundings): Discovery {
  const { clock } = surroundings;
  const memory = new Map<string, Remembered>();

  function ask(fhirBaseUrl: string, kept: "fresh" | "any"): Promise<SmartConfiguration> {
    const now = clock();
    const asked = discover(surroundings, fhirBaseUrl.replace(/\/+$/, ""), kept);
    const entry: Remembered = {
      answer: asked.then(({ configuration }) => configuration),
      askedAt: now,
      until: Infinity,
    };
    memory.delete(fhirBaseUrl);
    memory.set(fhirBaseUrl, entry);
    const [oldest] = memory.keys();
    if (memory.size > MEMORY_ENTRIES && oldest !== undefined) memory.delete(oldest);
    asked.then(
      ({ until }) => {
        entry.until = until;
      },
      // A failure is never remembered.
      () => {
        if (memory.get(fhirBaseUrl) === entry) memory.delete(fhirBaseUrl);
      },
    );
    return entry.answer;
  }

  return {
    discover(fhirBaseUrl) {
      const known = memory.get(fhirBaseUrl);
      return known && clock() < known.until ? known.answer : ask(fhirBaseUrl, "fresh");
    },
    rediscover(fhirBaseUrl) {
      const known = memory.get(fhirBaseUrl);
      return known && clock() - known.askedAt < PEACE_MS ? known.answer : ask(fhirBaseUrl, "any");
    },
  };
}

/** @param kept `fresh`: what another process learned within the hour will do. `any`: the server is asked */
async function discover(
  { door, db, logger, clock }: Surroundings,
  fhir_base_url: string,
  kept: "fresh" | "any",
): Promise<{ configuration: SmartConfiguration; until: number }> {
  const base = `${fhir_base_url}/`;
  const now = clock();
  const row = await findDiscovered(db, fhir_base_url);
  const stored = row ? readConfiguration(JSON.parse(row.document), base) : null;
  const before = stored && endpointsAllowed(door, stored) ? stored : null;
  if (row && before && kept === "fresh" && now - row.checked_at < FRESH_MS) {
    return { configuration: before, until: row.checked_at + FRESH_MS };
  }
  let found: FoundDocument | "unchanged";
  try {
    found = await findDocument(door, base, before && row);
  } catch (thrown) {
    if (!before) throw thrown;
    return { configuration: before, until: now + PEACE_MS };
  }
  if (found === "unchanged" && row && before) {
    await keepDiscovered(db, { ...row, checked_at: now });
    return { configuration: before, until: now + FRESH_MS };
  }
  if (found === "unchanged") throw discoveryFault("no_endpoints");
  const configuration = readConfiguration(found.document, base);
  if (!configuration) {
    // Such as a maintenance page with the status of a good answer.
    if (before) return { configuration: before, until: now + PEACE_MS };
    throw discoveryFault("no_endpoints");
  }
  const blocked = !endpointsAllowed(door, configuration);
  if (blocked && !before) throw discoveryFault("blocked_endpoint");
  const document = JSON.stringify(found.document);
  const refused_for = before && (blocked ? "endpoint_blocked" : changeToRefuse(before, configuration));
  if (before && refused_for) {
    await refuseDiscovered(db, fhir_base_url, { document, refused_for, now });
    const was = new URL(before.token_endpoint).origin;
    const is = new URL(configuration.token_endpoint).origin;
    logger.error({ fhir_base_url, refused_for, was, is }, "A hospital's server changed what must not change by itself");
    return { configuration: before, until: now + FRESH_MS };
  }
  const { etag, last_modified } = found;
  await keepDiscovered(db, { fhir_base_url, document, etag, last_modified, checked_at: now });
  return { configuration, until: now + FRESH_MS };
}

/** What must not change without an operator: where codes and proofs are sent, where patients sign in, and PKCE (RFC 9700 section 4.8). */
function changeToRefuse(before: SmartConfiguration, now: SmartConfiguration): DiscoveredRow["refused_for"] {
  const moved = (name: "token_endpoint" | "authorization_endpoint"): boolean =>
    new URL(before[name]).origin !== new URL(now[name]).origin;
  if (moved("token_endpoint")) return "token_endpoint_moved";
  if (moved("authorization_endpoint")) return "authorization_endpoint_moved";
  const s256 = ({ code_challenge_methods_supported: methods }: SmartConfiguration): boolean => methods.includes("S256");
  return s256(before) && !s256(now) ? "s256_dropped" : null;
}

/** Whether the door would let out to both endpoints. */
export function endpointsAllowed(door: Door, configuration: SmartConfiguration): boolean {
  return [configuration.authorization_endpoint, configuration.token_endpoint].every((url) => door.allows(url));
}
