/** Reads of JSON that others published: each takes anything and answers the asked kind or nothing, and none throws. */

/** An object whose members may be anything. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value as an object; null for anything else, arrays included. */
export function asObject(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** The value as an array; a single object counts as an array of itself, anything else is empty. */
export function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return asObject(value) ? [value] : [];
}

/** The objects of a list; what is none is left out. */
export function objectsOf(value: unknown): JsonObject[] {
  return asList(value).filter((item): item is JsonObject => asObject(item) !== null);
}

/** The value as one line of text with single spaces, at most 2,000 characters; numbers are taken; null where nothing is left. */
export function asText(value: unknown): string | null {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value !== "string") return null;
  const text = value.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return text === "" ? null : text.slice(0, 2000);
}

/** The texts of a list, without doubles. */
export function textsOf(value: unknown): string[] {
  const texts = (Array.isArray(value) ? value : [value]).flatMap((item) => asText(item) ?? []);
  return [...new Set(texts)];
}
