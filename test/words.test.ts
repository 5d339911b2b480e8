/** What the element says: complete in every language, in the same places, and in words that a child of twelve reads. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ENGLISH } from "@mb-connect/widget";
import { englishGrade, spanishEase, spanishGrade } from "./support/reading-grade.ts";
import { ROOT } from "./support/source-files.ts";

const GRADE = 6;
/** Fernández Huerta's own limit of what the sixth grade reads. */
const EASE = 80;
/** What one short sentence may come to by chance of its words, where the whole is easy. */
const HARDEST = { grade: 8, ease: 70 };

const LANGUAGES = readdirSync(join(ROOT, "widget/src/locales")).map((file) => file.replace(".ts", ""));

const textsOf = (words: object): string[] =>
  Object.values(words).flatMap((one) => (typeof one === "string" ? [one] : textsOf(one)));
const ENGLISH_TEXTS = textsOf(ENGLISH);

const linesOf = async (language: string): Promise<string[]> =>
  (await import(`@mb-connect/widget/locales/${language}`)).WORDS.split("\n");

/** The whole sentences, as a patient reads them; buttons and headings would only make them look easier. */
const sentencesOf = (texts: string[]): string[] =>
  texts
    .filter((text) => text.endsWith("."))
    .map((text) => text.replace(/\{(count)\}|\{\w+\}/g, (_place, count) => (count ? "12" : "Mercy")));

const placesOf = (text: string): string[] => [...(text.match(/\{\w+\}/g) ?? [])].sort();

test("seven languages are spoken", () => {
  assert.deepEqual([ENGLISH.lang, ...LANGUAGES].sort(), ["ar", "de", "en", "es", "fr", "vi", "zh"]);
});

for (const language of LANGUAGES) {
  test(`${language} says everything that English says, with the same values in it`, async () => {
    const lines = await linesOf(language);
    assert.equal(lines.length, ENGLISH_TEXTS.length);
    assert.equal(new Intl.Locale(lines[0] ?? "").language, language);
    for (const [index, line] of lines.entries()) {
      const english = ENGLISH_TEXTS[index] ?? "";
      assert.ok(line.trim() === line && line, `the line for "${english}"`);
      // Where English has a word for one, another language may spell the number out.
      if (english !== ENGLISH.count.one) assert.deepEqual(placesOf(line), placesOf(english), `${english} / ${line}`);
    }
  });
}

test("English is read in the sixth grade", () => {
  const texts = sentencesOf(ENGLISH_TEXTS);
  const grade = englishGrade(texts);
  assert.ok(grade <= GRADE, `grade ${grade.toFixed(1)}`);
  for (const text of texts) assert.ok(englishGrade([text]) <= HARDEST.grade, text);
});

test("Spanish is read in the sixth grade", async () => {
  const texts = sentencesOf(await linesOf("es"));
  const [grade, ease] = [spanishGrade(texts), spanishEase(texts)];
  assert.ok(grade <= GRADE, `grade ${grade.toFixed(1)}`);
  assert.ok(ease >= EASE, `ease ${ease.toFixed(1)}`);
  for (const text of texts) assert.ok(spanishEase([text]) >= HARDEST.ease, text);
});
