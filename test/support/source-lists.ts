/** Invented lists of hospitals, as files in a folder of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** Writes files that are gone when the suite ends. Call it inside a `describe`, or at a file's top. */
export function listFolder(): (name: string, content: unknown) => string {
  const folder = mkdtempSync(join(tmpdir(), "mb-lists-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return (name, content) => {
    const file = join(folder, name);
    writeFileSync(file, typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content));
    return file;
  };
}

/** Facilities as JSON Lines. */
export function jsonLines(facilities: readonly object[]): string {
  return facilities.map((facility) => `${JSON.stringify(facility)}\n`).join("");
}

/** An invented facility; its endpoint follows from its name. */
export function facility(name: string, more: object = {}): object {
  const host = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return { name, city: "Springfield", state: "IL", fhirBaseUrl: `https://${host}.example.org/fhir/r4`, ...more };
}

/** A Bundle of resources. */
export function bundle(...resources: { resourceType: string; id: string }[]): object {
  return {
    resourceType: "Bundle",
    type: "collection",
    entry: resources.map((resource) => ({
      fullUrl: `https://lists.example.org/${resource.resourceType}/${resource.id}`,
      resource,
    })),
  };
}

/** An Organization of a brands bundle that refers to endpoints, by a portal for each where `portals` names any. */
export function organization(
  id: string,
  name: string,
  more: { endpoints?: string[]; portals?: Record<string, string[]>; [field: string]: unknown } = {},
): { resourceType: string; id: string } {
  const { endpoints = [], portals = {}, ...fields } = more;
  const reference = (endpoint: string) => ({ reference: `Endpoint/${endpoint}` });
  return {
    resourceType: "Organization",
    id,
    name,
    ...fields,
    endpoint: endpoints.map(reference),
    extension: Object.entries(portals).map(([portal, of]) => ({
      url: "http://hl7.org/fhir/StructureDefinition/organization-portal",
      extension: [
        { url: "portalName", valueString: portal },
        { url: "portalUrl", valueUrl: `https://${portal.toLowerCase().replaceAll(" ", "-")}.example.org/` },
        ...of.map((endpoint) => ({ url: "portalEndpoint", valueReference: reference(endpoint) })),
      ],
    })),
  } as { resourceType: string; id: string };
}

/** An Endpoint. */
export function endpoint(
  id: string,
  address: string,
  more: { version?: string; [field: string]: unknown } = {},
): { resourceType: string; id: string } {
  const { version, ...fields } = more;
  return {
    resourceType: "Endpoint",
    id,
    status: "active",
    connectionType: { code: "hl7-fhir-rest" },
    address,
    extension: version
      ? [{ url: "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", valueCode: version }]
      : [],
    ...fields,
  } as { resourceType: string; id: string };
}
