/** Invented sources, and a search over them without a database. */
import { toSourceRow } from "#server/catalog/published-source.js";
import { createSearchIndex, type SearchPage } from "#server/catalog/search-index.js";
import { readVendors } from "#server/catalog/vendor.js";
import type { SourceRow } from "#server/store/schema.js";

const VENDORS = readVendors();

/** A row of an invented source; `more` is what a list would publish of it. */
export function source(
  name: string,
  city: string | null = "Springfield",
  state: string | null = "IL",
  more: object = {},
): SourceRow {
  const endpoint = {
    address: `https://fhir.example.org/${encodeURIComponent(`${name}${city}`)}/r4`,
    versions: [],
    active: true,
  };
  return toSourceRow({ name, places: [{ city, state, zip: null }], endpoint, ...more }, 0, VENDORS).row;
}

/** Answers the names of what a query finds. */
export function finder(rows: readonly SourceRow[]): (query: string, page?: Partial<SearchPage>) => string[] {
  const index = createSearchIndex(rows);
  const names = new Map(rows.map((row) => [row.id, row.name]));
  return (query, page) =>
    index.search(query, { limit: 10, offset: 0, ...page }).hits.map(({ id }) => names.get(id) ?? id);
}
