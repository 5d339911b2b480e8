/**
 * `npm run requirements`: the numbered requirements on authorization and on the pull, and which of them no test names in its title. Reads the
 * titles of every test file; writes a table, and ends with 1 where a MUST has no test.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./support/source-files.ts";

type Weight = "MUST" | "SHOULD" | "MAY";

/** Number → how much it weighs. */
export const REQUIREMENTS: ReadonlyMap<string, Weight> = new Map([
  ...weigh("D", 10, { SHOULD: [7, 9], MAY: [10] }),
  ...weigh("A", 12, { SHOULD: [6, 8, 9] }),
  ...weigh("C", 9, { SHOULD: [7, 8] }),
  ...weigh("T", 13, { SHOULD: [12, 13] }),
  ["T4b", "MUST"],
  ["N1", "MUST"],
  ...weigh("I", 4, { SHOULD: [3] }),
  ...weigh("R", 8, { SHOULD: [6] }),
  ...weigh("M", 2, {}),
  ...weigh("S", 20, {}),
  ...weigh("P", 11, { SHOULD: [7, 11] }),
]);

function weigh(letter: string, last: number, lighter: Partial<Record<Weight, number[]>>): [string, Weight][] {
  return Array.from({ length: last }, (_, index): [string, Weight] => {
    const number = index + 1;
    const weight = lighter.SHOULD?.includes(number) ? "SHOULD" : lighter.MAY?.includes(number) ? "MAY" : "MUST";
    return [`${letter}${number}`, weight];
  });
}

const TITLE = /\b(?:test|it|describe)\(\s*(["'`])((?:(?!\1)[^\\]|\\.)*)\1/gs;
const NUMBERS = /^((?:[A-Z]\d{1,2}b?)(?:(?:, | and )[A-Z]\d{1,2}b?)*):/;

/**
 * The requirement numbers that a test file's titles name: those before the title's first colon, as in `S6, S7: …`.
 *
 * @param source of a test file
 */
export function namedIn(source: string): { number: string; title: string }[] {
  return [...source.matchAll(TITLE)].flatMap(([, , title = ""]) => {
    const numbers = NUMBERS.exec(title)?.[1]?.split(/, | and /) ?? [];
    return numbers.map((number) => ({ number, title }));
  });
}

function main(): void {
  const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" });
  const found = new Map<string, number>();
  for (const path of files.filter((name) => name.endsWith(".test.ts"))) {
    for (const { number, title } of namedIn(readFileSync(join(ROOT, "test", path), "utf8"))) {
      if (!REQUIREMENTS.has(number)) throw new Error(`${path}: there is no requirement ${number} (${title})`);
      found.set(number, (found.get(number) ?? 0) + 1);
    }
  }
  const without = [...REQUIREMENTS].filter(([number]) => !found.has(number));
  console.log(`${REQUIREMENTS.size - without.length} of ${REQUIREMENTS.size} requirements are named by a test's title`);
  for (const [number, weight] of without) console.log(`${number.padEnd(4)} ${weight.padEnd(6)} no test names it`);
  if (without.some(([, weight]) => weight === "MUST")) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) main();
