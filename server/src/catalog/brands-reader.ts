/**
 * Tells the sources of a User-access Brands bundle: one for each brand, portal and endpoint. A brand without a portal has
 * an implicit one for each of its endpoints; a part of a brand that names neither has its parent's.
 *
 * @see https://hl7.org/fhir/smart-app-launch/brands.html User-access Brands and Endpoints
 */
import type { BundleEndpoint, BundleEntries, BundleOrganization, BundlePortal } from "./bundle-reader.ts";
import type { PublishedSource } from "./published-source.ts";
import { canonicalUrl } from "./source-key.ts";
import type { Tally } from "./tally.ts";

/** The sources of every organization. One without a name of its own or of its brand is left out. */
export function* readBrands(entries: BundleEntries, tally: Tally): Generator<PublishedSource> {
  for (const organization of entries.organizations) {
    const line = lineage(organization, entries);
    const brand = line.length > 1 ? (line.at(-1)?.name ?? null) : null;
    const name = organization.name ?? brand;
    // Marked even where the brand is left out: they would otherwise come back as sources of their own.
    const portals = portalsOf(line, entries, tally);
    if (name === null) {
      tally.leaveOut("no name", organization.id);
      continue;
    }
    const source = {
      name,
      brand: brand === name ? null : brand,
      brandIdentifier: organization.identifier,
      aliases: organization.aliases,
      places: organization.places,
      active: organization.active,
    };
    const logo = line.flatMap((one) => one.logo ?? [])[0] ?? null;
    for (const { portal, endpoints } of portals) {
      const row = { ...source, portal, logo: logo ?? portal?.logo ?? null };
      if (endpoints.length === 0) yield { ...row, endpoint: null };
      for (const endpoint of endpoints) yield { ...row, endpoint };
    }
  }
}

interface PortalEndpoints {
  portal: BundlePortal | null;
  endpoints: BundleEndpoint[];
}

/** The organization, its parent, and so on to the brand at the top; a circle ends where it closes. */
function lineage(organization: BundleOrganization, entries: BundleEntries): BundleOrganization[] {
  const line = [organization];
  for (let parent = entries.organization(organization.partOf); parent && !line.includes(parent); ) {
    line.push(parent);
    parent = entries.organization(parent.partOf);
  }
  return line;
}

/** The portals of the nearest in the line that has portals or endpoints, and its endpoints that no portal names. */
function portalsOf(line: readonly BundleOrganization[], entries: BundleEntries, tally: Tally): PortalEndpoints[] {
  const owner = line.find((one) => one.portals.length > 0 || one.endpoints.length > 0);
  if (!owner) return [{ portal: null, endpoints: [] }];
  const resolved = (references: readonly string[]): BundleEndpoint[] =>
    references.flatMap((reference) => {
      const endpoint = entries.endpoint(reference);
      if (!endpoint) return tally.leaveOut("refers to an endpoint that the file does not hold", owner.id);
      endpoint.used = true;
      return [endpoint];
    });
  const portals: PortalEndpoints[] = owner.portals.map((portal) => ({ portal, endpoints: resolved(portal.endpoints) }));
  const named = new Set(portals.flatMap(({ endpoints }) => endpoints.map(addressOf)));
  const others = resolved(owner.endpoints).filter((endpoint) => !named.has(addressOf(endpoint)));
  if (others.length > 0 || portals.length === 0) portals.push({ portal: null, endpoints: others });
  return portals;
}

function addressOf(endpoint: BundleEndpoint): string {
  return canonicalUrl(endpoint.address) ?? endpoint.address;
}
