/**
 * Discovery: what a source's server says of its authorization. Reads `.well-known/smart-configuration`, or, where a server
 * of the first SMART generation has none, the `oauth-uris` of its CapabilityStatement.
 *
 * @see SMART App Launch 2.2, "Conformance"
 */
import { z } from "zod";
import { ConnectError } from "../errors.ts";
import { type Door, DoorError } from "../fetch.ts";
import type { DiscoveredRow } from "../store/schema.ts";

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

const OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

/**
 * Where a server's smart-configuration stands.
 *
 * @param base the FHIR base, with or without a slash at its end
 * @see SMART App Launch 2.2, "Using Well-Known"
 */
export function smartConfigurationUrl(base: string): string {
  return `${base.replace(/\/+$/, "")}/.well-known/smart-configuration`;
}

/** A document that a server gave. */
export interface FoundDocument {
  document: unknown;
  etag: string | null;
  last_modified: string | null;
}

/**
 * Asks a server for its document, and its issuer for the keys that it does not name.
 *
 * @param base the FHIR base with a slash at its end
 * @param known what was kept with the last document, so that the server need not send it again; null asks for it whole
 * @throws {ConnectError} `oauth_error` where the server is down, unreachable or refuses
 * @see SMART App Launch 2.2, "Using Well-Known"
 */
export async function findDocument(
  door: Door,
  base: string,
  known: Pick<DiscoveredRow, "etag" | "last_modified"> | null | undefined,
): Promise<FoundDocument | "unchanged"> {
  const found = await findOwnDocument(door, base, known);
  return found === "unchanged" ? found : { ...found, document: await withIssuerMetadata(door, found.document, base) };
}

/** As `findDocument`, of the server alone: its issuer is not asked. */
export async function findOwnDocument(
  door: Pick<Door, "request">,
  base: string,
  known?: Pick<DiscoveredRow, "etag" | "last_modified"> | null,
): Promise<FoundDocument | "unchanged"> {
  const answer = await get(door, smartConfigurationUrl(base), {
    accept: "application/json",
    ...(known?.etag ? { "if-none-match": known.etag } : {}),
    ...(known?.last_modified ? { "if-modified-since": known.last_modified } : {}),
  });
  if (answer.status === 304 && known) return "unchanged";
  const document = await readJson(answer);
  if (document !== undefined && answer.status < 400) {
    const [etag, last_modified] = [answer.headers.get("etag"), answer.headers.get("last-modified")];
    return { document, etag, last_modified };
  }
  if (document !== undefined && ![404, 410].includes(answer.status)) throw discoveryFault(`http_${answer.status}`);
  const statement = await get(door, `${base}metadata`, { accept: "application/fhir+json, application/json" });
  if (statement.status === 410) throw discoveryFault("http_410");
  return { document: capabilityConfiguration(await readJson(statement)), etag: null, last_modified: null };
}

/** An answer that is no sign of a server in trouble. */
async function get(door: Pick<Door, "request">, url: string, headers: Record<string, string>): Promise<Response> {
  let response: Response;
  try {
    response = await door.request(url, { headers, maxBytes: 8 * 1024 * 1024 });
  } catch (cause) {
    throw discoveryFault(cause instanceof DoorError ? cause.reason : "unreachable");
  }
  if (response.status >= 500 || [408, 429].includes(response.status)) throw discoveryFault(`http_${response.status}`);
  return response;
}

/** The body; undefined where it is no JSON. */
async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

/** A CapabilityStatement's `oauth-uris` in the shape of a smart-configuration; null where it has none. */
function capabilityConfiguration(statement: unknown): unknown {
  const uris = (statement as CapabilityStatement | null | undefined)?.rest
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
const strings = z.array(z.unknown()).transform((list) => list.filter((one) => typeof one === "string"));
const loosely = z.object({
  issuer: loose(z.string()),
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  revocation_endpoint: loose(z.string()),
  jwks_uri: loose(z.string()),
  id_token_signing_alg_values_supported: loose(strings),
  token_endpoint_auth_methods_supported: loose(strings),
  code_challenge_methods_supported: loose(strings),
  capabilities: loose(strings),
  scopes_supported: loose(strings),
  authorization_response_iss_parameter_supported: loose(z.boolean()),
});

const issuerMetadata = z.object({
  issuer: z.string(),
  jwks_uri: loose(z.string()),
  id_token_signing_alg_values_supported: loose(strings),
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
    issuer: data.issuer || null,
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
async function withIssuerMetadata(door: Door, document: unknown, base: string): Promise<unknown> {
  const configuration = readConfiguration(document, base);
  const { issuer, jwks_uri, id_token_signing_alg_values_supported: algorithms } = configuration ?? {};
  if (!issuer || (jwks_uri && algorithms?.length)) return document;
  const url = `${issuer.replace(/\/+$/, "")}/.well-known/openid-configuration`;
  const answer = await get(door, url, { accept: "application/json" }).catch(() => null);
  const read = issuerMetadata.safeParse(answer?.ok ? await readJson(answer) : undefined);
  if (!read.success || read.data.issuer !== issuer) return document;
  const { data } = read;
  const learned = { jwks_uri: absolute(data.jwks_uri, url), algorithms: data.id_token_signing_alg_values_supported };
  return {
    ...(document as object),
    jwks_uri: jwks_uri ?? learned.jwks_uri,
    id_token_signing_alg_values_supported: algorithms?.length ? algorithms : learned.algorithms,
  };
}

/** Why nothing usable was discovered, as a plain word for the trail. */
export function discoveryFault(reason: string): ConnectError {
  return new ConnectError("oauth_error", { reason: `discovery_${reason}` });
}
