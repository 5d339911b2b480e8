/** The few assertions that the tests in the browser need; the runner shows `actual` and `expected`. */

/** Fails unless the condition holds. */
export function ok(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fails unless both are the same as JSON. */
export function equal(actual: unknown, expected: unknown, message = "not equal"): void {
  const [one, other] = [JSON.stringify(actual, null, 1), JSON.stringify(expected, null, 1)];
  if (one !== other) throw Object.assign(new Error(`${message}: ${one} instead of ${other}`), { actual, expected });
}
