/**
 * Discovery: what a source's server says of its authorization. Reads `.well-known/smart-configuration`, or, where a server
 * of the first SMART generation has none, the `oauth-uris` of its CapabilityStatement.
 *
 * @see SMART App Launch 2.2, "Conformance"
 */
import { z } from "zod";
import { ConnectError } from "../errors.ts";
import { type Door, DoorError } from "../fetch.ts";

/** What was discovered. Endpoints are absolute; lists that a server left out are empty. */
export interface SmartConfiguration {
  /** The server's issuer, or null where it names none. */
  issuer: string | null;
  authorization_endpoint: string;
  token_endpoint: string;
  revocation_endpoint: string | null;
  jwks_uri: string | null;
  id_token_signing_alg_values_supported: string[];
  token_endpoint_auth_methods_supported: string[];
  code_challenge_methods_supported: string[];
  capabilities: string[];
  scopes_supported: string[];
  authorization_response_iss_parameter_supported: boolean;
}

/** Discovers sources' servers and remembers the answers for an hour. */
export interface Discovery {
  /**
   * @param fhirBaseUrl as catalogued
   * @throws {ConnectError} `oauth_error` with the reason, when there is no usable answer
   */
  discover(fhirBaseUrl: string): Promise<SmartConfiguration>;
}

const MEMORY_MS = 60 * 60 * 1000;
const MEMORY_ENTRIES = 1000;
const OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

/** Makes a discovery with a memory of its own. Requests for one base at the same time share one answer. */
export function createDiscovery(door: Door, clock: () => number): Discovery {
  const memory = new Map<string, { at: number; answer: Promise<SmartConfiguration> }>();
  return {
    discover(fhirBaseUrl) {
      const known = memory.get(fhirBaseUrl);
      if (known && clock() - known.at < MEMORY_MS) return known.answer;
      const answer = discover(door, fhirBaseUrl);
      memory.delete(fhirBaseUrl);
      memory.set(fhirBaseUrl, { at: clock(), answer });
      const [oldest] = memory.keys();
      if (memory.size > MEMORY_ENTRIES && oldest !== undefined) memory.delete(oldest);
      // A failure is never remembered.
      answer.catch(() => memory.delete(fhirBaseUrl));
      return answer;
    },
  };
}

async function discover(door: Door, fhirBaseUrl: string): Promise<SmartConfiguration> {
  const base = `${fhirBaseUrl.replace(/\/+$/, "")}/`;
  const found =
    (await getJson(door, `${base}.well-known/smart-configuration`, "application/json")) ??
    capabilityConfiguration(await getJson(door, `${base}metadata`, "application/fhir+json, application/json"));
  const configuration = readConfiguration(found, base);
  if (!configuration) throw discoveryFault("no_endpoints");
  if (![configuration.authorization_endpoint, configuration.token_endpoint].every((url) => door.allows(url))) {
    throw discoveryFault("blocked_endpoint");
  }
  return configuration.jwks_uri || !configuration.issuer ? configuration : withIssuerMetadata(door, configuration);
}

/** The JSON of a URL; null where the server has none there (a 4xx, or an answer that is no JSON). */
async function getJson(door: Door, url: string, accept: string): Promise<unknown> {
  let response: Response;
  try {
    response = await door.request(url, { headers: { accept }, maxBytes: 8 * 1024 * 1024 });
  } catch (cause) {
    throw discoveryFault(cause instanceof DoorError ? cause.reason : "unreachable");
  }
  if (response.status >= 500 || response.status === 429) throw discoveryFault(`http_${response.status}`);
  if (response.status >= 400) return null;
  try {
    return JSON.parse((await response.text()).replace(/^\uFEFF/, ""));
  } catch {
    return null;
  }
}

/** A CapabilityStatement's `oauth-uris` in the shape of a smart-configuration; null where it has none. */
function capabilityConfiguration(statement: unknown): unknown {
  const uris = (statement as CapabilityStatement | null)?.rest
    ?.flatMap?.((rest) => rest?.security?.extension ?? [])
    .find((extension) => extension?.url === OAUTH_URIS)?.extension;
  if (!Array.isArray(uris)) return null;
  const uri = (name: string): string | undefined => uris.find((one) => one?.url === name)?.valueUri;
  return { authorization_endpoint: uri("authorize"), token_endpoint: uri("token"), revocation_endpoint: uri("revoke") };
}

interface CapabilityStatement {
  rest?: {
    security?: { extension?: { url?: string; extension?: { url?: string; valueUri?: string }[] }[] };
  }[];
}

const loose = <T extends z.ZodType>(type: T) => type.optional().catch(undefined);
const loosely = z.object({
  issuer: loose(z.string()),
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  revocation_endpoint: loose(z.string()),
  jwks_uri: loose(z.string()),
  id_token_signing_alg_values_supported: loose(z.array(z.string())),
  token_endpoint_auth_methods_supported: loose(z.array(z.string())),
  code_challenge_methods_supported: loose(z.array(z.string())),
  capabilities: loose(z.array(z.string())),
  scopes_supported: loose(z.array(z.string())),
  authorization_response_iss_parameter_supported: loose(z.boolean()),
});

/**
 * Reads a smart-configuration document: two endpoints are needed, all else may be missing or odd.
 *
 * @param document parsed JSON of whatever a server sent
 * @param base the FHIR base with a slash at its end, which relative endpoints start from
 * @returns null where the two endpoints are not there
 */
export function readConfiguration(document: unknown, base: string): SmartConfiguration | null {
  const parsed = loosely.safeParse(document);
  if (!parsed.success) return null;
  const { data } = parsed;
  const authorization_endpoint = absolute(data.authorization_endpoint, base);
  const token_endpoint = absolute(data.token_endpoint, base);
  if (!authorization_endpoint || !token_endpoint) return null;
  return {
    issuer: data.issuer ?? null,
    authorization_endpoint,
    token_endpoint,
    revocation_endpoint: absolute(data.revocation_endpoint, base),
    jwks_uri: absolute(data.jwks_uri, base),
    id_token_signing_alg_values_supported: data.id_token_signing_alg_values_supported ?? [],
    token_endpoint_auth_methods_supported: data.token_endpoint_auth_methods_supported ?? [],
    code_challenge_methods_supported: data.code_challenge_methods_supported ?? [],
    capabilities: data.capabilities ?? [],
    scopes_supported: data.scopes_supported ?? [],
    authorization_response_iss_parameter_supported: data.authorization_response_iss_parameter_supported ?? false,
  };
}

function absolute(url: string | undefined, base: string): string | null {
  if (!url) return null;
  try {
    return new URL(url, base).href;
  } catch {
    return null;
  }
}

// A smart-configuration often names an issuer and neither its keys nor its algorithms; those stand at the issuer. That the
// issuer answers nothing useful is no fault: the id_token then stays unverified.
async function withIssuerMetadata(door: Door, configuration: SmartConfiguration): Promise<SmartConfiguration> {
  const url = `${(configuration.issuer ?? "").replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const found = (await getJson(door, url, "application/json").catch(() => null)) as Record<string, unknown> | null;
  if (!found || found.issuer !== configuration.issuer || typeof found.jwks_uri !== "string") return configuration;
  const algorithms = z.array(z.string()).safeParse(found.id_token_signing_alg_values_supported);
  return {
    ...configuration,
    jwks_uri: absolute(found.jwks_uri, url),
    id_token_signing_alg_values_supported: algorithms.success
      ? algorithms.data
      : configuration.id_token_signing_alg_values_supported,
  };
}

function discoveryFault(reason: string): ConnectError {
  return new ConnectError("oauth_error", { reason: `discovery_${reason}` });
}
