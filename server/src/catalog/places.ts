/** Places in the United States as lists write them: states by name or code, ZIP codes with and without their hyphen. */

/** Code → name of the states, the district and the territories. */
export const STATES: Readonly<Record<string, string>> = {
  AL: "Alabama",
  AK: "Alaska",
  AZ: "Arizona",
  AR: "Arkansas",
  CA: "California",
  CO: "Colorado",
  CT: "Connecticut",
  DE: "Delaware",
  DC: "District of Columbia",
  FL: "Florida",
  GA: "Georgia",
  HI: "Hawaii",
  ID: "Idaho",
  IL: "Illinois",
  IN: "Indiana",
  IA: "Iowa",
  KS: "Kansas",
  KY: "Kentucky",
  LA: "Louisiana",
  ME: "Maine",
  MD: "Maryland",
  MA: "Massachusetts",
  MI: "Michigan",
  MN: "Minnesota",
  MS: "Mississippi",
  MO: "Missouri",
  MT: "Montana",
  NE: "Nebraska",
  NV: "Nevada",
  NH: "New Hampshire",
  NJ: "New Jersey",
  NM: "New Mexico",
  NY: "New York",
  NC: "North Carolina",
  ND: "North Dakota",
  OH: "Ohio",
  OK: "Oklahoma",
  OR: "Oregon",
  PA: "Pennsylvania",
  RI: "Rhode Island",
  SC: "South Carolina",
  SD: "South Dakota",
  TN: "Tennessee",
  TX: "Texas",
  UT: "Utah",
  VT: "Vermont",
  VA: "Virginia",
  WA: "Washington",
  WV: "West Virginia",
  WI: "Wisconsin",
  WY: "Wyoming",
  AS: "American Samoa",
  GU: "Guam",
  MP: "Northern Mariana Islands",
  PR: "Puerto Rico",
  VI: "Virgin Islands",
};

const CODES = new Map(Object.entries(STATES).map(([code, name]) => [name.toLowerCase(), code]));
/** States whose ZIP codes begin with zero, which spreadsheets drop. */
const ZERO_ZIPS = new Set(["CT", "MA", "ME", "NH", "NJ", "PR", "RI", "VI", "VT"]);

/** A state's two letters where they can be told from its code or name; otherwise the text as published. */
export function readState(published: string | null): string | null {
  if (published === null) return null;
  const code = published.replaceAll(".", "").toUpperCase();
  return Object.hasOwn(STATES, code) ? code : (CODES.get(published.toLowerCase()) ?? published);
}

/** A ZIP code with the hyphen of its nine digits and the zero that its state begins with; otherwise the text as published. */
export function readZip(published: string | null, state: string | null): string | null {
  if (published === null || /\D/.test(published)) return published;
  if (published.length === 9) return `${published.slice(0, 5)}-${published.slice(5)}`;
  const lostZero = (published.length === 3 || published.length === 4) && ZERO_ZIPS.has(state ?? "");
  return lostZero ? published.padStart(5, "0") : published;
}

/** Codes that stand behind names for something else as well: a degree, a legal form, a word. */
const NOT_ONLY_STATES = new Set(["CO", "DC", "ID", "IN", "LA", "MA", "MD", "ME", "MI", "MS", "OR", "PA"]);

/** The state whose code a name ends with, as many do that are listed without a place; null where that is not sure. */
export function stateInName(name: string): string | null {
  const code = /[ ,-]([A-Z]{2})$/.exec(name)?.[1] ?? "";
  return Object.hasOwn(STATES, code) && !NOT_ONLY_STATES.has(code) ? code : null;
}
