/**
 * GET /{facility}/fhir/metadata: what the FHIR server can do. Reads what `search.ts` knows; open to everybody.
 *
 * @see FHIR R4, CapabilityStatement
 */
import type { Route } from "./route.ts";
import { RESOURCE_TYPES } from "./scopes.ts";
import { includesOf, parametersOf, SEARCHED_TYPES } from "./search.ts";

const SECURITY = {
  service: [
    {
      coding: [{ system: "http://terminology.hl7.org/CodeSystem/restful-security-service", code: "SMART-on-FHIR" }],
    },
  ],
};

const resourceOf = (type: string): object =>
  SEARCHED_TYPES.includes(type)
    ? {
        type,
        interaction: [{ code: "read" }, { code: "search-type" }],
        ...includesOf(type),
        searchParam: parametersOf(type),
      }
    : { type, interaction: [{ code: "read" }] };

export const capabilityStatement: Route = ({ facility }, _request, response) => {
  if (facility.fault === "answers_html") return response.send("<!doctype html><title>Welcome to our website</title>");
  response.set("Cache-Control", "no-store").type("application/fhir+json");
  response.send(
    JSON.stringify({
      resourceType: "CapabilityStatement",
      status: "active",
      date: "2026-01-05",
      kind: "instance",
      implementation: { description: `Simulated hospital: ${facility.name}`, url: facility.fhirBaseUrl },
      fhirVersion: "4.0.1",
      format: ["json"],
      rest: [{ mode: "server", security: SECURITY, resource: RESOURCE_TYPES.map(resourceOf) }],
    }),
  );
};
