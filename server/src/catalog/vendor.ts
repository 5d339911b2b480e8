/**
 * The EHR vendors as facts: how lists name them, what their FHIR base URLs look like, what patients call their portals,
 * and what each asks of an app before it may connect.
 */

/** One vendor. */
export interface Vendor {
  /** The short code: a source's `type`. */
  readonly type: string;
  /** The name shown where a list gives none. */
  readonly name: string;
  /** Recognises the name that a list gives. */
  readonly named: RegExp;
  /** Recognises a FHIR base URL, host in lower case; null where the URLs tell nothing. */
  readonly hosted: RegExp | null;
  /** What a patient may type for it or its portal; no word that is part of many names. */
  readonly words: string;
  /** What it asks of an app before it may connect, one sentence; null where nothing special is known. */
  readonly setup: string | null;
}

const vendor = (
  type: string,
  name: string,
  named: RegExp,
  hosted: RegExp | null,
  words: string,
  setup: string | null = null,
): Vendor => ({ type, name, named, hosted, words, setup });

/** In the order in which they are tried; the first that recognises wins. */
export const VENDORS: readonly Vendor[] = [
  vendor(
    "epic",
    "Epic",
    /^epic\b/i,
    /\.epichosted\.com\/|\/\/fhir\.epic\.com\/|\/api\/fhir\/(r4|stu3|dstu2)$/i,
    "epic mychart",
    "Register a patient-facing app in Epic's developer portal; each organization must then have its client id, automatically or on request.",
  ),
  vendor(
    "cerner",
    "Oracle Health",
    /\b(oracle health|cerner)\b/i,
    /\/\/[^/]*\.cerner\.com\//,
    "cerner oracle healthelife",
    "Register a patient app in Oracle Health's developer console; its client id reaches production once the app is accepted there.",
  ),
  vendor(
    "athena",
    "athenahealth",
    /\bathena/i,
    /\/\/[^/]*\.athenahealth\.com[/:]/,
    "athena athenahealth",
    "Register a patient-facing app in athenahealth's developer portal; production credentials are given after a review.",
  ),
  vendor(
    "meditech",
    "MEDITECH",
    /\bmeditech\b/i,
    /\.meditech\.(cloud|global)[/:]|\/v\d\/uscore\/(r4|stu\d)$|\/\/mtrest/i,
    "meditech",
    "Register an app with MEDITECH; each hospital then enables it on its own API server.",
  ),
  vendor(
    "eclinicalworks",
    "eClinicalWorks",
    /\b(eclinical ?works|healow)\b/i,
    /\/\/[^/]*\.(healow|eclinicalworks)\.com\//,
    "eclinicalworks healow",
    "Register a patient app in the eClinicalWorks developer portal; one client id serves all practices.",
  ),
  vendor(
    "nextgen",
    "NextGen",
    /\bnextgen\b/i,
    /\/\/[^/]*\.nextgen\.com\//,
    "nextgen nextmd",
    "Register an app in NextGen's developer portal; each practice may ask for its own approval.",
  ),
  vendor(
    "veradigm",
    "Veradigm",
    /\bveradigm\b/i,
    /\/\/[^/]*\.veradigm\.com\//,
    "veradigm followmyhealth",
    "Register an app in Veradigm's developer programme; practices are enabled for it afterwards.",
  ),
  vendor(
    "allscripts",
    "Allscripts",
    /\ballscripts\b/i,
    /\/\/[^/]*\.allscripts(cloud)?\.com\//,
    "allscripts followmyhealth",
    "Register an app in the developer programme of the product's present owner; each site is enabled for it afterwards.",
  ),
  vendor("altera", "Altera", /\baltera\b/i, null, "altera followmyhealth"),
  vendor(
    "practicefusion",
    "Practice Fusion",
    /\bpractice ?fusion\b/i,
    /\/\/[^/]*\.(practice|patient)fusion\.com\//,
    "practicefusion patientfusion",
  ),
  vendor("greenway", "Greenway Health", /\bgreenway\b/i, /\.greenwayhealth\.com\//, "greenway"),
  vendor("modmed", "ModMed", /\b(modmed|modernizing medicine)\b/i, /\.ema-api\.com\//, "modmed"),
  vendor("meldrx", "MeldRx", /\bmeldrx\b/i, /\.meldrx\.com\//, "meldrx"),
  vendor("carepaths", "CarePaths", /\bcarepaths\b/i, /\.carepaths\.com\//, "carepaths"),
  vendor("first-insight", "First Insight", /\bfirst insight\b/i, /\.(maximeyes|ficintegrations)\.com[/:]/, "maximeyes"),
  vendor("office-practicum", "Office Practicum", /\boffice practicum\b/i, /\.op\.healthcare\//, "practicum"),
  vendor("drchrono", "DrChrono", /\bdrchrono\b/i, /\/fhir\/drchrono\//, "drchrono"),
  vendor("medhost", "MEDHOST", /\bmedhost\b/i, /\.yourcareuniverse\.net\//, "medhost yourcareuniverse"),
  vendor("azalea", "Azalea Health", /\bazalea\b/i, /\.azaleahealth\.com\//, "azalea"),
  vendor("netsmart", "Netsmart", /\bnetsmart\b/i, /\.netsmartcloud\.com\//, "netsmart"),
];

const BY_TYPE = new Map(VENDORS.map((one) => [one.type, one]));

/**
 * Who runs a source.
 *
 * @param published the vendor as the list names it, or null
 * @param address the FHIR base URL in its canonical form, or null
 * @returns the name to keep, and the short code: of the vendor that the name or else the URL tells, else a slug of the name, else null
 */
export function readVendor(
  published: string | null,
  address: string | null,
): { vendor: string | null; type: string | null } {
  const known =
    VENDORS.find((one) => published !== null && one.named.test(published)) ??
    VENDORS.find((one) => address !== null && one.hosted?.test(address));
  const slug = published
    ?.toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return { vendor: published ?? known?.name ?? null, type: known?.type ?? (slug || null) };
}

/** The vendor of a source's `type`; undefined for one that this table does not hold. */
export function vendorOf(type: string | null): Vendor | undefined {
  return type === null ? undefined : BY_TYPE.get(type);
}
