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
  // On a server nothing stands around it.
  if (!element.isConnected) return "";
  const holder = element.closest<HTMLElement>("[lang]");
  if (holder) return holder.lang.toLowerCase();
  const { host } = element.getRootNode() as ShadowRoot;
  return host ? languageOf(host) : "";
}

function tagOf(element: Element, locales: Locales): string {
  let tag = languageOf(element);
  while (tag && !Object.hasOwn(locales, tag)) tag = tag.replace(/(^|-)[^-]*$/, "");
  return tag;
}

/** The words that an element should use: its language's where they are at hand, else English. */
export function localeOf(element: Element, locales: Locales): Strings {
  const words = locales[tagOf(element, locales)];
  return typeof words === "object" ? words : ENGLISH;
}

/** What to wait for until the words are at hand, where they are not. Words that cannot be loaded leave English in their place. */
export function loadLocale(element: Element, locales: Locales): Promise<void> | undefined {
  const tag = tagOf(element, locales);
  const load = locales[tag];
  if (typeof load !== "function") return;
  return load().then(
    ({ WORDS }) => {
      locales[tag] = typeof WORDS === "string" ? translated(WORDS) : WORDS;
    },
    () => {},
  );
}
