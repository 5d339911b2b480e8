/**
 * The one door out. Every request that mb-connect makes passes it: discovery, tokens, keys, FHIR, logos. It holds the
 * address policy (every URL out of a catalog or a hospital's answer is hostile until proven), the redirects, the time and
 * the size. What comes back is a Response whose body has been read whole, or its bytes as they come, within the cap.
 */
import { type LookupAddress, lookup as dnsLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, type Dispatcher, request as send } from "undici";
import { isLoopbackAddress, isPrivateAddress, isPublicAddress } from "./addresses.ts";
import { ACCEPTED_ENCODINGS, decoded } from "./content-encoding.ts";

/** Why the door refused or gave up; `unknown_host`: DNS knows no such name. */
export type DoorReason =
  | "blocked_url"
  | "blocked_address"
  | "unknown_host"
  | "unreachable"
  | "timeout"
  | "too_large"
  | "too_many_redirects";

/** A request that the door refused or gave up on. The message names the host at most, never a path or a query. */
export class DoorError extends Error {
  override name = "DoorError";
  readonly reason: DoorReason;
  /** HTTP status of an answer whose body did not come whole; null where none had begun. */
  readonly status: number | null;

  constructor(reason: DoorReason, host: string, status: number | null = null) {
    super(`${reason}: ${host}`);
    this.reason = reason;
    this.status = status;
  }
}

/** One request. `maxBytes` counts the decoded body. Redirects are followed for GET only, each hop checked anew. */
export interface DoorRequest {
  method?: "GET" | "POST" | "PUT";
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  /** Default 1 MiB. */
  maxBytes?: number;
  /** For the whole exchange, redirects included. Default 15. */
  timeoutSeconds?: number;
  /** Default 3. */
  maxRedirects?: number;
  /** `manual`: a redirect is an answer like any other. Default `follow`. */
  redirect?: "follow" | "manual";
}

/** An answer whose body is still to come. */
export interface DoorStream {
  status: number;
  headers: Headers;
  /**
   * Decoded; to be read once. Throws a `DoorError` where it does not come whole: `too_large`, `timeout`, `unreachable`.
   * What is left in the middle is let go of.
   */
  body: AsyncIterable<Uint8Array>;
  /** Lets go of a body that is not wanted at all. One that nobody reads is held until its time is over. */
  cancel(): void;
}

/** The door: `request` and `stream` go out, `allows` tells without going whether a URL would be let out by its looks. */
export interface Door {
  request(url: string | URL, request?: DoorRequest): Promise<Response>;
  /** As `request`, with the body as it comes: the cap and the time hold while it is read. */
  stream(url: string | URL, request?: DoorRequest): Promise<DoorStream>;
  allows(url: string | URL): boolean;
  close(): Promise<void>;
}

/** What names are resolved with, in the manner of `dns.lookup`; what it answers is checked each time. */
export type Resolver = LookupFunction;

const DEFAULT_HEADERS = { accept: "*/*", "accept-encoding": ACCEPTED_ENCODINGS, "user-agent": "mb-connect" };
/** The statuses of answers that lead elsewhere by their `Location`. */
export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Ports above 1023 that no browser speaks http to either.
 *
 * @see Fetch Standard, "Port blocking"
 */
const PORTS_OF_OTHERS: ReadonlySet<number> = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/**
 * Makes the door.
 *
 * URLs are https (plain http only to loopback when `allowLoopback`), without user info, on port 441 to 449 or above
 * 1023 but for those that other protocols own; a host that is, or resolves to, an address outside the public unicast ranges
 * is refused when the connection is made, so that a name cannot change its mind between check and use.
 *
 * @param options.allowLoopback for demo and tests: lets `127.0.0.0/8`, `::1` and `localhost` through, over http too
 * @param options.privateNetwork for what the operator chose himself: lets the addresses of private networks through, never
 *   link-local ones, where clouds keep their machines' credentials
 * @param options.lookup a resolver to put in place of the system's
 * @see RFC 9700 section 4 and the Server Side Request Forgery rules of SMART App Launch 2.2, "Security considerations"
 */
export function createDoor(options: { allowLoopback: boolean; privateNetwork?: boolean; lookup?: Resolver }): Door {
  const { allowLoopback, privateNetwork = false } = options;
  const resolve = options.lookup ?? (dnsLookup as LookupFunction);

  const lookup: LookupFunction = (hostname, lookupOptions, callback) => {
    resolve(hostname, { ...lookupOptions, all: true }, (error, found) => {
      if (error) return callback(error.code === "ENOTFOUND" ? new DoorError("unknown_host", hostname) : error, "", 0);
      const addresses = found as unknown as LookupAddress[];
      const refused = addresses.length === 0 || addresses.some(({ address }) => !addressAllowed(address, hostname));
      if (refused) return callback(new DoorError("blocked_address", hostname), "", 0);
      if (lookupOptions.all) return callback(null, addresses as never, 0);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
  const agent = new Agent({ connect: { lookup, timeout: 10_000 }, keepAliveTimeout: 10_000, connections: 64 });

  function addressAllowed(address: string, hostname: string): boolean {
    if (allowLoopback && isLoopbackHost(hostname) && isLoopbackAddress(address)) return true;
    return isPublicAddress(address) || (privateNetwork && isPrivateAddress(address));
  }

  function check(input: string | URL): URL {
    let url: URL;
    try {
      url = new URL(input);
    } catch {
      throw new DoorError("blocked_url", "not a URL");
    }
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const loopback = allowLoopback && isLoopbackHost(host);
    const port = url.port === "" ? 443 : Number(url.port);
    const schemeAllowed = url.protocol === "https:" || (url.protocol === "http:" && loopback);
    const portAllowed = loopback || (port >= 441 && port <= 449) || port > 1023;
    if (
      !schemeAllowed ||
      !portAllowed ||
      PORTS_OF_OTHERS.has(port) ||
      url.username !== "" ||
      url.password !== "" ||
      host === ""
    ) {
      throw new DoorError("blocked_url", host || url.protocol);
    }
    // A resolver is never asked about a literal, so it is checked here.
    const named = isIP(host) === 0;
    if (named ? isLoopbackHost(host) && !loopback : !addressAllowed(host, host)) {
      throw new DoorError("blocked_address", host);
    }
    return url;
  }

  /** Goes out and follows redirects; answers when the last one's headers are there. */
  async function open(input: string | URL, init: DoorRequest): Promise<Opened> {
    const method = init.method ?? "GET";
    let headers: Record<string, string> = { ...DEFAULT_HEADERS, ...init.headers };
    let url = check(input);
    let status: number | null = null;
    const limit = startLimit(init.timeoutSeconds ?? 15, init.signal);
    const fault = (thrown: unknown) => doorError(thrown, url.hostname, limit.passed(), status);
    try {
      for (let hop = 0; ; hop++) {
        status = null;
        // Not fetch, whose streams cost more than all else that a sign-in takes.
        const sent = send(url, { method, headers, body: init.body ?? null, dispatcher: agent, signal: limit.signal });
        // It hears of the signal only once it has a connection.
        const answer = await Promise.race([sent, limit.over]);
        status = answer.statusCode;
        // A body that fails while nobody reads it must not end the host's process.
        answer.body.on("error", () => {});
        const { location } = answer.headers;
        const following = method === "GET" && init.redirect !== "manual";
        if (!following || typeof location !== "string" || !REDIRECTS.has(status)) {
          return { answer, body: capped(answer, url.hostname, init.maxBytes ?? 1024 * 1024, fault, limit.end), limit };
        }
        await answer.body.dump();
        if (hop >= (init.maxRedirects ?? 3)) throw new DoorError("too_many_redirects", url.hostname);
        const next = check(new URL(location, url));
        if (next.origin !== url.origin) headers = withoutCredentials(headers);
        url = next;
      }
    } catch (thrown) {
      limit.end();
      throw fault(thrown);
    }
  }

  async function request(input: string | URL, init: DoorRequest = {}): Promise<Response> {
    const { answer, body } = await open(input, init);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const bodiless = [204, 205, 304].includes(answer.statusCode);
    return new Response(bodiless ? null : Buffer.concat(chunks), {
      status: answer.statusCode,
      headers: headersOf(answer),
    });
  }

  async function stream(input: string | URL, init: DoorRequest = {}): Promise<DoorStream> {
    const { answer, body, limit } = await open(input, init);
    const cancel = (): void => {
      limit.end();
      answer.body.destroy();
    };
    return { status: answer.statusCode, headers: headersOf(answer), body, cancel };
  }

  return {
    request,
    stream,
    allows(url) {
      try {
        check(url);
        return true;
      } catch {
        return false;
      }
    },
    close: () => agent.close(),
  };
}

/** True for `localhost`, names below it and loopback literals. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return host === "localhost" || host.endsWith(".localhost") || isLoopbackAddress(host);
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)));
}

/** An answer that has begun, and what is to be read of it. */
interface Opened {
  answer: Dispatcher.ResponseData;
  body: AsyncIterable<Uint8Array>;
  limit: Limit;
}

/** The time that an exchange has. */
interface Limit {
  signal: AbortSignal;
  /** Rejects when the signal does; never settles else. */
  over: Promise<never>;
  /** True once the time is over. */
  passed(): boolean;
  /** The exchange has ended. */
  end(): void;
}

// Not AbortSignal.timeout, which holds on to each exchange until its time would have been over.
function startLimit(seconds: number, outer?: AbortSignal): Limit {
  const controller = new AbortController();
  const { signal } = controller;
  const over = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  over.catch(() => {});
  let passed = false;
  const timer = setTimeout(() => {
    passed = true;
    controller.abort();
  }, seconds * 1000);
  const stop = (): void => controller.abort();
  if (outer?.aborted) stop();
  outer?.addEventListener("abort", stop);
  return {
    signal,
    over,
    passed: () => passed,
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", stop);
    },
  };
}

async function* capped(
  { headers, body, statusCode }: Dispatcher.ResponseData,
  host: string,
  maxBytes: number,
  fault: (thrown: unknown) => unknown,
  end: () => void,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of decoded(body, headers["content-encoding"])) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new DoorError("too_large", host, statusCode);
      yield chunk;
    }
  } catch (thrown) {
    throw fault(thrown);
  } finally {
    end();
    body.destroy();
  }
}

function headersOf({ headers }: Dispatcher.ResponseData): Headers {
  // The body is decoded by whoever reads it.
  const { "content-encoding": _, "content-length": __, ...rest } = headers;
  const pairs = Object.entries(rest).flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, one]));
  return new Headers(pairs as [string, string][]);
}

function doorError(thrown: unknown, host: string, timedOut: boolean, status: number | null): unknown {
  if (thrown instanceof DoorError) return thrown;
  for (let cause = (thrown as Error).cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof DoorError) return cause;
  }
  // The cause is left behind: it can carry the request, and with it a code or a token.
  return new DoorError(timedOut ? "timeout" : "unreachable", host, status);
}
