/**
 * Which language the element speaks: that of the nearest `lang` around it, through the roots of other elements. Words come
 * from `MbConnect.locales`, and where they have yet to be loaded, from there on first need.
 */
import { ENGLISH, type Strings, translated } from "./strings.ts";

/** What a language's module holds: its words by name, or its lines in English's order. */
export interface Locale {
  WORDS: Strings | string;
}

/** Language tag in lower case → its words, or how to load them. `es` serves `es-MX` as well; the longest tag counts. */
export type Locales = Record<string, Strings | (() => Promise<Locale>)>;

/** Languages written from right to left. Others leave the direction to the page. */
export const RIGHT_TO_LEFT = /^(ar|fa|he|ps|ur|yi)\b/;

/** The language that an element stands in, as a tag in lower case; empty where nothing says. */
function languageOf(element: Element): string {
  const holder = element.closest<HTMLElement>("[lang]");
  if (holder) return holder.lang.toLowerCase();
  const { host } = element.getRootNode() as ShadowRoot;
  return host ? languageOf(host) : "";
}

/** The words of the language that an element stands in, loaded where they are not at hand. English where that cannot be. */
export async function localeOf(element: Element, locales: Locales): Promise<Strings> {
  let tag = languageOf(element);
  while (tag && !Object.hasOwn(locales, tag)) tag = tag.replace(/(^|-)[^-]*$/, "");
  let words = locales[tag];
  try {
    if (typeof words === "function") {
      const { WORDS } = await words();
      words = locales[tag] = typeof WORDS === "string" ? translated(WORDS) : WORDS;
    }
    return words ?? ENGLISH;
  } catch {
    return ENGLISH;
  }
}
