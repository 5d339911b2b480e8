/**
 * Search, the first step: takes what a patient typed and answers the sources that this app can offer. It reads the
 * catalog and writes nothing.
 */
import type { List } from "../../../shared/src/list.ts";
import { type ConnectionsQuery, connectionsQuery, type FhirSource } from "../../../shared/src/source.ts";
import type { Catalog, SourcePage } from "../catalog/catalog.ts";
import type { SearchPage } from "../catalog/search-index.ts";
import type { Vendors } from "../catalog/vendor.ts";
import { badRequest, ConnectError } from "../errors.ts";
import type { Configuration } from "../options.ts";
import { foundView } from "../views/source.ts";

/** What a search works with. */
interface SearchContext {
  catalog: Catalog;
  vendors: Vendors;
  configuration: Pick<Configuration, "publicUrl" | "recommendedConnectionIds">;
}

/** A query shorter than this many characters is answered as if nothing were typed. */
const SHORTEST_QUERY = 2;

/**
 * A page of sources, one row for each login that a patient recognises; with `brand`, each source behind that one's login.
 * With fewer than two characters typed: the app's recommended sources, or else those that patients use most. No text is
 * refused; one that fits nothing has an empty answer.
 *
 * @throws {ConnectError} `bad_request` for a `limit`, `type`, `brand` or `starting_after` that is none
 */
export async function search(context: SearchContext, query: ConnectionsQuery = {}): Promise<List<FhirSource>> {
  const parsed = connectionsQuery.safeParse(query);
  if (!parsed.success) throw badRequest(parsed.error);
  const { q, limit, type, brand, starting_after } = parsed.data;
  const page = { type: type || undefined, brand: brand || undefined, limit, ...readPlace(starting_after) };
  const typed = [...q.trim()].length >= SHORTEST_QUERY;
  const { found, hasMore } =
    typed || page.brand ? await context.catalog.search(typed ? q : "", page) : await suggest(context, page);
  const last = found.at(-1)?.source.id;
  return {
    resource_type: "list",
    data: found.map((one) => foundView(one, context.vendors, context.configuration.publicUrl)),
    has_more: hasMore,
    next_cursor: hasMore ? writePlace(page.offset + limit, last) : null,
  };
}

async function suggest({ catalog, configuration }: SearchContext, page: SearchPage): Promise<SourcePage> {
  const recommended = (await catalog.offeredOf(configuration.recommendedConnectionIds)).filter(
    (source) => page.type === undefined || source.type === page.type,
  );
  if (recommended.length === 0) return catalog.browse(page);
  const end = page.offset + page.limit;
  const found = recommended
    .slice(page.offset, end)
    .map((source) => ({ source, locations: 1, distinction: null, matches: [] }));
  return { found, hasMore: recommended.length > end };
}

// A place in the order and who stood there: the order of one query may move when sources are used or imported.
function writePlace(offset: number, last: string | undefined): string {
  return Buffer.from(`after ${offset}${last === undefined ? "" : ` ${last}`}`).toString("base64url");
}

function readPlace(cursor: string | undefined): { offset: number; after?: string | undefined } {
  if (cursor === undefined) return { offset: 0 };
  const place = /^after (\d{1,6})(?: (fhirsrc_\w{26}))?$/.exec(Buffer.from(cursor, "base64url").toString());
  if (place) return { offset: Number(place[1]), after: place[2] };
  const message = "starting_after: pass a next_cursor as it was given";
  throw new ConnectError("bad_request", { message, param: "starting_after" });
}
