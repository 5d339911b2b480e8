/**
 * Collects the entries of a FHIR Bundle that lists sources: Organizations and Endpoints, shortened to what the catalog
 * uses, so that a bundle of a hundred megabytes fits in memory. What they mean is told once all of them are read, because
 * an entry may refer to a later one.
 *
 * @see https://hl7.org/fhir/smart-app-launch/brands.html User-access Brands and Endpoints
 */
import { asObject, asText, type JsonObject, objectsOf, textsOf } from "./json.ts";
import type { PublishedEndpoint, PublishedPlace } from "./published-source.ts";
import { readName, type Tally } from "./tally.ts";

/** An Endpoint. */
export interface BundleEndpoint extends PublishedEndpoint {
  id: string;
  /** Its own name, or that of the organization that manages it, where that stands within the entry. */
  name: string | null;
  /** Reference to the organization that manages it. */
  managedBy: string | null;
  /** Endpoints that no organization refers to become sources of their own. */
  used: boolean;
}

/** A portal of a brand. */
export interface BundlePortal {
  name: string | null;
  url: string | null;
  logo: string | null;
  /** References. */
  endpoints: string[];
}

/** An Organization: a brand, or a part of one. */
export interface BundleOrganization {
  id: string;
  name: string | null;
  aliases: string[];
  identifier: string | null;
  active: boolean;
  places: PublishedPlace[];
  logo: string | null;
  partOf: string | null;
  portals: BundlePortal[];
  /** References. */
  endpoints: string[];
}

/** The entries by every reference that may name them. */
export interface BundleEntries {
  organizations: BundleOrganization[];
  endpoints: BundleEndpoint[];
  organization(reference: string | null): BundleOrganization | undefined;
  endpoint(reference: string): BundleEndpoint | undefined;
}

/** Collects entries, then gives them all. */
export function createBundleReader(tally: Tally): { take(entry: unknown): void; entries: BundleEntries } {
  const organizations = new Map<string, BundleOrganization>();
  const endpoints = new Map<string, BundleEndpoint>();
  const all: Pick<BundleEntries, "organizations" | "endpoints"> = { organizations: [], endpoints: [] };
  return {
    take(entry) {
      tally.read++;
      const fullUrl = asText(asObject(entry)?.fullUrl);
      const resource = asObject(asObject(entry)?.resource);
      const id = asText(resource?.id) ?? fullUrl ?? `entry ${tally.read}`;
      const type = asText(resource?.resourceType);
      const keys = [fullUrl, `${type}/${id}`, `urn:uuid:${id}`];
      if (!resource) return void tally.leaveOut("no resource", id);
      if (type === "Organization") {
        const organization = readOrganization(resource, id);
        all.organizations.push(organization);
        for (const key of keys) if (key) organizations.set(key, organization);
      } else if (type === "Endpoint") {
        const endpoint = readEndpoint(resource, id);
        if (!endpoint) return void tally.leaveOut("no address", id);
        all.endpoints.push(endpoint);
        for (const key of keys) if (key) endpoints.set(key, endpoint);
      } else {
        tally.leaveOut("neither Organization nor Endpoint", id);
      }
    },
    entries: {
      ...all,
      organization: (reference) => (reference === null ? undefined : resolve(organizations, reference)),
      endpoint: (reference) => resolve(endpoints, reference),
    },
  };
}

/** By the full URL, else by the `Type/id` at the reference's end. */
function resolve<T>(entries: ReadonlyMap<string, T>, reference: string): T | undefined {
  return entries.get(reference) ?? entries.get(/[^/]+\/[^/]+$/.exec(reference)?.[0] ?? "");
}

function readEndpoint(resource: JsonObject, id: string): BundleEndpoint | null {
  const address = asText(resource.address);
  if (address === null) return null;
  const connections = objectsOf(resource.connectionType).flatMap((type) => asText(type.code) ?? []);
  const managedBy = asText(asObject(resource.managingOrganization)?.reference);
  const contained = objectsOf(resource.contained).find((one) => asText(one.id) === managedBy?.replace(/^#/, ""));
  return {
    id,
    address,
    versions: extensionsOf(resource, "endpoint-fhir-version").flatMap((one) => asText(one.valueCode) ?? []),
    active:
      (resource.status === undefined || resource.status === "active") &&
      (connections.length === 0 || connections.includes("hl7-fhir-rest")),
    name: readName(contained?.name ?? asObject(resource.managingOrganization)?.display, readName(resource.name, null)),
    managedBy,
    used: false,
  };
}

function readOrganization(resource: JsonObject, id: string): BundleOrganization {
  const brand = extensionsOf(resource, "organization-brand").flatMap((one) => objectsOf(one.extension));
  return {
    id,
    name: readName(resource.name, null),
    aliases: textsOf(resource.alias),
    identifier: readIdentifier(resource),
    active: resource.active !== false,
    places: objectsOf(resource.address).map((place) => ({
      city: asText(place.city),
      state: asText(place.state),
      zip: asText(place.postalCode),
    })),
    logo: brand.flatMap((one) => (ends(one, "brandLogo") ? (logoOf(one) ?? []) : []))[0] ?? null,
    partOf: asText(asObject(resource.partOf)?.reference),
    portals: extensionsOf(resource, "organization-portal").map(readPortal),
    endpoints: referencesOf(objectsOf(resource.endpoint)),
  };
}

function readPortal(extension: JsonObject): BundlePortal {
  const parts = objectsOf(extension.extension);
  const part = (name: string): JsonObject | undefined => parts.find((one) => ends(one, name));
  const logo = part("portalLogo");
  return {
    name: asText(part("portalName")?.valueString),
    url: asText(part("portalUrl")?.valueUrl ?? part("portalUrl")?.valueUri),
    logo: logo ? logoOf(logo) : null,
    endpoints: referencesOf(
      objectsOf(parts.flatMap((one) => (ends(one, "portalEndpoint") ? [one.valueReference] : []))),
    ),
  };
}

/** The brand's web address where it has one, as the guide asks; else the first identifier, with its system where that is another. */
function readIdentifier(resource: JsonObject): string | null {
  const identifiers = objectsOf(resource.identifier).flatMap((one) => {
    const value = asText(one.value);
    const system = asText(one.system);
    if (value === null) return [];
    return system === null || system === "urn:ietf:rfc:3986" ? [value] : [`${system}|${value}`];
  });
  return identifiers.find((one) => /^https?:\/\//i.test(one)) ?? identifiers[0] ?? null;
}

/** Extensions by the last part of their URL: lists use the core's URL and the guide's own for the same one. */
function extensionsOf(resource: JsonObject, name: string): JsonObject[] {
  return objectsOf(resource.extension).filter((one) => ends(one, name));
}

function ends(extension: JsonObject, name: string): boolean {
  return asText(extension.url)?.split("/").at(-1) === name;
}

function referencesOf(references: readonly JsonObject[]): string[] {
  return references.flatMap((one) => asText(one.reference) ?? []);
}

// An inlined image is longer than any text that is kept otherwise.
function logoOf(extension: JsonObject): string | null {
  const logo = extension.valueUrl ?? extension.valueUri;
  return typeof logo === "string" ? logo.trim() : null;
}
