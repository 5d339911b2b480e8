/**
 * Every word that the element says, in English. A host overrides any of them by the `strings` property; words in braces
 * are filled in. Screens are chosen by the error registry's *what next*; a code that needs its own words has them here.
 */

/** What an outcome's button does: the same hospital again, another search, or the page anew. */
export type OutcomeStep = "retry" | "search" | "reload";

/** An outcome's screen: heading, one sentence, and its one next step. */
export interface OutcomeWords {
  title: string;
  text: string;
  button: string;
  /** What the button does; `retry` when omitted. */
  step?: OutcomeStep | undefined;
}

/** Every word, by where it stands. */
export interface Strings {
  /** The words' own language, for plural rules. */
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
  /** `{count}`. */
  countMore: string;
  /** `{query}`. */
  none: string;
  searchDown: string;
  tryAgain: string;
  /** `{name}`. */
  starting: string;
  cancel: string;
  searchAgain: string;
  /** The screen of a success. `{app}`. */
  connected: OutcomeWords;
  /** Its heading where the hospital is known by name; `{name}`. */
  connectedName: string;
  /** In place of its sentence once records arrive; `{count}`. */
  arriving: string;
  /** All of them are here; `{count}`. */
  arrived: string;
  /** There are none, which is no failure. */
  arrivedNone: string;
  connections: string;
  /** `{name}`. */
  reconnect: string;
  /** A connection's state → its words. */
  status: Record<string, string>;
  /** An error's code, or else what comes next → its screen. `{app}`. */
  outcomes: Record<string, OutcomeWords>;
}

const outcome = (title: string, text: string, button: string, step?: OutcomeStep): OutcomeWords => ({
  title,
  text,
  button,
  step,
});
const TRY_AGAIN = "Try again";
const CHOOSE_ANOTHER = "Choose another hospital";
const RELOAD = "Reload this page";
const ENDED = "Access has ended";

const unavailable = outcome(
  "This hospital is not available",
  "{app} cannot connect to it right now.",
  CHOOSE_ANOTHER,
  "search",
);

const unfinished = outcome(
  "We could not connect",
  "Your hospital’s sign-in did not finish, so nothing was shared.",
  TRY_AGAIN,
);

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
  countMore: "{count} results shown, more available. Keep typing to narrow.",
  none: "No match for “{query}”. Check the spelling or try the city.",
  searchDown: "Search is not working. Please try again in a minute.",
  tryAgain: TRY_AGAIN,
  starting: "Taking you to {name} to sign in",
  cancel: "Cancel",
  searchAgain: CHOOSE_ANOTHER,
  connectedName: "{name} is connected",
  arriving: "Your records are arriving: {count} so far",
  arrived: "Your records are here: {count}",
  arrivedNone: "There are no records here yet.",
  connections: "Your hospitals",
  reconnect: "Reconnect {name}",
  status: {
    active: "Connected",
    failed: "Not connected",
    expired: ENDED,
    refresh_failed: ENDED,
    disconnected: "Not connected",
  },
  connected: outcome(
    "You are connected",
    "{app} can now get a copy of your records, which may take a while.",
    "Connect another hospital",
    "search",
  ),
  outcomes: {
    user_denied: outcome("Nothing was shared", "You stopped at your hospital’s own page.", TRY_AGAIN),
    patient_mismatch: outcome(
      "This is a different account",
      "Please sign in with the same account as last time.",
      TRY_AGAIN,
    ),
    not_authenticated: outcome("You are signed out", "Please sign in to {app} again.", RELOAD, "reload"),
    patient_access_denied: outcome("Someone else is signed in", "Please sign in to {app} again.", RELOAD, "reload"),
    resource_not_found: unavailable,
    offline: outcome("You seem to be offline", "Please check your internet connection.", TRY_AGAIN),
    retry: unfinished,
    new_session: outcome("This link has expired", "Sign-in links work only for a short time.", "Start again"),
    reconnect: unfinished,
    fix_setup: unavailable,
    wait: outcome("Please wait a moment", "Something is not working. Please try again in a minute.", TRY_AGAIN),
  },
};

/** Where an element's own words stand: its attributes, and a host's `strings`. */
export interface OwnWords {
  strings: Partial<Strings>;
  label: string | undefined;
  hint: string | undefined;
  appName: string | undefined;
}

/** The words to use: an element's attributes over the host's `strings` over English, an outcome at a time. */
export function wordsOf({ strings, label, hint, appName }: OwnWords): Strings {
  const words = { ...ENGLISH, ...strings };
  return {
    ...words,
    label: label ?? words.label,
    hint: hint ?? words.hint,
    app: appName ?? words.app,
    status: { ...ENGLISH.status, ...strings.status },
    outcomes: { ...ENGLISH.outcomes, ...strings.outcomes },
  };
}

/** Puts values in the places of `{their names}`; what has no value stays as it stands. */
export function fill(text: string, values: object): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => (values as Record<string, string>)[name] ?? place);
}
