/**
 * What else a text of the catalog is called: what a name holds in words is also found by its short form, and the other way
 * round. A name counts where its words stand in a row, small words aside.
 */
import { isSmallWord, splitWords, wholeWord } from "./normalise.ts";
import { CALLED, SYSTEMS } from "./systems.ts";

/** Another name, as words. */
export interface OtherName {
  words: readonly string[];
  /** True for a short form that alone tells which system is meant. */
  short: boolean;
  /** True for one of several words that stands for the text as a whole, or for all but its last word. */
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
        const whole = at === 0 && forms.length <= name.length + 1;
        found.push({ ...other, whole: whole && other.words.length > 1 });
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
