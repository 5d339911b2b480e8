/**
 * Reads the plain shapes: a facility as one flat object (a line of JSON Lines, or an element of an array), and a brand of
 * a vendor's own list, which has several endpoints.
 */
import { asList, asText, type JsonObject, objectsOf, textsOf } from "./json.ts";
import type { PublishedSource } from "./published-source.ts";
import { readName, type Tally } from "./tally.ts";

/** True where an object is a facility: it has a name, or an endpoint, and a word on where its endpoint or itself is. */
export function isFacility(object: JsonObject): boolean {
  return "fhirBaseUrl" in object || ("name" in object && ("city" in object || "portalUrl" in object));
}

/**
 * A flat facility: `name, brand, brandIdentifier, aliases, city, state, zip, fhirBaseUrl, fhirVersion, portalUrl,
 * portalName, logo, vendor`, all optional but the name. One without a name is left out.
 *
 * @param example what the summary calls it, such as its line
 */
export function readFacility(object: JsonObject, example: string, tally: Tally): PublishedSource[] {
  const name = readName(object.name, asText(object.brand));
  if (name === null) return tally.leaveOut("no name", example);
  const address = asText(object.fhirBaseUrl);
  return [
    {
      name,
      brand: asText(object.brand),
      brandIdentifier: asText(object.brandIdentifier),
      aliases: textsOf(object.aliases),
      places: [{ city: asText(object.city), state: asText(object.state), zip: asText(object.zip) }],
      vendor: asText(object.vendor),
      endpoint: address === null ? null : { address, versions: textsOf(object.fhirVersion), active: true },
      portal: { name: asText(object.portalName), url: asText(object.portalUrl) },
      logo: asText(object.logo),
    },
  ];
}

/** True where an object is a brand of a vendor's own list. */
export function isVendorBrand(object: JsonObject): boolean {
  return Array.isArray(object.endpoints) && ("displayName" in object || "brandName" in object);
}

/** A brand of a vendor's own list: `displayName, brandName, brandId, city, state, postalCode, endpoints: [{ url, name }]`. */
export function readVendorBrand(object: JsonObject, example: string, tally: Tally): PublishedSource[] {
  const brand = asText(object.brandName);
  const name = readName(object.displayName, brand);
  if (name === null) return tally.leaveOut("no name", example);
  const source = {
    name,
    brand: brand === name ? null : brand,
    brandIdentifier: asText(object.brandId),
    places: [{ city: asText(object.city), state: asText(object.state), zip: asText(object.postalCode) }],
  };
  const addresses = objectsOf(object.endpoints).flatMap((endpoint) => asText(endpoint.url) ?? []);
  if (addresses.length === 0) return [{ ...source, endpoint: null }];
  const versions = asList(object.fhirVersion).length > 0 ? textsOf(object.fhirVersion) : [];
  return addresses.map((address) => ({ ...source, endpoint: { address, versions, active: true } }));
}
