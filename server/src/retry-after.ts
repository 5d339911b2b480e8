/** `Retry-After`: how long a server asks to be left alone. */

/**
 * Milliseconds that a `Retry-After` asks for, given in seconds or as a date; 0 where it is absent, past or unreadable.
 *
 * @param now milliseconds since 1970
 * @param longest what no server can ask beyond, in milliseconds
 * @see RFC 9110 section 10.2.3
 */
export function retryAfter(header: string | null, now: number, longest: number): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), longest);
}
