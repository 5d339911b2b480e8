/**
 * The one door out. Every request that mb-connect makes passes it: discovery, tokens, keys, FHIR, logos. It holds the
 * address policy (every URL out of a catalog or a hospital's answer is hostile until proven), the redirects, the time and
 * the size. What comes back is a Response whose body has been read whole, within the cap.
 */
import { type LookupAddress, lookup as dnsLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { Agent, fetch } from "undici";

/** Why the door refused or gave up. */
export type DoorReason =
  | "blocked_url"
  | "blocked_address"
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
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  /** Default 1 MiB. */
  maxBytes?: number;
  /** For the whole exchange, redirects included. Default 15. */
  timeoutSeconds?: number;
  /** Default 3. */
  maxRedirects?: number;
}

/** The door: `request` goes out, `allows` tells without going whether a URL would be let out by its looks. */
export interface Door {
  request(url: string | URL, request?: DoorRequest): Promise<Response>;
  allows(url: string | URL): boolean;
  close(): Promise<void>;
}

/** What names are resolved with, in the manner of `dns.lookup`; what it answers is checked each time. */
export type Resolver = LookupFunction;

const RESERVED = reservedAddresses();

/**
 * Makes the door.
 *
 * URLs are https (plain http only to loopback when `allowLoopback`), without user info, on port 441 to 449 or above
 * 1023; a host that is, or resolves to, an address outside the public unicast ranges is refused when the connection is
 * made, so that a name cannot change its mind between check and use.
 *
 * @param options.allowLoopback for demo and tests: lets `127.0.0.0/8`, `::1` and `localhost` through, over http too
 * @param options.lookup a resolver to put in place of the system's
 * @see RFC 9700 section 4 and the Server Side Request Forgery rules of SMART App Launch 2.2, "Security considerations"
 */
export function createDoor(options: { allowLoopback: boolean; lookup?: Resolver }): Door {
  const { allowLoopback } = options;
  const resolve = options.lookup ?? (dnsLookup as LookupFunction);

  const lookup: LookupFunction = (hostname, lookupOptions, callback) => {
    resolve(hostname, { ...lookupOptions, all: true }, (error, found) => {
      if (error) return callback(error, "", 0);
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
    return isPublicAddress(address);
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
    if (!schemeAllowed || !portAllowed || url.username !== "" || url.password !== "" || host === "") {
      throw new DoorError("blocked_url", host || url.protocol);
    }
    // A resolver is never asked about a literal, so it is checked here.
    const named = isIP(host) === 0;
    if (named ? isLoopbackHost(host) && !loopback : !addressAllowed(host, host)) {
      throw new DoorError("blocked_address", host);
    }
    return url;
  }

  async function request(input: string | URL, init: DoorRequest = {}): Promise<Response> {
    const timeout = AbortSignal.timeout((init.timeoutSeconds ?? 15) * 1000);
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
    const method = init.method ?? "GET";
    let headers = init.headers ?? {};
    let url = check(input);
    for (let hop = 0; ; hop++) {
      let status: number | null = null;
      try {
        const response = await fetch(url, {
          method,
          headers,
          ...(init.body === undefined ? {} : { body: init.body }),
          redirect: "manual",
          dispatcher: agent,
          signal,
        });
        status = response.status;
        const location = response.headers.get("location");
        if (method === "GET" && location !== null && [301, 302, 303, 307, 308].includes(response.status)) {
          await response.body?.cancel();
          if (hop >= (init.maxRedirects ?? 3)) throw new DoorError("too_many_redirects", url.hostname);
          const next = check(new URL(location, url));
          if (next.origin !== url.origin) headers = withoutCredentials(headers);
          url = next;
          continue;
        }
        return await readWhole(response, url, init.maxBytes ?? 1024 * 1024);
      } catch (thrown) {
        throw doorError(thrown, url, timeout.aborted, status);
      }
    }
  }

  return {
    request,
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

function isLoopbackAddress(address: string): boolean {
  return (isIP(address) === 4 && address.startsWith("127.")) || address === "::1";
}

function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return family === 4
    ? !RESERVED.check(address, "ipv4")
    : GLOBAL_UNICAST.check(address, "ipv6") && !RESERVED.check(address, "ipv6");
}

const GLOBAL_UNICAST = (() => {
  const list = new BlockList();
  list.addSubnet("2000::", 3, "ipv6");
  return list;
})();

// The IANA special-purpose registries. IPv6 is let through in 2000::/3 only, which leaves out loopback, link-local,
// unique-local, multicast, IPv4-mapped and NAT64 addresses; what is special within it stands here.
function reservedAddresses(): BlockList {
  const list = new BlockList();
  for (const range of [
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24",
    "192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24",
    "203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20",
  ].flatMap((line) => line.split(" "))) {
    const [net, prefix] = range.split("/") as [string, string];
    list.addSubnet(net, Number(prefix), net.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)));
}

async function readWhole(response: Awaited<ReturnType<typeof fetch>>, url: URL, maxBytes: number): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new DoorError("too_large", url.hostname, response.status);
    chunks.push(chunk);
  }
  const headers = new Headers([...response.headers]);
  // The body is decoded already.
  headers.delete("content-encoding");
  headers.delete("content-length");
  const bodiless = response.status === 204 || response.status === 205 || response.status === 304;
  return new Response(bodiless ? null : Buffer.concat(chunks), { status: response.status, headers });
}

function doorError(thrown: unknown, url: URL, timedOut: boolean, status: number | null): unknown {
  if (thrown instanceof DoorError) return thrown;
  for (let cause = (thrown as Error).cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof DoorError) return cause;
  }
  // The cause is left behind: it can carry the request, and with it a code or a token.
  return new DoorError(timedOut ? "timeout" : "unreachable", url.hostname, status);
}
