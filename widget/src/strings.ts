/**
 * Every word that the element says, in English. A host overrides any of them by the `strings` property; words in braces
 * are filled in. Screens are chosen by the error registry's *what next*; a code that needs its own words has them here.
 * Another language is a list of lines, one for each text of English and in its order: half of it would be keys otherwise.
 */

/** What an outcome's button does: the same hospital again, another search, or the page anew. */
export type OutcomeStep = "retry" | "search" | "reload";

/** An outcome's screen: heading, one sentence, and its one next step. */
export interface OutcomeWords {
  title: string;
  text: string;
  /** The step's own words when omitted. */
  button?: string | undefined;
  /** What the button does; chosen by the code when omitted. */
  step?: OutcomeStep | undefined;
}

/** Every word, by where it stands. */
export interface Strings {
  /** The words' own language, for plural rules, dates and the direction of writing. */
  lang: string;
  label: string;
  hint: string;
  /** Before leaving: who receives what, and where the password stays. `{app}`. */
  notice: string;
  /** Stands for `{app}` where `app-name` is not given. */
  app: string;
  clear: string;
  searching: string;
  /** By plural rule; `{count}`. */
  count: Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
  /** Opens the other places behind one login; `{count}`, `{name}`. */
  locations: string;
  /** Below what a patient has picked on this device before. */
  forget: string;
  /** `{count}`. */
  countMore: string;
  /** `{query}`. */
  none: string;
  /** Opens the page's other way, and what helps to find it. */
  notListed: string;
  /** `{app}`. */
  unlisted: string;
  searchDown: string;
  retry: string;
  /** `{name}`. */
  starting: string;
  cancel: string;
  search: string;
  reload: string;
  /** The screen of a success. `{app}`. */
  connected: OutcomeWords & { button: string };
  /** Its heading where the hospital is known by name; `{name}`. */
  connectedName: string;
  /** In place of its sentence once records arrive; `{count}`. */
  arriving: string;
  /** All of them are here; `{count}`. */
  arrived: string;
  /** There are none, which is no failure. */
  arrivedNone: string;
  /** In place of its sentence where some of what was asked for was not granted; `{kinds}`. */
  missing: string;
  /** Its button then. */
  fix: string;
  /** A FHIR resource type → its word in `{kinds}`; `other` for the rest. */
  kinds: Record<string, string> & { other: string };
  connections: string;
  /** `{date}`. */
  updated: string;
  /** `{name}`. */
  reconnect: string;
  /** `{name}`. */
  disconnect: string;
  /** Asked once before it is done; `{name}`, `{app}`. */
  disconnectAsk: string;
  /** `{name}`. */
  disconnectYes: string;
  /** `{name}`. */
  disconnectNo: string;
  /** A connection's state → its words. `refresh_failed` and `disconnected`, where they have none, are `expired` and `failed`. */
  status: Record<string, string>;
  /** An error's code, or else what comes next → its screen. `{app}`. */
  outcomes: Record<string, OutcomeWords>;
  /** Stands before a code by which a failure can be looked up. */
  support: string;
  copy: string;
  copied: string;
  /** Words in place of the others for who connects for somebody else; see `relation`. */
  relations: Record<string, Partial<Strings>>;
}

/** The words in English. */
export const ENGLISH: Strings = {
  lang: "en",
  label: "Find your hospital or clinic",
  hint: "Type the name, city or ZIP code.",
  notice:
    "You sign in on your hospital’s own page. {app} receives a copy of your records. Your password stays with the hospital.",
  app: "This app",
  clear: "Clear",
  searching: "Searching…",
  count: { one: "{count} result", other: "{count} results" },
  locations: "Show all {count} places of {name}",
  forget: "Forget my recent choices",
  countMore: "{count} results shown, more available. Keep typing to narrow.",
  none: "No match for “{query}”. Check the spelling or try the city.",
  notListed: "My hospital isn’t listed",
  unlisted: "Try the name on a bill or an email from your hospital, or ask {app}.",
  searchDown: "Search is not working. Please try again in a minute.",
  retry: "Try again",
  starting: "Taking you to {name} to sign in",
  cancel: "Cancel",
  search: "Choose another hospital",
  reload: "Reload this page",
  connected: {
    title: "You are connected",
    text: "{app} can now get a copy of your records, which may take a while.",
    button: "Connect another hospital",
  },
  connectedName: "{name} is connected",
  arriving: "Your records are arriving: {count} so far",
  arrived: "Your records are here: {count}",
  arrivedNone: "There are no records here yet.",
  missing: "Some records were not shared: {kinds}.",
  fix: "Fix it",
  kinds: {
    AllergyIntolerance: "allergies",
    Condition: "health problems",
    DiagnosticReport: "reports",
    DocumentReference: "notes",
    Immunization: "vaccines",
    MedicationRequest: "medicines",
    Observation: "test results",
    other: "other records",
  },
  connections: "Your hospitals",
  updated: "Updated {date}",
  reconnect: "Reconnect {name}",
  disconnect: "Disconnect {name}",
  disconnectAsk: "{app} will get no more records from {name}.",
  disconnectYes: "Yes, disconnect {name}",
  disconnectNo: "Keep {name}",
  status: { active: "Connected", failed: "Not connected", expired: "Access has ended" },
  outcomes: {
    user_denied: { title: "Nothing was shared", text: "You stopped at your hospital’s own page." },
    patient_mismatch: {
      title: "This is a different account",
      text: "Please sign in with the same account as last time.",
    },
    not_authenticated: { title: "You are signed out", text: "Please sign in to {app} again." },
    patient_access_denied: { title: "Someone else is signed in", text: "Please sign in to {app} again." },
    resource_not_found: { title: "This hospital is not available", text: "{app} cannot connect to it right now." },
    offline: { title: "You seem to be offline", text: "Please check your internet connection." },
    retry: {
      title: "We could not connect",
      text: "Your hospital’s sign-in did not finish, so nothing was shared.",
    },
    new_session: {
      title: "This link has expired",
      text: "Sign-in links work only for a short time.",
      button: "Start again",
    },
    wait: { title: "Please wait a moment", text: "Something is not working. Please try again in a minute." },
  },
  support: "Code for support:",
  copy: "Copy",
  copied: "Copied",
  relations: {
    child: {
      label: "Find your child’s hospital or clinic",
      notice:
        "Sign in with the account you use for your child. {app} receives a copy of the records. Your password stays with the hospital.",
    },
    other: {
      label: "Find the hospital or clinic of the person you care for",
      notice:
        "Sign in with the account you use for that person. {app} receives a copy of the records. Your password stays with the hospital.",
    },
  },
};

/** Another language's words, from its lines in English's order. */
export function translated(lines: string): Strings {
  // A pattern, since the single file's build takes line breaks out of texts.
  const rest = lines.split(/\n/);
  return JSON.parse(JSON.stringify(ENGLISH), (_key, value) => (typeof value === "string" ? rest.shift() : value));
}

/** Where an element's own words stand: its attributes, and a host's `strings`. */
export interface OwnWords {
  strings: Partial<Strings>;
  label: string | undefined;
  hint: string | undefined;
  appName: string | undefined;
  /** `self`, or a name of `relations`. */
  relation: string;
}

/**
 * The words to use: an element's attributes over the host's `strings` over the language's, an outcome at a time.
 *
 * @param language all words of the language
 */
export function wordsOf({ strings, label, hint, appName, relation }: OwnWords, language: Strings = ENGLISH): Strings {
  const all = { ...language, ...strings };
  const words = { ...all, ...all.relations?.[relation] };
  return {
    ...words,
    ...(label && { label }),
    ...(hint && { hint }),
    ...(appName && { app: appName }),
    status: { ...language.status, ...strings.status },
    outcomes: { ...language.outcomes, ...strings.outcomes },
  };
}

/** Puts values in the places of `{their names}`; what has no value stays as it stands. */
export function fill(text: string, values: object): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => (values as Record<string, string>)[name] ?? place);
}
