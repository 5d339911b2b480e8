/**
 * Short and former names of well-known health systems and payers: facts, from public knowledge. What a name holds in words
 * is also found by its short form, and the other way round. A name counts where its words stand in a row, small words aside.
 */
import { isSmallWord, splitWords, wholeWord } from "./normalise.ts";

/** Short form → the names that it stands for. */
const SYSTEMS: Readonly<Record<string, readonly string[]>> = {
  ahn: ["allegheny health network"],
  arh: ["appalachian regional healthcare"],
  bch: ["boston childrens hospital", "boulder community"],
  bcbs: ["blue cross blue shield", "blue cross and blue shield"],
  bidmc: ["beth israel deaconess"],
  bilh: ["beth israel lahey"],
  bjc: ["barnes jewish"],
  bmc: ["boston medical center", "baptist medical center"],
  bsw: ["baylor scott and white"],
  bwh: ["brigham and womens"],
  ccf: ["cleveland clinic"],
  cchmc: ["cincinnati childrens"],
  cchs: ["christiana care"],
  chco: ["childrens hospital colorado"],
  chi: ["catholic health initiatives"],
  chkd: ["childrens hospital of the kings daughters", "kings daughters"],
  chla: ["childrens hospital los angeles", "childrens hospital of los angeles"],
  choa: ["childrens healthcare of atlanta"],
  choc: ["childrens hospital of orange county"],
  chop: ["childrens hospital of philadelphia", "childrens hospital philadelphia"],
  chw: ["childrens hospital of wisconsin", "childrens wisconsin"],
  cmh: ["childrens mercy"],
  coh: ["city of hope"],
  cpmc: ["california pacific medical center"],
  cshs: ["cedars sinai"],
  cuimc: ["columbia university irving", "columbia university medical center"],
  dfci: ["dana farber"],
  dhmc: ["dartmouth hitchcock"],
  dmc: ["detroit medical center"],
  ecmc: ["erie county medical center"],
  emhs: ["eastern maine", "northern light"],
  fccc: ["fox chase cancer center"],
  gbmc: ["greater baltimore medical center"],
  gwu: ["george washington university"],
  hcmc: ["hennepin county", "hennepin healthcare"],
  hfh: ["henry ford"],
  hfhs: ["henry ford health"],
  hmh: ["hackensack meridian", "houston methodist"],
  hss: ["hospital for special surgery"],
  hup: ["hospital of the university of pennsylvania"],
  hupenn: ["hospital of the university of pennsylvania"],
  ihc: ["intermountain health", "intermountain"],
  ihs: ["indian health service"],
  imc: ["intermountain medical center"],
  iuh: ["indiana university health", "iu health"],
  jhh: ["johns hopkins hospital"],
  jhu: ["johns hopkins"],
  jps: ["john peter smith"],
  kp: ["kaiser permanente"],
  kumc: ["university of kansas"],
  lij: ["long island jewish"],
  llu: ["loma linda university"],
  lluh: ["loma linda university health"],
  lpch: ["lucile packard"],
  lsu: ["louisiana state university"],
  luhs: ["loyola university"],
  lvhn: ["lehigh valley health network"],
  mcg: ["medical college of georgia"],
  mcw: ["medical college of wisconsin"],
  mda: ["md anderson"],
  mdacc: ["md anderson"],
  meei: ["massachusetts eye and ear", "mass eye and ear"],
  mgb: ["mass general brigham"],
  mgh: ["massachusetts general", "mass general"],
  mghfc: ["massachusetts general hospital for children"],
  mhs: ["memorial healthcare system", "methodist health system"],
  mmc: ["maine medical center", "maimonides medical center", "montefiore medical center"],
  msk: ["memorial sloan kettering"],
  mskcc: ["memorial sloan kettering"],
  msmc: ["mount sinai medical center"],
  mssm: ["mount sinai"],
  msu: ["michigan state university"],
  musc: ["medical university of south carolina"],
  nch: ["nationwide childrens", "nicklaus childrens"],
  nhrmc: ["new hanover regional"],
  nih: ["national institutes of health"],
  nmh: ["northwestern memorial"],
  nslij: ["northwell", "north shore lij"],
  nwh: ["newton wellesley"],
  nym: ["new york methodist"],
  nyp: ["newyork presbyterian", "new york presbyterian"],
  nyph: ["newyork presbyterian", "new york presbyterian"],
  ohsu: ["oregon health and science university", "oregon health science university"],
  olol: ["our lady of the lake"],
  osf: ["order of saint francis", "osf saint francis"],
  osu: ["ohio state university", "oklahoma state university"],
  osuwmc: ["ohio state university wexner"],
  oumc: ["university of oklahoma"],
  pamf: ["palo alto medical foundation"],
  phs: ["presbyterian healthcare services"],
  qmc: ["queens medical center"],
  rch: ["riley hospital for children", "riley children"],
  rpci: ["roswell park"],
  rwj: ["robert wood johnson", "rwjbarnabas"],
  rwjuh: ["robert wood johnson university hospital"],
  sch: ["seattle childrens"],
  sfgh: ["san francisco general", "zuckerberg san francisco general"],
  slu: ["saint louis university"],
  smch: ["stony brook"],
  ssm: ["sisters of saint mary", "ssm health"],
  sunydownstate: ["suny downstate"],
  tch: ["texas childrens"],
  tgh: ["tampa general"],
  thr: ["texas health resources"],
  tjuh: ["thomas jefferson university"],
  tmh: ["tallahassee memorial", "the methodist hospital"],
  tuh: ["temple university hospital"],
  uab: ["university of alabama at birmingham"],
  uams: ["university of arkansas for medical sciences", "arkansas for medical sciences"],
  uc: ["university of california"],
  uch: ["university of colorado hospital", "uchealth"],
  uchc: ["university of connecticut", "uconn health"],
  uchicago: ["university of chicago"],
  ucd: ["uc davis", "university of california davis"],
  uci: ["uc irvine", "university of california irvine"],
  ucla: ["university of california los angeles"],
  ucsd: ["uc san diego", "university of california san diego"],
  ucsf: ["university of california san francisco"],
  uf: ["university of florida", "uf health"],
  uhc: ["united healthcare", "united health care"],
  uic: ["university of illinois", "uic hospital"],
  uihc: ["university of iowa"],
  uk: ["university of kentucky"],
  umass: ["university of massachusetts"],
  umc: ["university medical center"],
  umich: ["university of michigan"],
  ummc: ["university of mississippi medical center", "university of maryland medical center"],
  umms: ["university of maryland medical system"],
  unc: ["university of north carolina"],
  unm: ["university of new mexico"],
  unmc: ["university of nebraska"],
  upenn: ["university of pennsylvania", "penn medicine"],
  upmc: ["university of pittsburgh medical center"],
  urmc: ["university of rochester"],
  usc: ["university of southern california", "keck medicine"],
  usf: ["university of south florida"],
  uthscsa: ["university of texas health science center at san antonio", "ut health san antonio"],
  utmb: ["university of texas medical branch"],
  utmc: ["university of toledo"],
  utsw: ["ut southwestern", "university of texas southwestern"],
  uva: ["university of virginia"],
  uvm: ["university of vermont"],
  uvmmc: ["university of vermont medical center"],
  uw: ["university of washington", "university of wisconsin", "uw medicine"],
  uwmc: ["university of washington medical center"],
  va: ["veterans affairs", "veterans administration", "department of veterans affairs"],
  vamc: ["va medical center", "veterans affairs medical center"],
  vcu: ["virginia commonwealth university"],
  vmmc: ["virginia mason"],
  vumc: ["vanderbilt university"],
  wcm: ["weill cornell"],
  wfbh: ["wake forest baptist"],
  wfubmc: ["wake forest"],
  wmc: ["westchester medical center"],
  wustl: ["washington university"],
  wvu: ["west virginia university"],
  ynhh: ["yale new haven"],
  ynhhs: ["yale new haven"],
};

/** What patients still say, or say shorter → the names that it stands for now. */
const CALLED: Readonly<Record<string, readonly string[]>> = {
  "abbott northwestern": ["allina health"],
  asante: ["rogue valley medical center"],
  aurora: ["advocate aurora"],
  "barnes jewish hospital": ["bjc healthcare"],
  beaumont: ["corewell health"],
  "bellevue hospital": ["nyc health hospitals"],
  bluecross: ["blue cross"],
  "brigham and womens hospital": ["mass general brigham"],
  "carolinas healthcare": ["atrium health"],
  "carolinas medical center": ["atrium health"],
  "catholic health initiatives": ["commonspirit"],
  "catholic healthcare west": ["dignity health"],
  "cook county hospital": ["cook county health"],
  dignity: ["dignity health", "commonspirit"],
  "duke university hospital": ["duke health"],
  "einstein medical center": ["jefferson health"],
  "elmhurst hospital": ["nyc health hospitals"],
  "emory university hospital": ["emory healthcare"],
  "faulkner hospital": ["mass general brigham"],
  "florida hospital": ["adventhealth"],
  froedtert: ["froedtert thedacare"],
  "georgetown university hospital": ["medstar health"],
  "grady memorial hospital": ["grady health"],
  "greenville health system": ["prisma health"],
  "greenville memorial": ["prisma health"],
  "harborview medical center": ["uw medicine"],
  "harlem hospital": ["nyc health hospitals"],
  "henry ford hospital": ["henry ford health"],
  "inova fairfax": ["inova health"],
  "jackson memorial hospital": ["jackson health system"],
  jefferson: ["thomas jefferson university"],
  "kings county hospital": ["nyc health hospitals"],
  "lenox hill hospital": ["northwell"],
  "lincoln hospital": ["nyc health hospitals"],
  "massachusetts general hospital": ["mass general brigham"],
  "mclean hospital": ["mass general brigham"],
  "md anderson": ["university of texas md anderson"],
  "moses cone": ["cone health"],
  "newton wellesley hospital": ["mass general brigham"],
  "north shore": ["northwell"],
  "north shore university hospital": ["northwell"],
  ochsner: ["ochsner lsu", "ochsner health"],
  "ohio state hospital": ["ohio state university wexner"],
  "palmetto health": ["prisma health"],
  "parkland memorial hospital": ["parkland health"],
  partners: ["mass general brigham"],
  "partners healthcare": ["mass general brigham"],
  "penn hospital": ["penn medicine"],
  "penn medicine": ["university of pennsylvania"],
  riley: ["riley hospital for children"],
  "shands hospital": ["uf health"],
  "spaulding rehabilitation hospital": ["mass general brigham"],
  "spectrum health": ["corewell health"],
  "stanford hospital": ["stanford health care"],
  "staten island university hospital": ["northwell"],
  "strong memorial hospital": ["ur medicine", "university of rochester"],
  "tisch hospital": ["nyu langone"],
  "university of chicago": ["uchicago medicine"],
  "university of michigan": ["michigan medicine"],
  "university of pennsylvania": ["penn medicine"],
  "university of minnesota": ["m health fairview"],
  "university of washington": ["uw medicine"],
  "university of wisconsin": ["uw health"],
  "washington hospital center": ["medstar health"],
  "yale hospital": ["yale new haven"],
  abq: ["albuquerque"],
  atl: ["atlanta"],
  chitown: ["chicago"],
  dfw: ["dallas", "fort worth"],
  indy: ["indianapolis"],
  jax: ["jacksonville"],
  nola: ["new orleans"],
  nyc: ["new york", "manhattan", "brooklyn", "bronx", "queens", "staten island"],
  okc: ["oklahoma city"],
  philly: ["philadelphia"],
  pdx: ["portland"],
  phx: ["phoenix"],
  slc: ["salt lake city"],
  stl: ["saint louis"],
  vegas: ["las vegas"],
};

/** Another name, as words. */
export interface OtherName {
  words: readonly string[];
  /** True for a short form that alone tells which system is meant. */
  short: boolean;
  /** True for one of several words that stands for the text from its beginning on. */
  whole: boolean;
}

/** Gives the other names of what a text's words name. */
export type OtherNames = (words: readonly string[]) => OtherName[];

/** Makes the look-up once. */
export function createOtherNames(): OtherNames {
  const byFirst = new Map<string, { name: string[]; other: Omit<OtherName, "whole"> }[]>();
  const learn = (from: string, to: string, short: boolean): void => {
    const name = formsOf(from);
    const first = name[0] ?? "";
    const known = byFirst.get(first);
    const entry = { name, other: { words: formsOf(to), short } };
    if (known) known.push(entry);
    else byFirst.set(first, [entry]);
  };
  for (const [short, names] of Object.entries(SYSTEMS)) {
    for (const name of names) learn(name, short, true);
    // Only where there is one is it sure which is meant.
    if (names.length === 1 && names[0] !== undefined) learn(short, names[0], false);
  }
  for (const [called, names] of Object.entries(CALLED)) for (const name of names) learn(name, called, false);
  return (words) => {
    const forms = words.filter((word) => !isSmallWord(word)).map(wholeWord);
    const found: OtherName[] = [];
    forms.forEach((first, at) => {
      for (const { name, other } of byFirst.get(first) ?? []) {
        if (name.some((word, n) => forms[at + n] !== word)) continue;
        found.push({ ...other, whole: at === 0 && other.words.length > 1 });
      }
    });
    return found;
  };
}

function formsOf(text: string): string[] {
  return splitWords(text)
    .filter((word) => !isSmallWord(word))
    .map(wholeWord);
}
