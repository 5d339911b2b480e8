/** Times as the wire has them: ISO 8601 in UTC, or null. */
export function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
