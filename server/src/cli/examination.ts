/**
 * What `mb-connect doctor` looks at. Reads the host's options, the catalog, the host's own published keys and, for each
 * registration, one hospital's server; writes what a host's first sign-in there would write of discovery, and nothing else.
 */
import { createPublicKey, sign, verify } from "node:crypto";
import { ENDPOINTS } from "../../../shared/src/endpoints.ts";
import type { Context } from "../context.ts";
import { authorizationRequest } from "../smart/authorization-request.ts";
import type { SmartConfiguration } from "../smart/configuration.ts";
import { type Registration, redirectUri, registrationFor } from "../smart/registration.ts";
import { readActiveSources } from "../store/catalog.ts";
import { listRefused } from "../store/discovered.ts";
import type { SourceRow } from "../store/schema.ts";
import { type Check, clockCheck, faultCheck, methodCheck, pkceCheck } from "./server-checks.ts";

/** What was found of a registration, by trying one source. */
export interface RegistrationReport {
  registration: string;
  client_id: string;
  token_endpoint_auth_method: string;
  /** For the vendor's form. */
  redirect_uri: string;
  /** For the vendor's form, where the app proves itself by a key; else null. */
  jwks_uri: string | null;
  source: Pick<SourceRow, "id" | "name" | "fhir_base_url"> | null;
  /** As they would be asked for; empty where the server did not say enough. */
  scopes: string[];
  /** What `invalid_client` from there usually means. */
  invalid_client: string;
  checks: Check[];
}

/** All that was found. */
export interface Report {
  checks: Check[];
  registrations: RegistrationReport[];
}

/** Hospitals asked at once. */
const AT_ONCE = 8;
const SLICE = 1000;
const INVALID_CLIENT =
  "The server does not know the client id, or not with this way of proving itself: compare the client id, the method and the secret or keys with the vendor's form.";

/**
 * Examines a host's set-up.
 *
 * @param sources ids of sources to try; when empty, one of each registration
 */
export async function examine(context: Context, sources: readonly string[]): Promise<Report> {
  const { registrations } = context.configuration;
  const matches = await matchSources(context, new Set(sources));
  const checks: Check[] = [catalogCheck(matches), ...(await keyChecks(context))];
  const tried = [...registrations.values()].flatMap((registration): [Registration, Match, SourceRow | null][] => {
    const match = matches.get(registration.key) ?? { matching: 0, offered: 0, examples: [] };
    if (sources.length > 0) return match.examples.map((source) => [registration, match, source]);
    return [[registration, match, match.examples[0] ?? null]];
  });
  const reports: RegistrationReport[] = [];
  for (let at = 0; at < tried.length; at += AT_ONCE) {
    const asked = tried.slice(at, at + AT_ONCE);
    reports.push(...(await Promise.all(asked.map((one) => examineRegistration(context, ...one)))));
  }
  checks.push(...(await refusedChecks(context)));
  if (sources.length > 0 && reports.length === 0) {
    const todo = "Look the id up in GET connections; what a registration does not match is not offered.";
    checks.push({ mark: "fail", what: "source", says: "none of these ids can be offered", todo });
  }
  return { checks, registrations: reports };
}

/** The active sources that a registration matches, those of them that can be offered, and some to try. */
interface Match {
  matching: number;
  offered: number;
  examples: SourceRow[];
}

async function matchSources(context: Context, wanted: ReadonlySet<string>): Promise<Map<string, Match>> {
  const found = new Map<string, Match>();
  for (let after = ""; ; ) {
    const rows = await readActiveSources(context.db, after, SLICE);
    for (const row of rows) {
      const registration = registrationFor(context.configuration.registrations, row);
      if (!registration) continue;
      const match = found.get(registration.key) ?? { matching: 0, offered: 0, examples: [] };
      found.set(registration.key, match);
      match.matching += 1;
      if (!context.offered(row)) continue;
      match.offered += 1;
      if (wanted.size === 0 ? match.examples.length === 0 : wanted.has(row.id)) match.examples.push(row);
    }
    const last = rows.at(-1);
    if (!last || rows.length < SLICE) return found;
    after = last.id;
  }
}

function catalogCheck(matches: ReadonlyMap<string, Match>): Check {
  const offered = [...matches.values()].reduce((sum, match) => sum + match.offered, 0);
  const says = `sources that can be offered to patients: ${offered}`;
  if (offered > 0) return { mark: "ok", what: "catalog", says };
  const todo =
    "Import a list with mb-connect import, and see that a registration matches its vendor, brand or endpoint.";
  return { mark: "fail", what: "catalog", says, todo };
}

async function refusedChecks({ db }: Context): Promise<Check[]> {
  return (await listRefused(db)).map(({ fhir_base_url, refused_for, document, refused_document }) => ({
    mark: "fail",
    what: "change",
    says: `${fhir_base_url}: ${refused_for}, from ${endpointOf(document)} to ${endpointOf(refused_document)}; the answer before stays in use`,
    todo:
      refused_for === "endpoint_blocked"
        ? "Tell the hospital or its vendor: nothing is let out to an endpoint that it names."
        : `Ask the hospital or its vendor whether that is right; then: --accept-change ${fhir_base_url}`,
  }));
}

function endpointOf(document: string | null): string {
  const { token_endpoint } = JSON.parse(document ?? "{}") as { token_endpoint?: unknown };
  return typeof token_endpoint === "string" ? token_endpoint : "none";
}

async function keyChecks({ configuration, door }: Context): Promise<Check[]> {
  const { signingKeys } = configuration;
  if (signingKeys.length === 0) return [{ mark: "ok", what: "keys", says: "no registration signs" }];
  const url = configuration.publicUrl + ENDPOINTS.jwks;
  const answer = await door.request(url, { timeoutSeconds: 5 }).catch(() => null);
  if (!answer?.ok) {
    const says = `${url} cannot be read from here${answer ? ` (${answer.status})` : ""}`;
    const todo = "Start the host and try again; vendors must be able to read it from outside.";
    return [{ mark: "warn", what: "keys", says, todo }];
  }
  const published = readKeys(await answer.text());
  if (published.some((key) => ["d", "p", "q", "dp", "dq", "qi", "k"].some((member) => member in key))) {
    const todo = "Whatever answers there is not mb-connect: take it away, and rotate the keys.";
    return [{ mark: "fail", what: "keys", says: `${url} gives away private keys`, todo }];
  }
  return signingKeys.map((jwk): Check => {
    const known = published.find(({ kid }) => kid === jwk.kid);
    const signed = Buffer.from("mb-connect doctor");
    try {
      const signature = sign("sha384", signed, { key: jwk, format: "jwk" });
      const key = known && createPublicKey({ key: known, format: "jwk" });
      if (key && verify("sha384", signed, key, signature)) {
        return { mark: "ok", what: "keys", says: `${jwk.kid} (${jwk.alg}) signs, and is published` };
      }
    } catch {
      // Said below: such a key is of no use either.
    }
    const todo = "Restart the host with these options: it publishes the keys that it was started with.";
    return { mark: "fail", what: "keys", says: `${jwk.kid} is not what ${url} publishes`, todo };
  });
}

function readKeys(text: string): Record<string, string>[] {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) ? keys.filter((key) => typeof key === "object" && key !== null) : [];
  } catch {
    return [];
  }
}

async function examineRegistration(
  context: Context,
  registration: Registration,
  { matching, offered }: Match,
  source: SourceRow | null,
): Promise<RegistrationReport> {
  const { publicUrl } = context.configuration;
  const { client_id, token_endpoint_auth_method } = registration.credentials;
  const report: RegistrationReport = {
    registration: registration.key,
    client_id,
    token_endpoint_auth_method,
    redirect_uri: redirectUri(publicUrl, registration.redirect_path),
    jwks_uri: token_endpoint_auth_method === "private_key_jwt" ? publicUrl + ENDPOINTS.jwks : null,
    source: source && { id: source.id, name: source.name, fhir_base_url: source.fhir_base_url },
    scopes: [],
    invalid_client: (source && context.vendors.of(source.type)?.invalid_client) ?? INVALID_CLIENT,
    checks: [],
  };
  const says = `${matching} match, ${offered} of them can be offered`;
  if (!source?.fhir_base_url) {
    const todo =
      matching === 0
        ? "Import the list that holds them, or mend what the registration matches."
        : "They are not FHIR R4, or their addresses are not public: nothing to try.";
    report.checks.push({ mark: "fail", what: "sources", says, todo });
    return report;
  }
  report.checks.push({ mark: "ok", what: "sources", says });
  await examineServer(context, registration, { ...source, fhir_base_url: source.fhir_base_url }, report);
  return report;
}

async function examineServer(
  context: Context,
  registration: Registration,
  source: SourceRow & { fhir_base_url: string },
  report: RegistrationReport,
): Promise<void> {
  const { checks } = report;
  let configuration: SmartConfiguration;
  try {
    checks.push(await clockCheck(context, source.fhir_base_url));
    configuration = await context.discovery.rediscover(source.fhir_base_url);
    checks.push({ mark: "ok", what: "discovery", says: "the server says where patients sign in" });
    const hosts = [configuration.authorization_endpoint, configuration.token_endpoint].map((url) => new URL(url).host);
    checks.push({ mark: "ok", what: "endpoints", says: `${[...new Set(hosts)].join(", ")} may be called` });
  } catch (thrown) {
    checks.push(faultCheck(thrown));
    return;
  }
  const profile = context.profiles.of(source, registration.profile);
  const client = { ...registration.credentials, basic_encoding: profile.basic_encoding };
  try {
    const { redirect_uri } = report;
    const { fhir_base_url } = source;
    const request = { configuration, profile, registration: registration.key, client, redirect_uri, fhir_base_url };
    report.scopes = (await authorizationRequest({ ...request, plan: "whole" })).snapshot.scopes;
    checks.push(pkceCheck(configuration));
  } catch (thrown) {
    checks.push(faultCheck(thrown));
  }
  checks.push(methodCheck(configuration, client));
}
