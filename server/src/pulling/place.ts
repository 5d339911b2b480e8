/**
 * How far the pull of one type has come: the searches that remain, the page reached in the first of them, and how those
 * before it ended. It is stored with each page, so that whoever goes on after a crash goes on from there.
 */
import type { PullTypeRow } from "../store/schema.ts";

/** What the searches of a type came to, counted. */
export interface Ends {
  /** To their last page. */
  whole: number;
  /** After some pages. */
  cut: number;
  failed: number;
  /** 403, or 404 for what could be read before. */
  denied: number;
  unsupported: number;
  /** 400 or 422. */
  refused: number;
}

export interface Place {
  /** What each remaining search asks beside the patient; the first is under way. */
  searches: string[];
  /** Those that went to their last page. */
  done: string[];
  /** The next page, as the server wrote it; null at a search's beginning. */
  next: string | null;
  /** When the server gave it. */
  next_at: number;
  pages: number;
  /** A page seen before, by a hash of its URL, by which a circle is found. */
  mark: string | null;
  /** Failed tries at this page. */
  tries: number;
  /** True once a search was begun anew because its next page was gone. */
  restarted: boolean;
  /** True once it was begun anew because its next page had grown old; after that such a page is tried all the same. */
  renewed: boolean;
  /** True once a page told of an error beside its records: the search then is not whole, wherever it ends. */
  flawed: boolean;
  /** No request before then. */
  not_before: number;
  /** What is asked for beside the matches: `_include`, `_revinclude`; empty once the server refused it. */
  extras: string[];
  /** What of that is left out in the search under way, to see whether it was refused for it. */
  spared: string[];
  /** Only what changed after this (ISO 8601), or null for all. */
  since: string | null;
  /** True until it is known whether the server heeds `_lastUpdated`. */
  probe: boolean;
  ends: Ends;
}

/** A type's whole work, before its first request. */
export function newPlace(
  searches: readonly string[],
  { extras = [], since = null, probe = false }: Partial<Pick<Place, "extras" | "since" | "probe">> = {},
): Place {
  const ends = { whole: 0, cut: 0, failed: 0, denied: 0, unsupported: 0, refused: 0 };
  return { ...beginning(), searches: [...searches], done: [], extras, spared: [], since, probe, ends };
}

/** At the beginning of a search. */
export function beginning() {
  return {
    next: null,
    next_at: 0,
    pages: 0,
    mark: null,
    tries: 0,
    restarted: false,
    renewed: false,
    flawed: false,
    not_before: 0,
  } satisfies Partial<Place>;
}

/** After the first search's end; the next one is at its beginning. */
export function searchEnded(place: Place, reached: keyof Ends): Place {
  const end = reached === "whole" && place.flawed ? "cut" : reached;
  const [search = "", ...searches] = place.searches;
  const done = end === "whole" ? [...place.done, search] : place.done;
  // What a search is refused without as well was not what it was refused for.
  const extras = end === "whole" || end === "cut" ? place.extras : [...place.extras, ...place.spared];
  return {
    ...place,
    ...beginning(),
    searches,
    done,
    extras,
    spared: [],
    ends: { ...place.ends, [end]: place.ends[end] + 1 },
  };
}

/** With the first search taken apart into several. */
export function searchReplaced(place: Place, searches: readonly string[]): Place {
  return { ...place, ...beginning(), searches: [...searches, ...place.searches.slice(1)] };
}

/** True where all that there is was asked for and answered, so that an incremental search may start from there. */
export function isWhole({ ends }: Place): boolean {
  return ends.whole > 0 && ends.cut + ends.failed + ends.denied === 0;
}

/** How a type's pull ended, by how its searches did. What was refused beside searches that were answered costs only itself. */
export function stateOf({ ends }: Place, records: number): PullTypeRow["state"] {
  const { whole, cut, failed, denied, unsupported, refused } = ends;
  if (whole + cut === 0) {
    if (failed > 0) return "failed";
    if (denied > 0) return "not_granted";
    if (unsupported > 0) return "unsupported";
    return refused > 0 ? "failed" : "empty";
  }
  if (cut + failed + denied > 0) return "partial";
  return records > 0 ? "ok" : "empty";
}
