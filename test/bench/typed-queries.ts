/**
 * Queries as people type them, made out of a catalog's own names by a seeded chance, so that the same catalog gives the same
 * ones: slips of many sorts, clipped words, places mixed in, accents left out, addresses pasted.
 */
import type { SourceRow } from "#server/store/schema.js";

/** A query and what would be right: the names in lower case with nothing but letters, digits and spaces, and where they are. */
export interface Query {
  kind: string;
  q: string;
  names: string[];
  place?: { city?: string; state?: string };
}

/** Invents so many queries of each kind. */
export function typedQueries(sources: readonly SourceRow[], each: number, seed = 1): Query[] {
  const chance = createChance(seed);
  const plain = sources.filter(({ name }) => /^[\p{L}\p{N} .,'&-]{8,60}$/u.test(name) && wordsOf(name).length >= 2);
  const queries: Query[] = [];
  for (const [kind, make] of Object.entries(KINDS)) {
    for (let made = 0, tries = 0; made < each && tries < each * 400; tries++) {
      const source = plain[chance.below(plain.length)] as SourceRow;
      const query = make(source, chance);
      if (!query) continue;
      made++;
      queries.push({ kind, names: [bareName(source.name)], ...query });
    }
  }
  return queries;
}

/** A name as it is compared with the right one. */
export function bareName(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{M}'’‘.]/gu, "")
    .replace(/[^a-z0-9]+/g, " ")
    .trim();
}

interface Chance {
  below(limit: number): number;
  of<T>(items: readonly T[]): T;
}

type Make = (source: SourceRow, chance: Chance) => Omit<Query, "kind" | "names"> | null;

const NEIGHBOURS: Record<string, string> = {
  ...{ a: "sqz", b: "vgn", c: "xvd", d: "sfe", e: "wrd", f: "dgr", g: "fht", h: "gjy", i: "uok", j: "hku", k: "jli" },
  ...{ l: "kop", m: "nj", n: "bmh", o: "ipl", p: "ol", q: "wa", r: "etf", s: "adw", t: "ryg", u: "yij", v: "cbf" },
  ...{ w: "qes", x: "zcs", y: "tuh", z: "xa" },
};
const SOUNDS: readonly [RegExp, string][] = [
  [/ph/, "f"],
  [/ea/, "ee"],
  [/ie/, "ei"],
  [/c(?=[aou])/, "k"],
  [/s(?=[ei])/, "c"],
  [/tion/, "sion"],
  [/y(?=\b)/, "ie"],
  [/ll/, "l"],
  [/ss/, "s"],
  [/tt/, "t"],
  [/nn/, "n"],
  [/a(?=[lnr])/, "e"],
  [/i(?=[lnt])/, "e"],
  [/o(?=[lnr])/, "a"],
];
const SHORT: Record<string, string> = {
  ...{ saint: "st", mount: "mt", fort: "ft", university: "univ", center: "ctr", medical: "med", hospital: "hosp" },
  ...{ pediatrics: "peds", dermatology: "derm", orthopedics: "ortho", orthopedic: "ortho", cardiology: "cardio" },
  ...{ physicians: "phys", memorial: "mem", community: "comm", county: "cty", regional: "reg", associates: "assoc" },
  ...{ department: "dept", family: "fam", clinic: "clin", rehabilitation: "rehab", services: "svcs", doctor: "dr" },
};

/** Changes one of the longer words. */
const slip = (change: (word: string, chance: Chance) => string | null): Make => {
  return ({ name }, chance) => {
    const words = wordsOf(name);
    const long = words.flatMap((word, at) => (word.length >= 6 ? [at] : []));
    if (long.length === 0) return null;
    const at = chance.of(long);
    const changed = change(words[at] as string, chance);
    return changed === null || changed === words[at] ? null : { q: words.with(at, changed).join(" ") };
  };
};

const KINDS: Record<string, Make> = {
  left_out: slip((word, chance) => cut(word, 1 + chance.below(word.length - 1), 1, "")),
  put_in: slip((word, chance) => cut(word, 1 + chance.below(word.length), 0, chance.of([..."aeiorstnl"]))),
  next_key: slip((word, chance) => {
    const at = 1 + chance.below(word.length - 1);
    return cut(word, at, 1, chance.of([...(NEIGHBOURS[word.charAt(at)] ?? "e")]));
  }),
  swapped: slip((word, chance) => {
    const at = 1 + chance.below(word.length - 2);
    return cut(word, at, 2, word.charAt(at + 1) + word.charAt(at));
  }),
  doubled: slip((word, chance) => {
    const at = chance.below(word.length);
    return cut(word, at, 1, word.charAt(at).repeat(2));
  }),
  by_ear: slip((word, chance) => {
    const fitting = SOUNDS.filter(([sound]) => sound.test(word));
    if (fitting.length === 0) return null;
    const [sound, spelled] = chance.of(fitting);
    return word.replace(sound, spelled);
  }),
  two_in_one: slip((word, chance) => {
    if (word.length < 8) return null;
    const at = 1 + chance.below(3);
    const once = cut(word, at, 1, "");
    const later = 4 + chance.below(once.length - 5);
    return cut(once, later, 2, once.charAt(later + 1) + once.charAt(later));
  }),
  first_letter: slip((word, chance) => cut(word, 0, 1, chance.of([...(NEIGHBOURS[word.charAt(0)] ?? "e")]))),
  slip_while_typing({ name }, chance) {
    const words = wordsOf(name);
    const last = words.at(-1) ?? "";
    if (last.length < 7 || words.length < 2) return null;
    const typed = last.slice(0, 6);
    return { q: [...words.slice(0, -1), cut(typed, 1 + chance.below(4), 1, "")].join(" ") };
  },
  run_together({ name }) {
    const words = wordsOf(name);
    return words.length > 4 ? null : { q: words.join("") };
  },
  two_joined({ name }, chance) {
    const words = wordsOf(name);
    if (words.length < 3) return null;
    const at = chance.below(words.length - 1);
    return { q: words.toSpliced(at, 2, `${words[at]}${words[at + 1]}`).join(" ") };
  },
  taken_apart: slip((word, chance) => {
    if (word.length < 8) return null;
    const at = 3 + chance.below(word.length - 5);
    return `${word.slice(0, at)} ${word.slice(at)}`;
  }),
  reordered({ name }, chance) {
    const words = wordsOf(name);
    if (words.length < 3) return null;
    const turn = 1 + chance.below(words.length - 1);
    return { q: [...words.slice(turn), ...words.slice(0, turn)].join(" ") };
  },
  clipped({ name }, chance) {
    const words = wordsOf(name).filter((word) => word.length > 2);
    if (words.length < 3) return null;
    return { q: words.map((word) => word.slice(0, 4 + chance.below(3))).join(" ") };
  },
  abbreviated({ name }) {
    const words = wordsOf(name);
    const short = words.map((word) => SHORT[word] ?? word);
    return short.join() === words.join() ? null : { q: short.join(" ") };
  },
  city_first({ name, city }) {
    return city && !/\d/.test(city) ? { q: `${city} ${wordsOf(name).slice(0, 3).join(" ")}`, place: { city } } : null;
  },
  city_between({ name, city, state }) {
    const words = wordsOf(name);
    if (!city || !state || words.length < 3) return null;
    return { q: [words[0], city, state, ...words.slice(1, 3)].join(" "), place: { city } };
  },
  state_last({ name, state }) {
    return state && /^[A-Z]{2}$/.test(state) ? { q: `${wordsOf(name).join(" ")} ${state}`, place: { state } } : null;
  },
  zip({ name, zip, city }) {
    const five = /^\d{5}/.exec(zip ?? "")?.[0];
    return five && city ? { q: `${wordsOf(name).slice(0, 2).join(" ")} ${five}`, place: { city } } : null;
  },
  zip_nearby({ name, zip }) {
    const five = /^\d{5}/.exec(zip ?? "")?.[0];
    if (!five) return null;
    const next = `${(Number(five.slice(3)) + 1) % 100}`.padStart(2, "0");
    return { q: `${wordsOf(name).join(" ")} ${five.slice(0, 3)}${next}` };
  },
  slip_and_city({ name, city }, chance) {
    const changed = KINDS.left_out?.({ name } as SourceRow, chance);
    return city && changed ? { q: `${changed.q} ${city}`, place: { city } } : null;
  },
  vendor_word({ name, type }) {
    const word = { epic: "mychart", athena: "athena", cerner: "cerner", meditech: "meditech" }[type ?? ""];
    return word ? { q: `${word} ${wordsOf(name).join(" ")}` } : null;
  },
  extra_word({ name }, chance) {
    const words = wordsOf(name);
    return words.length < 2
      ? null
      : { q: `${words.join(" ")} ${chance.of(["portal", "login", "records", "near me", "online"])}` };
  },
  without_accents({ name }) {
    return /\p{M}/u.test(name.normalize("NFD")) ? { q: bareName(name) } : null;
  },
  with_accents({ name }, chance) {
    const words = wordsOf(name);
    const at = chance.below(words.length);
    const accented = (words[at] as string).replace(
      /[aeion](?=[^aeiou]*$)/,
      (letter) => `${letter}${letter === "n" ? "\u0303" : "\u0301"}`,
    );
    return accented === words[at] ? null : { q: words.with(at, accented.normalize("NFC")).join(" ") };
  },
  pasted_address({ fhir_base_url, type }, chance) {
    if (!fhir_base_url || type === "athena") return null;
    return {
      q: fhir_base_url.replace(/\/+$/, "") + chance.of(["", "/", "/metadata", "/.well-known/smart-configuration"]),
    };
  },
};

function wordsOf(name: string): string[] {
  return bareName(name.replaceAll("&", " and ")).split(" ");
}

function cut(word: string, at: number, length: number, put: string): string {
  return word.slice(0, at) + put + word.slice(at + length);
}

/** Chance that repeats itself: mulberry32. */
function createChance(seed: number): Chance {
  let state = seed;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return { below, of: (items) => items[below(items.length)] as (typeof items)[number] };
}
