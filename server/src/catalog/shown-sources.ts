/**
 * What is shown of the sources of one index. Whatever is read is kept for a while: people who type ask for the same sources
 * with every letter. Whatever changes a source makes a new index, and these are let go with the old one.
 */
import { type CataloguedSource, findSources } from "../store/catalog.ts";
import type { Db } from "../store/database.ts";
import { distinctionOf } from "./logins.ts";
import { type NamedWord, namedWords } from "./matches.ts";
import type { SearchIndex } from "./search-index.ts";

/** A source and what does not depend on what was typed. */
export interface ShownSource {
  source: CataloguedSource;
  /** What tells it from others of the same name and place, or null. */
  distinction: string | null;
  named: readonly NamedWord[];
}

/** Those of the sources that are offered, by id. */
export type ShowSources = (ids: readonly string[]) => Promise<Map<string, ShownSource>>;

/** Sources that are kept, about 1 KB each. */
const MOST_KEPT = 20_000;
const LONGEST_KEPT_LOGO = 1000;
/** Others of a source's name that it is told from. */
const MOST_NAMESAKES = 10;

/**
 * Opens what one index shows.
 *
 * @param index tells who else has a source's name
 */
export function createShownSources(
  db: Db,
  index: SearchIndex,
  isOffered: (source: CataloguedSource) => boolean,
): ShowSources {
  /** As text: as objects they would be half of what the process has to look through when it clears away. */
  const kept = new Map<string, string>();

  const read = async (ids: readonly string[]): Promise<Map<string, ShownSource | null>> => {
    const namesakes = new Map(ids.map((id) => [id, index.namesakes(id, MOST_NAMESAKES)]));
    const found = await findSources(db, [...new Set([...ids, ...[...namesakes.values()].flat()])]);
    const offered = new Map(found.filter(isOffered).map((row) => [row.id, row]));
    return new Map(
      ids.map((id) => {
        const source = offered.get(id);
        if (!source) return [id, null];
        const others = (namesakes.get(id) ?? []).flatMap((other) => offered.get(other) ?? []);
        const named = namedWords(source.name, index.vocabulary);
        return [id, { source, distinction: distinctionOf(source, others), named }];
      }),
    );
  };

  return async (ids) => {
    const shown = new Map<string, ShownSource>();
    const missing: string[] = [];
    for (const id of ids) {
      const known = kept.get(id);
      if (known === undefined) missing.push(id);
      // Nothing stands for one that is not offered.
      else if (known !== "") shown.set(id, JSON.parse(known));
    }
    if (missing.length === 0) return shown;
    if (kept.size + missing.length > MOST_KEPT) kept.clear();
    for (const [id, one] of await read(missing)) {
      if (one) shown.set(id, one);
      // One with a logo inlined would take the room of hundreds.
      if ((one?.source.logo_url?.length ?? 0) <= LONGEST_KEPT_LOGO) kept.set(id, one ? JSON.stringify(one) : "");
    }
    return shown;
  };
}
