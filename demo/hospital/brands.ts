/**
 * GET /brands.json: the User-access Brands bundle of every facility, as a vendor would publish it. Reads the facilities;
 * writes nothing.
 *
 * @see SMART App Launch 2.2, User-access Brands and Endpoints
 */
import type { Facility } from "./facilities.ts";

const EXTENSION = "http://hl7.org/fhir/StructureDefinition";

/** The identifier that a facility's brand has in the bundle and in its SMART configuration. */
export const brandIdentifier = (facility: Facility): { system: string; value: string } => ({
  system: "urn:ietf:rfc:3986",
  value: `https://${facility.slug}.example.org`,
});

const endpointOf = (facility: Facility): object => ({
  resourceType: "Endpoint",
  id: facility.slug,
  extension: [{ url: `${EXTENSION}/endpoint-fhir-version`, valueCode: "4.0.1" }],
  status: "active",
  connectionType: {
    system: "http://terminology.hl7.org/CodeSystem/endpoint-connection-type",
    code: "hl7-fhir-rest",
  },
  name: `FHIR R4 endpoint of ${facility.brand ?? facility.name}`,
  contact: [{ system: "url", value: "https://developers.example.org" }],
  payloadType: [{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", code: "none" }] }],
  address: facility.fhirBaseUrl,
});

/** The organization that patients sign in at: a facility that stands alone, or the health system of several. */
const brandOf = (facility: Facility): object => ({
  resourceType: "Organization",
  id: facility.slug,
  extension: [
    {
      url: `${EXTENSION}/organization-brand`,
      extension: [{ url: "brandLogo", valueUrl: `${facility.issuer}/logo.svg` }],
    },
    portalOf(facility),
  ],
  identifier: [brandIdentifier(facility)],
  active: true,
  type: organizationType,
  name: facility.brand ?? facility.name,
  telecom: [{ system: "url", value: brandIdentifier(facility).value }],
  ...(facility.brand ? {} : addressOf(facility)),
  endpoint: [{ reference: `Endpoint/${facility.slug}` }],
});

const locationOf = (facility: Facility): object => ({
  resourceType: "Organization",
  id: `${facility.slug}-${facility.zip}`,
  extension: [portalOf(facility)],
  identifier: [{ system: "urn:ietf:rfc:3986", value: `${brandIdentifier(facility).value}/${facility.zip}` }],
  active: true,
  type: organizationType,
  name: facility.name,
  telecom: [{ system: "url", value: brandIdentifier(facility).value }],
  ...addressOf(facility),
  partOf: { reference: `Organization/${facility.slug}` },
  endpoint: [{ reference: `Endpoint/${facility.slug}` }],
});

const organizationType = [
  { coding: [{ system: "http://terminology.hl7.org/CodeSystem/organization-type", code: "prov" }] },
];

const addressOf = ({ city, state, zip }: Facility): object =>
  city ? { address: [{ city, state, postalCode: zip, country: "US" }] } : {};

const portalOf = (facility: Facility): object => ({
  url: `${EXTENSION}/organization-portal`,
  extension: [
    { url: "portalName", valueString: facility.portal },
    { url: "portalUrl", valueUrl: facility.issuer },
    { url: "portalEndpoint", valueReference: { reference: `Endpoint/${facility.slug}` } },
  ],
});

/** The bundle. Facilities of one health system are organizations below its own. */
export function brandBundle(url: string, facilities: Facility[]): object {
  const oneOfEach = [...new Map(facilities.map((facility) => [facility.slug, facility])).values()];
  const resources = [
    ...oneOfEach.flatMap((facility) => [brandOf(facility), endpointOf(facility)]),
    ...facilities.filter((facility) => facility.brand).map(locationOf),
  ] as { resourceType: string; id: string }[];
  return {
    resourceType: "Bundle",
    id: "simulated-hospital",
    type: "collection",
    timestamp: "2026-01-05T09:00:00Z",
    entry: resources.map((resource) => ({
      fullUrl: `${url}/${resource.resourceType}/${resource.id}`,
      resource,
    })),
  };
}
