/**
 * Changes JSON and leaves its numbers as they were written: FHIR tells 1.10 from 1.1, and JSON.parse does not. Reads and
 * writes text.
 */
import { randomUUID } from "node:crypto";

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** What JSON can hold. Within `editJson` a number stands as a string that must be left alone. */
export type Json = string | boolean | null | Json[] | { [member: string]: Json | undefined };

/**
 * The text with a change made to its value.
 *
 * @param text JSON whose value is an object
 * @param edit changes the object in place
 * @throws {SyntaxError} where the text is no JSON
 * @see FHIR R4, 2.24.0.1 "Primitive types", decimal: "the precision of the decimal value has significance"
 */
export function editJson(text: string, edit: (value: Record<string, Json | undefined>) => void): string {
  // Nobody can know it beforehand, and so no string of the text can pass for a number.
  const mark = randomUUID();
  const value = JSON.parse(withNumbersMarked(text, mark));
  edit(value);
  return JSON.stringify(value).replaceAll(new RegExp(`"${mark}([^"]*)"`, "g"), "$1");
}

function withNumbersMarked(text: string, mark: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const character = text.charCodeAt(at);
    if (character === 0x22) {
      at = endOfString(text, at);
    } else if (character === 0x2d || (character >= 0x30 && character <= 0x39)) {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? "-";
      parts.push(text.slice(from, at), `"${mark}${number}"`);
      at += number.length;
      from = at;
    } else at += 1;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === 0x5c) escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  return text.length;
}
