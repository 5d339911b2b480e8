/** A catalog entry as the wire shows it. */
import type { FhirSource } from "../../../shared/src/source.ts";
import type { FoundSource } from "../catalog/catalog.ts";
import type { Vendors } from "../catalog/vendor.ts";
import type { SourceRow } from "../store/schema.ts";

/**
 * @param vendors tell what must be set up before a source can be offered
 * @param publicUrl the mount path as the browser sees it; the logo stands below it, on our own origin
 */
export function sourceView(row: SourceRow, vendors: Vendors, publicUrl: string): FhirSource {
  return {
    id: row.id,
    resource_type: "fhir_source",
    name: row.name,
    brand: row.brand,
    city: row.city,
    state: row.state,
    zip: row.zip,
    type: row.type,
    fhir_base_url: row.fhir_base_url,
    portal_url: row.portal_url,
    portal_name: row.portal_name,
    logo_url: row.logo_url === null ? null : `${publicUrl}/logos/${row.id}`,
    status: row.status,
    setup_requirements: vendors.of(row.type)?.setup_requirements ?? null,
    locations: 1,
    distinction: null,
    matches: [],
  };
}

/** The same as a search found it: with the brand that its locations share. */
export function foundView(found: FoundSource, vendors: Vendors, publicUrl: string): FhirSource {
  const { source, locations, distinction, matches } = found;
  const brand = locations > 1 ? (source.brand ?? source.name) : source.brand;
  return { ...sourceView(source, vendors, publicUrl), brand, locations, distinction, matches };
}
