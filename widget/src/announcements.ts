/** What a screen reader is told beside the focused field, and how soon: one sentence for each change, never a flood. */
import { askOf } from "./connections.ts";
import { outcomeOf } from "./screens.ts";
import { detailOf, type ListMode, nameOf, remarkOf } from "./source-combobox.ts";
import { hasEnded, isLeaving, type View } from "./state.ts";
import { fill, type Strings } from "./strings.ts";

/** A sentence for the live regions. */
export interface Announcement {
  text: string;
  /** Milliseconds to wait, so that typing and its echo come first; a newer view takes the place of a waiting one. */
  delayMs: number;
}

const AFTER_TYPING_MS = 1000;

/**
 * What to say of this view; an empty text says nothing and lets the next sentence repeat the last.
 *
 * @param listMode buttons have the focus themselves, which says what they are
 */
export function announcementOf(view: View, strings: Strings, listMode: ListMode): Announcement {
  const { state, rows, active, open, pick, link, ending } = view;
  const row = rows[active];
  let text = "";
  let delayMs = 0;
  if (pick && isLeaving(state)) text = fill(strings.starting, pick);
  else if (ending) text = askOf(view, strings);
  else if (hasEnded(state)) {
    const outcome = outcomeOf(view, strings);
    // Records that arrive are told of once, when they are all here.
    if (!link?.pull) text = `${outcome.title}. ${outcome.text}`;
    else if (link.pull.state === "settled") text = outcome.text;
  } else if (row && listMode !== "buttons" && isApple()) text = `${nameOf(row, strings)}, ${detailOf(row)}`;
  else if (open && state !== "searching") {
    text = remarkOf(view, strings) || countOf(rows.length, strings);
    delayMs = AFTER_TYPING_MS;
  }
  return { text, delayMs };
}

function countOf(count: number, { lang, count: words }: Strings): string {
  return fill(words[new Intl.PluralRules(lang).select(count)] ?? words.other, { count });
}

/** VoiceOver with Safari does not follow `aria-activedescendant` in a field that can be edited. */
function isApple(): boolean {
  return /Mac|iP/.test(navigator.platform);
}
