/** Reads one file of an import, whatever it holds, and hands out its sources. */

import { readBrands } from "./brands-reader.ts";
import { createBundleReader } from "./bundle-reader.ts";
import { notJson, openContent } from "./content.ts";
import { readEndpoints } from "./endpoints-reader.ts";
import { isFacility, isVendorBrand, readFacility, readVendorBrand } from "./facility-reader.ts";
import { asObject } from "./json.ts";
import { readElements } from "./json-elements.ts";
import { readLines } from "./lines-reader.ts";
import type { PublishedSource } from "./published-source.ts";
import { createTally, type Tally } from "./tally.ts";

/** What a file turned out to be. */
export type ListKind = "User-access Brands bundle" | "FHIR Endpoint bundle" | "vendor's list" | "facilities";

/** A file that was read. */
export interface SourceList {
  /** Null where the file is valid JSON that lists no sources. */
  kind: ListKind | null;
  tally: Tally;
}

/**
 * Reads a file to its end.
 *
 * @param take told each source
 * @param onRead told how much of the file has been read, 0 to 1
 * @throws {ImportError} where the file cannot be read, is no JSON or breaks off
 */
export async function readSourceList(
  file: string,
  take: (source: PublishedSource) => void,
  onRead?: (fraction: number) => void,
): Promise<SourceList> {
  const tally = createTally();
  const { shape, chunks } = await openContent(file, onRead);
  if (shape === "lines") {
    let taken = 0;
    for await (const sources of readLines(file, chunks, tally)) {
      for (const source of sources) take(source);
      taken += sources.length;
    }
    return { kind: taken > 0 ? "facilities" : null, tally };
  }
  const bundle = createBundleReader(tally);
  let kind: ListKind | null = null;
  const takeElement = (member: string, element: unknown): void => {
    const object = asObject(element);
    if (member === "entry") {
      bundle.take(element);
    } else if (object && (isVendorBrand(object) || isFacility(object))) {
      tally.read++;
      kind = isVendorBrand(object) ? "vendor's list" : "facilities";
      const read = isVendorBrand(object) ? readVendorBrand : readFacility;
      for (const source of read(object, `entry ${tally.read}`, tally)) take(source);
    }
  };
  let rest: unknown;
  try {
    rest = await readElements(chunks, takeElement);
  } catch (error) {
    if (error instanceof SyntaxError) throw notJson(file);
    throw error;
  }
  if (asObject(rest)?.resourceType !== "Bundle") return { kind, tally };
  for (const source of readBrands(bundle.entries, tally)) take(source);
  for (const source of readEndpoints(bundle.entries, tally)) take(source);
  const { organizations, endpoints } = bundle.entries;
  if (organizations.length > 0) kind = "User-access Brands bundle";
  else if (endpoints.length > 0) kind = "FHIR Endpoint bundle";
  return { kind, tally };
}
