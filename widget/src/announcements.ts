/** What a screen reader is told beside the focused field, and how soon: one sentence for each change, never a flood. */
import { askOf } from "./connections.ts";
import { outcomeOf } from "./screens.ts";
import { detailOf, type ListMode, nameOf, remarkOf } from "./source-combobox.ts";
import { hasEnded, isLeaving, type View } from "./state.ts";
import { fill, type Strings } from "./strings.ts";

/** Milliseconds to wait while rows are on show and none is active, so that typing and its echo come first. */
export const AFTER_TYPING_MS = 1000;

/**
 * What to say of this view; an empty text says nothing and lets the next sentence repeat the last.
 *
 * @param listMode buttons have the focus themselves, which says what they are
 */
export function announcementOf(view: View, strings: Strings, listMode: ListMode): string {
  const { state, rows, active, open, pick, link, ending } = view;
  const row = rows[active];
  if (pick && isLeaving(state)) return fill(strings.starting, pick);
  if (ending) return askOf(view, strings);
  if (hasEnded(state)) {
    const { title, text } = outcomeOf(view, strings);
    if (!link?.pull) return `${title}. ${text}`;
    // Records that arrive are told of once, when they are all here.
    return link.pull.state === "settled" ? text : "";
  }
  if (row && listMode !== "buttons" && isApple()) return `${nameOf(row, strings)}, ${detailOf(row)}`;
  return open && state !== "searching" ? remarkOf(view, strings) || countOf(rows.length, strings) : "";
}

function countOf(count: number, { lang, count: words }: Strings): string {
  return fill(words[new Intl.PluralRules(lang).select(count)] ?? words.other, { count });
}

/** VoiceOver with Safari does not follow `aria-activedescendant` in a field that can be edited. */
function isApple(): boolean {
  return /Mac|iP/.test(navigator.platform);
}
