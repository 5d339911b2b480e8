/**
 * One normaliser for what is indexed and what is typed: case, accents, apostrophes, dotted initials and ampersands do not
 * matter, and words that are often shortened have one form, the long one, so that what is typed of it is its beginning.
 */

/** Shortened or spelled otherwise → the one form. */
const WHOLE_WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    adv: "advanced",
    amb: "ambulatory",
    anes: "anesthesia",
    anaesthesia: "anesthesia",
    assn: "association",
    assoc: "associates",
    assocs: "associates",
    behav: "behavioral",
    behavioural: "behavioral",
    centre: "center",
    chldrns: "children",
    childrens: "children",
    chiro: "chiropractic",
    clin: "clinic",
    cln: "clinic",
    cntr: "center",
    cntrs: "centers",
    comm: "community",
    commty: "community",
    ctr: "center",
    ctrs: "centers",
    cty: "county",
    dept: "department",
    derm: "dermatology",
    diag: "diagnostic",
    dr: "doctor",
    drs: "doctors",
    endo: "endocrinology",
    fam: "family",
    fdn: "foundation",
    ft: "fort",
    gastro: "gastroenterology",
    gen: "general",
    govt: "government",
    grp: "group",
    gyn: "gynecology",
    gynaecology: "gynecology",
    haematology: "hematology",
    hlth: "health",
    hosp: "hospital",
    hospitl: "hospital",
    hsp: "hospital",
    hts: "heights",
    inst: "institute",
    intl: "international",
    jct: "junction",
    lab: "laboratory",
    labs: "laboratories",
    med: "medical",
    mem: "memorial",
    meml: "memorial",
    mgmt: "management",
    mgt: "management",
    mt: "mount",
    mtn: "mountain",
    natl: "national",
    neph: "nephrology",
    neuro: "neurology",
    nw: "northwest",
    obgyn: "obstetrics",
    onc: "oncology",
    ophth: "ophthalmology",
    opthalmology: "ophthalmology",
    ortho: "orthopedics",
    orthopaedic: "orthopedic",
    orthopaedics: "orthopedics",
    paediatric: "pediatric",
    paediatrics: "pediatrics",
    peds: "pediatrics",
    phys: "physicians",
    prac: "practice",
    psych: "psychiatry",
    pulm: "pulmonary",
    reg: "regional",
    regl: "regional",
    rehab: "rehabilitation",
    rheum: "rheumatology",
    sta: "santa",
    ste: "saint",
    st: "saint",
    spec: "specialists",
    surg: "surgery",
    svc: "service",
    svcs: "services",
    sys: "system",
    univ: "university",
    uro: "urology",
    vly: "valley",
    womans: "women",
    womens: "women",
    mens: "men",
  }),
);

/** Words that say nothing alone: they count only where a query has no other. Spanish ones stand in many names. */
const SMALL_WORDS: ReadonlySet<string> = new Set(
  "a an and at by for in of on the to de del el la las los y".split(" "),
);

/** What is typed beside a name, as into a search of the whole web; a name may have them too. */
const PASSING_WORDS: ReadonlySet<string> = new Set(
  "account app login me my near nearby online patient portal records signin signup website www".split(" "),
);

/** The legal form behind a name. It is looked up where it is typed, but a name without it is as whole. */
const LEGAL_FORMS: ReadonlySet<string> = new Set(
  "co corp corporation dba inc llc llp lp ltd pa pc plc pllc".split(" "),
);

/** What many names say of themselves; who is asked for by the rest is asked for in full. */
const COMMON_NOUNS: ReadonlySet<string> = new Set(
  "care center centers clinic clinics group health hospital hospitals medical network services system systems".split(
    " ",
  ),
);

/** What the name of a system has on which nobody is a patient. */
const TRIAL_WORDS: ReadonlySet<string> = new Set("demo mock nonprod qa sandbox staging test uat".split(" "));

/** At most this much of a text is read, in characters; no name is longer. */
const LONGEST_TEXT = 300;

/** Written in one word as often as in two, often by the same system. */
const ONE_WORD_CARE = /\b(health|eye|home|primary|urgent)care\b/g;
/** Titles and legal forms whose letters stand apart, and any three letters that do. */
const APART_LETTERS = /\b(?:[a-z](?: [a-z]){2,}|m d|d o|p a|p c)\b/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII, where nothing needs to be decomposed
const LATIN = /^[\x00-\x7f]*$/;

/** The words of a text as they are spelled, in lower case and without marks, in their order; none for a text without letters and digits. */
export function splitWords(text: string): string[] {
  let plain = text.slice(0, LONGEST_TEXT).toLowerCase();
  // Nearly every text of a catalog is plain; what it does not have is not looked for.
  if (/[^a-z0-9 ]/.test(plain)) {
    if (!LATIN.test(plain))
      plain = plain
        .normalize("NFKD")
        .replace(/\p{M}+/gu, "")
        .toLowerCase();
    plain = plain
      .replace(/['’‘`´ʼ]/g, "")
      .replace(/&/g, " and ")
      // m.d. → md, p.c → pc
      .replace(
        /(?<![\p{L}\p{N}])(?:\p{L}\.)+\p{L}(?:\.|(?![\p{L}\p{N}]))/gu,
        (initials) => `${initials.replaceAll(".", "")} `,
      )
      // The four digits behind a ZIP code's five tell a street; nobody searches by them.
      .replace(/\b(\d{5})-\d{4}\b/g, "$1");
  }
  if (/\d{9}/.test(plain)) plain = plain.replace(/\b(\d{5})\d{4}\b/g, "$1");
  if (plain.includes("care")) plain = plain.replace(ONE_WORD_CARE, "$1 care");
  if (plain.includes("my chart")) plain = plain.replace(/\bmy chart/g, "mychart");
  if (plain.includes("u of ")) plain = plain.replace(/\bu of (?=[a-z])/g, "university of ");
  if (plain.includes("gyn")) plain = plain.replace(/\bob[\s/-]*gyn\b/g, "obgyn");
  if (/\b[a-z] [a-z]\b/.test(plain)) plain = plain.replace(APART_LETTERS, (letters) => letters.replaceAll(" ", ""));
  return plain.match(LATIN.test(plain) ? /[a-z0-9]+/g : /[\p{L}\p{N}]+/gu) ?? [];
}

/** The one form of a word. */
export function wholeWord(word: string): string {
  return WHOLE_WORDS.get(word) ?? word;
}

/** True for a word that says nothing alone. */
export function isSmallWord(word: string): boolean {
  return SMALL_WORDS.has(word);
}

/** True for a word that may be left out of a query that has others. */
export function isPassingWord(word: string): boolean {
  return SMALL_WORDS.has(word) || PASSING_WORDS.has(word);
}

/** True for a word that tells a name from others: no small word, no legal form and nothing that every hospital is. */
export function isTellingWord(word: string): boolean {
  return !isBesideName(word) && !COMMON_NOUNS.has(wholeWord(word));
}

/** True for a word by which a hospital names a system on trial. */
export function isTrialWord(word: string): boolean {
  return TRIAL_WORDS.has(word);
}

/** True for a word that a name may as well be without. */
export function isBesideName(word: string): boolean {
  return SMALL_WORDS.has(word) || LEGAL_FORMS.has(word);
}
