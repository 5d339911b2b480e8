/**
 * The EHR vendors and payers as data: one JSON file each in the package's folder `vendors`, read once when mb-connect
 * starts or an import runs. Here is what the catalog needs of them: how lists name a vendor, what its FHIR base URLs look
 * like, what patients call its portal. What its sign-in needs is in the same file, and read by the source profiles.
 */
import { readdirSync, readFileSync } from "node:fs";
import { z } from "zod";

/** The folder of the package's own vendor files. */
export const VENDOR_FILES = new URL("../../../../vendors/", import.meta.url);

/** A vendor file that cannot be used; the message names the file and every fault in it. */
export class VendorFileError extends Error {
  override name = "VendorFileError";
}

const pattern = z.string().refine(isPattern, "is no regular expression");
const changes = z.record(z.string(), z.unknown());

const vendorFile = z.strictObject({
  /** The short code: a source's `type`. */
  type: z.string().regex(/^[a-z][a-z0-9-]*$/),
  /** Shown where a list gives no name. */
  name: z.string().min(1),
  /** How lists name it: whole words, anywhere in what a list gives, case folded. */
  names: z.array(z.string().min(1)).min(1),
  /** Domains of its FHIR servers; names below them count. */
  hosts: z.array(z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/)).default([]),
  /** Those of its FHIR servers where hospital staff sign in; a patient's own stands beside it. */
  staff_hosts: z.array(z.string()).default([]),
  /** Regular expressions over a FHIR base URL, tried when no vendor's domain is known; case folded. */
  addresses: z.array(pattern).default([]),
  /** What a patient may type for it or its portal; no word that is part of many names. */
  words: z.string().default(""),
  /** What it asks of an app before it may connect, one sentence; null where nothing special is known. */
  setup_requirements: z.string().nullable().default(null),
  /** What `invalid_client` from its token endpoint usually means, in plain words; null where nothing special is known. */
  invalid_client: z.string().nullable().default(null),
  /** What its sign-in needs beyond the standard; a source profile's fields. */
  profile: changes.default({}),
  /** Changes for some of its sources: those whose FHIR base URL, or brand, else name, these regular expressions recognise. */
  overrides: z
    .array(
      z.strictObject({
        match: z
          .strictObject({ fhir_base_url: pattern.optional(), brand: pattern.optional() })
          .refine((match) => match.fhir_base_url ?? match.brand, "names fhir_base_url, brand or both"),
        profile: changes,
      }),
    )
    .default([]),
});

/** One vendor, as its file says it; `profile` and `overrides` are checked by the source profiles. */
export type Vendor = z.output<typeof vendorFile>;

/** The vendors. */
export interface Vendors {
  readonly all: readonly Vendor[];
  /** The vendor of a source's `type`; undefined for a type that no file tells of. */
  of(type: string | null): Vendor | undefined;
  /**
   * Who runs a source.
   *
   * @param published the vendor as the list names it, or null
   * @param address the FHIR base URL in its canonical form, or null
   * @returns the name to keep, and the short code: of the vendor that the name, else the domain, else the URL tells; else a
   *   slug of the name, else null
   */
  read(published: string | null, address: string | null): { vendor: string | null; type: string | null };
}

/**
 * Reads the vendor files.
 *
 * @param folder of JSON files; those of other endings are left alone
 * @throws {VendorFileError} naming the file, where one is no JSON, has a fault, or claims a type or domain that another has
 */
export function readVendors(folder: URL = VENDOR_FILES): Vendors {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  const all = files.sort().map((file) => readVendorFile(folder, file));
  const byType = once(all, "type", ({ type }) => [type]);
  const byHost = once(all, "domain", ({ hosts }) => hosts);
  const recognisers = all.map((vendor) => ({
    vendor,
    named: new RegExp(`(?<![a-z0-9])(?:${vendor.names.map(escaped).join("|")})(?![a-z0-9])`, "i"),
    addresses: vendor.addresses.map((one) => new RegExp(one, "i")),
  }));
  const hosting = (address: string): Vendor | undefined => {
    let host = /^https?:\/\/([^/:]+)/i.exec(address)?.[1]?.toLowerCase() ?? "";
    for (; host !== ""; host = host.slice(host.indexOf(".") + 1 || host.length)) {
      const found = byHost.get(host);
      if (found) return found;
    }
    return recognisers.find(({ addresses }) => addresses.some((one) => one.test(address)))?.vendor;
  };
  return {
    all,
    of: (type) => (type === null ? undefined : byType.get(type)),
    read(published, address) {
      const named = published === null ? undefined : recognisers.find((one) => one.named.test(published))?.vendor;
      const known = named ?? (address === null ? undefined : hosting(address));
      const slug = published
        ?.toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "");
      return { vendor: published ?? known?.name ?? null, type: known?.type ?? (slug || null) };
    },
  };
}

function readVendorFile(folder: URL, file: string): Vendor {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  } catch {
    throw new VendorFileError(`vendors/${file}: is no JSON`);
  }
  const parsed = vendorFile.safeParse(content);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`);
  throw new VendorFileError(`vendors/${file}: ${faults.join("; ")}`);
}

function once(all: readonly Vendor[], what: string, of: (vendor: Vendor) => readonly string[]): Map<string, Vendor> {
  const found = new Map<string, Vendor>();
  for (const vendor of all) {
    for (const key of of(vendor)) {
      if (found.has(key)) throw new VendorFileError(`vendors: the ${what} ${key} stands twice`);
      found.set(key, vendor);
    }
  }
  return found;
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text, "i");
    return true;
  } catch {
    return false;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
