/**
 * A FHIR R4 server: records go as transactions of conditional updates. What they refer to is asked of the server itself, which
 * alone knows what it still has. A record that the server refuses is told from its neighbours by halving, and does not hold
 * them up.
 */
import { type Door, DoorError } from "../fetch.ts";
import { type Batch, type Destination, DestinationError, type HandedOver, type HandedRecord } from "./destination.ts";
import {
  keyOfRecord,
  namesOf,
  type Origin,
  type RecordKey,
  recordName,
  referencesIn,
  searchFor,
  transactionOf,
  typeOf,
} from "./transaction.ts";

const LIMITS = { records: 100, bytes: 4 * 1024 * 1024 };
const FHIR_JSON = "application/fhir+json";
const LARGEST_ANSWER = 32 * 1024 * 1024;
const TIMEOUT_SECONDS = 60;
/** Names in one search; its URL stays below 4 kB. */
const NAMES_AT_ONCE = 20;
/** Ids that are remembered while one job runs. */
const MOST_REMEMBERED = 20_000;
/** A batch of more than this of which nothing is taken is not a matter of the records. */
const MOST_REFUSED_ALONE = 10;

/** The statuses that speak of the resources sent rather than of the server or of who sends. */
const REFUSALS: ReadonlySet<number> = new Set([400, 412, 413, 422]);

/** How the server is asked. `null` secrets: it asks nobody who they are. */
export type FhirSecrets = { bearer_token: string } | { username: string; password: string } | null;

/**
 * @param door lets through what the operator chose
 * @param url the server's base
 */
export function fhirServer(door: Door, url: string, secrets: FhirSecrets): Destination {
  const base = url.replace(/\/+$/, "");
  const authorization = authorizationOf(secrets);
  const ids = new Map<string, string>();

  async function send(
    path: string,
    body: string | null,
    signal?: AbortSignal,
  ): Promise<{ status: number; json: unknown }> {
    const response = await door.request(`${base}${path}`, {
      headers: {
        accept: FHIR_JSON,
        ...(authorization === null ? {} : { authorization }),
        ...(body === null ? {} : { "content-type": FHIR_JSON, prefer: "return=minimal" }),
      },
      ...(body === null ? {} : { method: "POST", body }),
      ...(signal ? { signal } : {}),
      timeoutSeconds: TIMEOUT_SECONDS,
      maxBytes: LARGEST_ANSWER,
      maxRedirects: 0,
    });
    const text = await response.text();
    return { status: response.status, json: parsed(text) };
  }

  /** Asks the server for its ids of what is referred to and is not remembered. */
  async function lookUp(keys: Iterable<RecordKey>, origin: Origin, signal: AbortSignal): Promise<void> {
    // Before anything is counted on: what is forgotten is asked for again.
    if (ids.size > MOST_REMEMBERED) ids.clear();
    const byType = new Map<string, string[]>();
    for (const key of keys) {
      const name = recordName(origin, key);
      const type = typeOf(key);
      if (!ids.has(name)) byType.set(type, [...(byType.get(type) ?? []), name]);
    }
    for (const [type, names] of byType) {
      for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
        const search = searchFor(type, names.slice(from, from + NAMES_AT_ONCE));
        const { status, json } = await send(`/${search}&_count=${2 * NAMES_AT_ONCE}`, null, signal);
        // A server that does not keep the type at all has none of them.
        if ([400, 403, 404, 405, 501].includes(status)) break;
        if (status !== 200) throw unusable(status);
        for (const { resource } of entriesOf(json)) {
          const { resourceType, id } = (resource ?? {}) as { resourceType?: unknown; id?: unknown };
          if (resourceType === type && typeof id === "string") for (const name of namesOf(resource)) ids.set(name, id);
        }
      }
    }
  }

  /** Sends records in one transaction, or in two where the server refuses it; answers how many it refused in the end. */
  async function take(records: readonly HandedRecord[], origin: Origin, signal: AbortSignal): Promise<number> {
    const within = new Set(records.map(keyOfRecord));
    const beyond = new Set(
      records.flatMap(({ text }) => [...referencesIn(text, origin)]).filter((key) => !within.has(key)),
    );
    await lookUp(beyond, origin, signal);
    const transaction = transactionOf(records, origin, (key) => ids.get(recordName(origin, key)));
    const { status, json } = await send("", transaction, signal);
    if (REFUSALS.has(status)) {
      if (records.length === 1) return 1;
      const half = Math.ceil(records.length / 2);
      return (await take(records.slice(0, half), origin, signal)) + (await take(records.slice(half), origin, signal));
    }
    if (status !== 200) throw unusable(status);
    const entries = entriesOf(json);
    if (entries.length !== records.length) throw unreadable();
    // A transaction stands or falls as one; a server that takes it for a batch says so for each entry.
    const statuses = entries.map(({ response }) => Number.parseInt(String(response?.status), 10));
    const worst = statuses.find((one) => !(one >= 200 && one < 300) && !REFUSALS.has(one));
    if (worst !== undefined) throw Number.isNaN(worst) ? unreadable() : unusable(worst);
    for (const [index, { response }] of entries.entries()) {
      const record = records[index] as HandedRecord;
      const id = new RegExp(`(?:^|/)${record.type}/([^/]+)`).exec(String(response?.location))?.[1];
      if (id) ids.set(recordName(origin, keyOfRecord(record)), id);
    }
    return statuses.filter((one) => REFUSALS.has(one)).length;
  }

  async function handOver({ records, connection_id, fhir_base_url }: Batch, signal: AbortSignal): Promise<HandedOver> {
    const refused = await take(records, { connection_id, fhir_base_url }, signal);
    if (refused === records.length && refused > MOST_REFUSED_ALONE) {
      throw new DestinationError("everything_refused", "The server refuses every record: see what it validates", "url");
    }
    return { refused };
  }

  async function tryOut(): Promise<void> {
    const { status, json } = await send("/metadata", null);
    const { resourceType, fhirVersion } = (json ?? {}) as { resourceType?: unknown; fhirVersion?: unknown };
    if (status === 200 && (resourceType !== "CapabilityStatement" || !/^4\.0/.test(String(fhirVersion)))) {
      throw new DestinationError("not_r4", "There is no FHIR R4 server here: check the url, which is the base", "url");
    }
    // Some tell of themselves only to those who may come in; what counts is that they take a transaction.
    if (status !== 200 && status !== 401 && status !== 403) throw unusable(status);
    const asked = {
      resourceType: "Bundle",
      type: "transaction",
      entry: [{ request: { method: "GET", url: searchFor("Patient", ["none"]) } }],
    };
    const answer = await send("", JSON.stringify(asked));
    if (answer.status !== 200) throw unusable(answer.status);
    const [entry] = entriesOf(answer.json);
    if (!/^2/.test(String(entry?.response?.status))) throw unreadable();
  }

  return {
    limits: LIMITS,
    test: () => tryOut().catch(refuse),
    handOver: (batch, signal) => handOver(batch, signal).catch(refuse),
  };
}

function authorizationOf(secrets: FhirSecrets): string | null {
  if (secrets === null) return null;
  if ("bearer_token" in secrets) return `Bearer ${secrets.bearer_token}`;
  return `Basic ${Buffer.from(`${secrets.username}:${secrets.password}`).toString("base64")}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

interface Entry {
  resource?: unknown;
  response?: { status?: unknown; location?: unknown };
}

function entriesOf(json: unknown): Entry[] {
  const { resourceType, entry } = (json ?? {}) as { resourceType?: unknown; entry?: unknown };
  if (resourceType !== "Bundle") throw unreadable();
  return Array.isArray(entry) ? entry.filter((one) => typeof one === "object" && one !== null) : [];
}

function unreadable(): DestinationError {
  return new DestinationError("unreadable", "The server's answer is none to a FHIR transaction: check the url", "url");
}

function unusable(status: number): DestinationError {
  const advice =
    status === 401 || status === 403
      ? "check the credentials, and that they may search, create and update"
      : status === 404 || status === 405 || status === 501
        ? "check that the url is its base, and that it takes transactions"
        : "try again when it is well";
  return new DestinationError(`http_${status}`, `The server answered ${status}: ${advice}`, "url");
}

function refuse(thrown: unknown): never {
  if (!(thrown instanceof DoorError)) throw thrown;
  const message = `The server cannot be reached (${thrown.reason}): check the url and the network`;
  throw new DestinationError(thrown.reason, message, "url");
}
