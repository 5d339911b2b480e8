/**
 * When to ask: at once on the first key after a pause, then for every second key when typing rests for a moment. One question
 * is under way at a time and a newer one ends it, so that an older answer never stands over a newer one. Answers are kept in
 * memory only: what a patient types can tell of an illness.
 */
import { deadline, type Source, type SourcePage } from "./client.ts";

/**
 * Milliseconds without a key after which the latest text is asked for: where it has two characters more than what was asked
 * for last, and where it has but one. At an even pace that is every second key, soon: asking for each would be too many, and
 * a rest long enough for nothing but the last would keep the patient waiting.
 */
const REST_MS = 40;
const PAUSE_MS = 170;
const TIMEOUT_SECONDS = 10;
const KEPT_ANSWERS = 50;

/** One field's questions. */
export interface SearchAsYouType {
  /** Asks for this text, now or when typing rests; nothing older is answered any more. */
  ask(query: string): void;
  /** Ends what is under way and forgets what was to be asked. */
  stop(): void;
}

/**
 * @param load one request
 * @param answered gets the page for the latest text, at once where it is known already
 * @param failed gets the error for the latest text
 */
export function searchAsYouType(
  load: (query: string, signal: AbortSignal) => Promise<SourcePage>,
  answered: (query: string, page: SourcePage) => void,
  failed: (error: unknown) => void,
): SearchAsYouType {
  const kept = new Map<string, SourcePage>();
  let rest: ReturnType<typeof setTimeout> | undefined;
  let latest: AbortController | undefined;
  let keyAt = -Infinity;
  let sent = "";

  const send = async (query: string): Promise<void> => {
    const own = deadline(TIMEOUT_SECONDS);
    latest = own;
    sent = query;
    try {
      const page = await load(query, own.signal);
      if (own !== latest) return;
      if (kept.size === KEPT_ANSWERS) kept.clear();
      kept.set(query, page);
      answered(query, page);
    } catch (error) {
      if (own !== latest) return;
      latest = undefined;
      failed(error);
    }
  };

  const stop = (): void => {
    clearTimeout(rest);
    latest?.abort();
    latest = undefined;
  };

  return {
    stop,
    ask(query) {
      const before = keyAt;
      keyAt = performance.now();
      const known = kept.get(query) ?? narrowed(kept, query);
      // A space more changes nothing of what is under way.
      if (!known && latest && query === sent) return;
      stop();
      if (known) return answered(query, known);
      if (keyAt - before >= PAUSE_MS) return void send(query);
      // Two characters tell little: hardly anybody stops at the fourth.
      const enough = sent.length === 2 ? 3 : 2;
      const more = Math.abs(query.length - sent.length);
      rest = setTimeout(() => void send(query), more < enough ? PAUSE_MS : REST_MS);
    },
  };
}

/**
 * The answer to a query that only adds characters to one whose answer is complete: a part of its rows. Where a row is there by
 * something that it does not show (an alias, a slip, another place of the same login), only the host can tell. None left may
 * be a slip in what was added, which the host understands.
 */
function narrowed(kept: Map<string, SourcePage>, query: string): SourcePage | undefined {
  for (const [older, { data, has_more }] of kept) {
    if (!older || has_more || !query.startsWith(older)) continue;
    const rows = data.filter((row) => shows(row, query));
    if (rows.length > 0 && data.every((row) => shows(row, older))) return { data: rows, has_more };
  }
  return undefined;
}

function shows({ name, brand, city, state, zip, portal_name, locations = 1 }: Source, query: string): boolean {
  const text = ` ${[name, brand, city, state, zip, portal_name].join(" ")}`.toLowerCase();
  const words = query.toLowerCase().split(" ");
  return locations === 1 && words.every((word) => text.includes(` ${word}`));
}
