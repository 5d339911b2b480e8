/** What comes again and again in a catalog is read once. */

/** What was read of a text before; else what `read` gives, which is kept in `known`. */
export function remembered<T extends number | readonly string[]>(
  known: Map<string, T>,
  text: string,
  read: (text: string) => T,
): T {
  const before = known.get(text);
  if (before !== undefined) return before;
  const found = read(text);
  known.set(text, found);
  return found;
}
