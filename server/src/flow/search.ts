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
import { sourceView } from "../views/source.ts";

/** What a search works with. */
interface SearchContext {
  catalog: Catalog;
  vendors: Vendors;
  configuration: Pick<Configuration, "publicUrl" | "recommendedConnectionIds">;
}

/** A query shorter than this many characters is answered as if nothing were typed. */
const SHORTEST_QUERY = 2;

/**
 * A page of sources. With fewer than two characters typed: the app's recommended sources, or else those that patients
 * use most. No text is refused; one that fits nothing has an empty answer.
 *
 * @throws {ConnectError} `bad_request` for a `limit`, `type` or `starting_after` that is none
 */
export async function search(context: SearchContext, query: ConnectionsQuery = {}): Promise<List<FhirSource>> {
  const parsed = connectionsQuery.safeParse(query);
  if (!parsed.success) throw badRequest(parsed.error);
  const { q, limit, starting_after } = parsed.data;
  const page = { type: parsed.data.type || undefined, limit, offset: readOffset(starting_after) };
  const { sources, hasMore } =
    [...q.trim()].length < SHORTEST_QUERY ? await suggest(context, page) : await context.catalog.search(q, page);
  return {
    resource_type: "list",
    data: sources.map((source) => sourceView(source, context.vendors, context.configuration.publicUrl)),
    has_more: hasMore,
    next_cursor: hasMore ? writeOffset(page.offset + limit) : null,
  };
}

async function suggest({ catalog, configuration }: SearchContext, page: SearchPage): Promise<SourcePage> {
  const recommended = (await catalog.offeredOf(configuration.recommendedConnectionIds)).filter(
    (source) => page.type === undefined || source.type === page.type,
  );
  if (recommended.length === 0) return catalog.browse(page);
  const end = page.offset + page.limit;
  return { sources: recommended.slice(page.offset, end), hasMore: recommended.length > end };
}

// A place in the order, not a source: the order of one query stays until the next import.
function writeOffset(offset: number): string {
  return Buffer.from(`after ${offset}`).toString("base64url");
}

function readOffset(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const offset = /^after (\d{1,6})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  if (offset !== undefined) return Number(offset);
  const message = "starting_after: pass a next_cursor as it was given";
  throw new ConnectError("bad_request", { message, param: "starting_after" });
}
