/**
 * One normaliser for what is indexed and what is typed: case, accents, apostrophes, dotted initials and ampersands do not
 * matter, and words that are often shortened have one form, the long one, so that what is typed of it is its beginning.
 */

/** Shortened → whole word. */
const WHOLE_WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    assn: "association",
    assoc: "associates",
    behav: "behavioral",
    centre: "center",
    childrens: "children",
    clin: "clinic",
    cntr: "center",
    comm: "community",
    ctr: "center",
    cty: "county",
    dept: "department",
    derm: "dermatology",
    fam: "family",
    ft: "fort",
    grp: "group",
    hlth: "health",
    hosp: "hospital",
    inst: "institute",
    intl: "international",
    med: "medical",
    mem: "memorial",
    meml: "memorial",
    mt: "mount",
    natl: "national",
    obgyn: "obstetrics",
    ortho: "orthopedics",
    orthopaedic: "orthopedic",
    orthopaedics: "orthopedics",
    paediatric: "pediatric",
    paediatrics: "pediatrics",
    peds: "pediatrics",
    phys: "physicians",
    reg: "regional",
    rehab: "rehabilitation",
    st: "saint",
    svc: "service",
    svcs: "services",
    univ: "university",
    womens: "women",
  }),
);

/** Words that say nothing alone: they count only where a query has no other. */
const SMALL_WORDS: ReadonlySet<string> = new Set(["a", "an", "and", "at", "by", "for", "in", "of", "on", "the", "to"]);

/** At most this much of a text is read, in characters; no name is longer. */
const LONGEST_TEXT = 300;

/** The words of a text as they are spelled, in lower case and without marks, in their order; none for a text without letters and digits. */
export function splitWords(text: string): string[] {
  let plain = text.slice(0, LONGEST_TEXT);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII, where nothing needs to be decomposed
  if (!/^[\x00-\x7f]*$/.test(plain)) plain = plain.normalize("NFKD").replace(/\p{M}+/gu, "");
  plain = plain
    .toLowerCase()
    .replace(/['’‘`´ʼ]/g, "")
    .replace(/&/g, " and ")
    // M.D. → md, P.C. → pc
    .replace(/(?<![\p{L}\p{N}])(?:\p{L}\.){2,}/gu, (initials) => `${initials.replaceAll(".", "")} `)
    // The four digits behind a ZIP code's five tell a street; nobody searches by them.
    .replace(/\b(\d{5})-?\d{4}\b/g, "$1");
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The one form of a word. */
export function wholeWord(word: string): string {
  return WHOLE_WORDS.get(word) ?? word;
}

/** True for a word that says nothing alone. */
export function isSmallWord(word: string): boolean {
  return SMALL_WORDS.has(word);
}
