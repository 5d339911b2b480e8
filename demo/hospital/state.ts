/**
 * What the simulated hospital remembers, all of it in memory and gone when it closes: registered apps, visits to the
 * portal, codes, grants and their tokens, and a journal of every request. Every route reads and writes it.
 */
import { createHash, randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { CryptoKey, JSONWebKeySet, JWK } from "jose";
import { exportJWK, generateKeyPair } from "jose";
import type { Resource } from "./codes.ts";
import { type Facility, facilitiesAt } from "./facilities.ts";

/** An app registered at every facility; member names as in RFC 7591. */
export interface HospitalClient {
  client_id: string;
  /** What the consent page calls it; its id when absent. */
  client_name?: string;
  /** Compared character by character. */
  redirect_uris: string[];
  token_endpoint_auth_method: "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt";
  client_secret?: string;
  /** Its public keys, for `private_key_jwt`: inline, or where to fetch them. */
  jwks?: JSONWebKeySet;
  jwks_uri?: string;
}

/** An authorization request that passed every check, while its patient is at the portal. */
export interface Visit {
  slug: string;
  client: HospitalClient;
  redirect_uri: string;
  /** Scopes as asked, in order. */
  scopes: string[];
  state: string;
  code_challenge: string;
  nonce: string | undefined;
  /** Set by the sign-in page. */
  username: string | null;
}

/** What a patient allowed. Tokens point here; once `revoked`, none of them opens anything. */
export interface Grant {
  slug: string;
  client_id: string;
  username: string;
  /** Scopes as granted. */
  scopes: string[];
  nonce: string | undefined;
  revoked: boolean;
}

export interface Code {
  grant: Grant;
  redirect_uri: string;
  code_challenge: string;
  /** Milliseconds. */
  expires_at: number;
  used: boolean;
}

export interface Token {
  grant: Grant;
  kind: "access" | "refresh";
  /** The grant's scopes, or the fewer that a refresh asked for. */
  scopes: string[];
  /** Milliseconds; Infinity for a refresh token. */
  expires_at: number;
  /** A refresh token that was rotated away, or a token that was revoked alone. */
  spent: boolean;
  /** Requests that came with it. */
  uses: number;
}

/** A resource and the text that it is answered as. */
export interface Entry {
  resource: Resource;
  text: string;
}

/** A record; references are written `Type/id`. */
export interface Chart {
  /** FHIR id of the Patient. */
  patient: string;
  byReference: Map<string, Entry>;
  /** Found by a search for the patient, in the order of their making; the directory is not among them. */
  byType: Map<string, Entry[]>;
}

/** A search that was run; its pages are cut from it. */
export interface Search {
  slug: string;
  username: string;
  type: string;
  matches: Entry[];
  count: number;
  include: boolean;
  revinclude: boolean;
  /** The parameters that were heeded, for the link `self`. */
  heeded: URLSearchParams;
}

/** A link to a further page. */
export interface FurtherPage {
  search: Search;
  offset: number;
  /** Milliseconds. */
  expires_at: number;
}

/** One request as it arrived, secrets included: it never leaves memory. */
export interface JournalEntry {
  method: string;
  path: string;
  query: Record<string, string>;
  /** Parameters of a form body; null where there was none. */
  form: Record<string, string> | null;
  headers: IncomingHttpHeaders;
}

export interface HospitalState {
  url: string;
  facilities: Facility[];
  clients: Map<string, HospitalClient>;
  visits: Map<string, Visit>;
  codes: Map<string, Code>;
  tokens: Map<string, Token>;
  /** `client_id` and `jti` of every assertion taken. */
  assertions: Set<string>;
  journal: JournalEntry[];
  /** Records by facility and person, made when first asked for. */
  charts: Map<string, Chart>;
  /** Links to further pages, oldest first. */
  pages: Map<string, FurtherPage>;
  /** Requests of each facility's FHIR server, and which of them came. */
  calls: Map<string, number>;
  asked: Set<string>;
  /** Records of each person at each facility. */
  recordsEach: number;
  /** Milliseconds that the FHIR server takes for an answer. */
  answerMs: number;
  signingKey: { privateKey: CryptoKey; publicJwk: JWK };
  /** Milliseconds. */
  clock: () => number;
}

/** An empty memory with a signing key of its own. */
export async function newState(
  url: string,
  clients: HospitalClient[],
  more: Pick<HospitalState, "clock" | "recordsEach" | "answerMs">,
): Promise<HospitalState> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: randomToken(), use: "sig", alg: "RS256" };
  return {
    url,
    facilities: facilitiesAt(url),
    clients: new Map(clients.map((client) => [client.client_id, client])),
    visits: new Map(),
    codes: new Map(),
    tokens: new Map(),
    assertions: new Set(),
    journal: [],
    charts: new Map(),
    pages: new Map(),
    calls: new Map(),
    asked: new Set(),
    signingKey: { privateKey, publicJwk },
    ...more,
  };
}

/** 256 random bits, base64url. */
export const randomToken = (): string => randomBytes(32).toString("base64url");

/** SHA-256 of a text, base64url. */
export const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");
