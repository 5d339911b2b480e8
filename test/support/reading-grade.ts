/** How many years of school a text asks for, by formulas over its sentences, words and syllables; rough, as all of these are. */

interface Measure {
  sentences: number;
  words: number;
  syllables: number;
}

/** English by Flesch and Kincaid: a grade of US schools. */
export function englishGrade(texts: readonly string[]): number {
  const { sentences, words, syllables } = measure(texts, englishSyllables);
  return 0.39 * (words / sentences) + 11.8 * (syllables / words) - 15.59;
}

/** Spanish by Crawford: a grade of primary school. */
export function spanishGrade(texts: readonly string[]): number {
  const { sentences, words, syllables } = measure(texts, spanishSyllables);
  return -0.205 * ((100 * sentences) / words) + 0.049 * ((100 * syllables) / words) - 3.407;
}

/** Spanish by Fernández Huerta: 80 to 90 is easy, the sixth grade; more is easier. */
export function spanishEase(texts: readonly string[]): number {
  const { sentences, words, syllables } = measure(texts, spanishSyllables);
  return 206.84 - 60 * (syllables / words) - 1.02 * (words / sentences);
}

/** Every text is a sentence at least. */
function measure(texts: readonly string[], syllablesOf: (word: string) => number): Measure {
  const parts = texts.flatMap((text) => text.split(/[.!?…:]+/)).filter((part) => /\p{L}/u.test(part));
  const words = parts.flatMap((part) => part.match(/[\p{L}\p{N}’'-]+/gu) ?? []);
  const syllables = words.reduce((sum, word) => sum + syllablesOf(word.toLowerCase()), 0);
  return { sentences: parts.length, words: words.length, syllables };
}

/** Groups of vowels, without a final silent e or ed. */
function englishSyllables(word: string): number {
  const heard = word.replace(/(?<=[^laeiouy]|[aeiouy][^aeiouy])e$/, "").replace(/(?<=[^tdaeiou])ed$/, "d");
  return Math.max(1, heard.match(/[aeiouy]+/g)?.length ?? 1);
}

/** Groups of vowels; two strong ones, or an accented weak one beside another, are apart. */
function spanishSyllables(word: string): number {
  const apart = word
    .replace(/([aeoáéó])(?=[aeoáéó])|([aeoáéó])(?=[íú])|([íú])(?=[aeoáéó])/g, "$& ")
    .replace(/qu|gu(?=[eiéí])/g, "k");
  return Math.max(1, apart.match(/[aeiouáéíóúü]+/g)?.length ?? 1);
}
