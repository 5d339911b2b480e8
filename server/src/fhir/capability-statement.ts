/** What a FHIR server says that it can do. */
import { parseJson } from "./page.ts";

/** What is known of one resource type. */
export interface TypeCapability {
  searchParams: ReadonlySet<string>;
  includes: ReadonlySet<string>;
  revincludes: ReadonlySet<string>;
}

/** By resource type. */
export type Capabilities = ReadonlyMap<string, TypeCapability>;

interface Listed {
  type?: unknown;
  searchParam?: { name?: unknown }[];
  searchInclude?: unknown[];
  searchRevInclude?: unknown[];
}

/**
 * Reads a CapabilityStatement; null where it is none, or lists no types.
 *
 * @see FHIR R4, CapabilityStatement
 */
export function readCapabilities(bytes: Buffer): Capabilities | null {
  const statement = parseJson(bytes);
  if (statement?.resourceType !== "CapabilityStatement") return null;
  const rest = listOf<{ mode?: unknown; resource?: unknown }>(statement.rest);
  const resources = rest.filter(({ mode }) => mode !== "client").flatMap(({ resource }) => listOf<Listed>(resource));
  const types = new Map<string, TypeCapability>();
  for (const { type, searchParam, searchInclude, searchRevInclude } of resources) {
    if (typeof type !== "string") continue;
    types.set(type, {
      searchParams: new Set(listOf<{ name?: unknown }>(searchParam).map(({ name }) => String(name))),
      includes: new Set(listOf<unknown>(searchInclude).map(String)),
      revincludes: new Set(listOf<unknown>(searchRevInclude).map(String)),
    });
  }
  return types.size > 0 ? types : null;
}

function listOf<T>(value: unknown): T[] {
  return Array.isArray(value) ? value.filter((one) => one !== null && one !== undefined) : [];
}
