/**
 * Every word that the element says, in English. A host overrides any of them by the `strings` property; words in braces
 * are filled in. Screens are chosen by the error registry's *what next*; a code that needs its own words has them here.
 */

/** An outcome's screen: heading, one sentence, the label of its one next step. */
export interface OutcomeWords {
  title: string;
  text: string;
  button: string;
}

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
  /** The heading of a success whose hospital is known by name; `{name}`. */
  connectedName: string;
  connections: string;
  /** `{name}`. */
  reconnect: string;
  /** A connection's state → its words. */
  status: Record<string, string>;
  /** An error's code, or else what comes next → its screen; `connected` for success. `{app}`. */
  outcomes: Record<string, OutcomeWords>;
}

const outcome = (title: string, text: string, button: string): OutcomeWords => ({ title, text, button });
const TRY_AGAIN = "Try again";
const CHOOSE_ANOTHER = "Choose another hospital";
const RELOAD = "Reload this page";
const ENDED = "Access has ended";

const unavailable = outcome("This hospital is not available", "{app} cannot connect to it right now.", CHOOSE_ANOTHER);

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
  searchDown: "Search is not working right now.",
  tryAgain: TRY_AGAIN,
  starting: "Taking you to {name} to sign in",
  cancel: "Cancel",
  searchAgain: CHOOSE_ANOTHER,
  connectedName: "{name} is connected",
  connections: "Your hospitals",
  reconnect: "Reconnect {name}",
  status: {
    active: "Connected",
    failed: "Not connected",
    expired: ENDED,
    refresh_failed: ENDED,
    disconnected: "Not connected",
  },
  outcomes: {
    connected: outcome(
      "You are connected",
      "{app} can now get a copy of your records, which may take a while.",
      "Connect another hospital",
    ),
    user_denied: outcome("Nothing was shared", "You stopped at your hospital’s page. You can try again.", TRY_AGAIN),
    patient_mismatch: outcome(
      "This is a different account",
      "Please sign in with the same account as last time.",
      TRY_AGAIN,
    ),
    not_authenticated: outcome("You are signed out", "Please sign in to {app} again.", RELOAD),
    patient_access_denied: outcome("Someone else is signed in", "Please sign in to {app} again.", RELOAD),
    resource_not_found: unavailable,
    offline: outcome("You seem to be offline", "Please check your internet connection.", TRY_AGAIN),
    retry: outcome("We could not connect", "Your hospital’s sign-in did not finish, so nothing was shared.", TRY_AGAIN),
    new_session: outcome("This link has expired", "Sign-in links work only for a short time.", "Start again"),
    reconnect: outcome(ENDED, "Your hospital asks you to sign in again.", "Reconnect"),
    fix_setup: unavailable,
    wait: outcome("Please wait a moment", "Something is not working. Please try again in a minute.", TRY_AGAIN),
  },
};

/** The words to use: the host's own over English, an outcome at a time. */
export function wordsOf(own: Partial<Strings>): Strings {
  const { status, outcomes } = ENGLISH;
  return { ...ENGLISH, ...own, status: { ...status, ...own.status }, outcomes: { ...outcomes, ...own.outcomes } };
}

/** Puts values in the places of `{their names}`; what has no value stays as it stands. */
export function fill(text: string, values: object): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) =>
    String((values as Record<string, unknown>)[name] ?? place),
  );
}
