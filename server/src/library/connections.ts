/** `mb.connections`: the sources that patients can connect to. */
import type { ConnectionsQuery, FhirSource } from "../../../shared/src/source.ts";
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { search } from "../flow/search.ts";
import { type PagedList, paged } from "../views/paged.ts";
import { sourceView } from "../views/source.ts";

/** Calls about sources. */
export interface Connections {
  /** Searches the sources that can be offered. Errors: `bad_request`. */
  list(query?: ConnectionsQuery): PagedList<FhirSource>;
  /** One source of the catalog, offered or not, by its `fhirsrc_` id. Errors: `resource_not_found`. */
  retrieve(id: string): Promise<FhirSource>;
}

/** @param ready settles when the database can be used */
export function connections(context: Context, ready: Promise<void>): Connections {
  return {
    list: (query) =>
      paged(query, async (input) => {
        await ready;
        return search(context, input);
      }),
    async retrieve(id) {
      await ready;
      const source = await context.catalog.get(id);
      if (!source) throw new ConnectError("resource_not_found", { message: "There is no such source", param: "id" });
      return sourceView(source, context.vendors, context.configuration.publicUrl);
    },
  };
}
