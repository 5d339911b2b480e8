/**
 * The door out, for whoever asks a great many servers of others: a few at once in all, each host's requests apart from one
 * another, and none to a host that asked to be left alone.
 */
import { type Door, DoorError, type DoorRequest, REDIRECTS } from "../fetch.ts";
import { retryAfter } from "../retry-after.ts";

/** How requests are sent. */
export interface Manners {
  /** Requests under way at once, over all hosts. */
  concurrency: number;
  /** Least time between two requests to one host, in milliseconds; by chance up to twice that. */
  paceMs: number;
  /** For one request. */
  timeoutSeconds: number;
  signal: AbortSignal;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Rejects when the signal does. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** A host that wants more than this is not asked again. */
const PATIENCE_MS = 60_000;
/** A host that answers 429 and does not say for how long is left alone for this long. */
const PAUSE_MS = 10_000;
const TRIES = 3;
const MOST_REDIRECTS = 3;

interface Host {
  nextAt: number;
  leftAlone: boolean;
}

/**
 * Makes such a door, for requests without credentials. A redirect waits for the turn of the host where it leads. After a
 * 429 or a 503 with `Retry-After` it waits and asks again; a host that asks for more than a minute, or does so time and again,
 * is not asked any more, and what else was meant for it is answered 429 unsent.
 *
 * @see RFC 6585 section 4; RFC 9110 section 10.2.3
 */
export function createPoliteDoor(door: Door, manners: Manners): Pick<Door, "request"> {
  const { concurrency, paceMs, timeoutSeconds, signal, clock, sleep } = manners;
  const hosts = new Map<string, Host>();
  const waiting: (() => void)[] = [];
  let free = concurrency;

  async function takeSlot(): Promise<void> {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function giveSlot(): void {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }

  /** Takes a slot when it is the host's turn; false where the host is left alone. */
  async function takeTurn(host: Host): Promise<boolean> {
    for (;;) {
      if (host.nextAt > clock()) await sleep(host.nextAt - clock(), signal);
      await takeSlot();
      if (!host.leftAlone && host.nextAt <= clock()) {
        host.nextAt = clock() + paceMs * (1 + Math.random());
        return true;
      }
      // Another request to this host went first while this one waited for the slot.
      giveSlot();
      if (host.leftAlone) return false;
    }
  }

  /** Each hop waits for the turn of its own host. */
  async function request(url: string | URL, init: DoorRequest = {}): Promise<Response> {
    let at = new URL(url);
    for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
      const response = await ask(at, init);
      const location = response.headers.get("location");
      if (!REDIRECTS.has(response.status) || location === null) return response;
      await response.body?.cancel();
      if (!URL.canParse(location, at.href)) throw new DoorError("blocked_url", "not a URL");
      at = new URL(location, at);
    }
    throw new DoorError("too_many_redirects", at.hostname);
  }

  async function ask(url: URL, init: DoorRequest): Promise<Response> {
    const host = hostOf(url.host);
    for (let tries = 1; await takeTurn(host); tries++) {
      const how: DoorRequest = { ...init, redirect: "manual", timeoutSeconds, signal };
      const response = await door.request(url, how).finally(giveSlot);
      const pause = pauseAsked(response, clock());
      if (pause === 0) return response;
      if (pause > PATIENCE_MS || tries === TRIES) {
        host.leftAlone = true;
        return response;
      }
      host.nextAt = Math.max(host.nextAt, clock() + pause);
    }
    return new Response(null, { status: 429 });
  }

  function hostOf(name: string): Host {
    const host = hosts.get(name) ?? { nextAt: 0, leftAlone: false };
    hosts.set(name, host);
    return host;
  }

  return { request };
}

/** Milliseconds for which an answer asks for peace; 0 where it does not. */
function pauseAsked({ status, headers }: Response, now: number): number {
  if (status !== 429 && status !== 503) return 0;
  const asked = retryAfter(headers.get("retry-after"), now, Number.POSITIVE_INFINITY);
  return asked === 0 && status === 429 ? PAUSE_MS : asked;
}
