/**
 * The return URL, both ways: what the server adds to the host's `return_url`, and what a page reads from its own
 * address. It is a handoff, not the truth: the host's server reads the session before it believes it.
 * Browser-safe; no dependencies.
 */

/** The six parameters that are ours; everything else on the URL is the host's and stays. */
export const RETURN_PARAMETERS = [
  "patient_id",
  "patient_session_id",
  "success",
  "connection_id",
  "error",
  "error_description",
] as const;

/** A patient has come back with a source connected. `connection_id` is the source's id (`fhirsrc_…`), as on the whole wire. */
export interface ReturnSuccess {
  success: true;
  patient_id: string;
  patient_session_id: string;
  connection_id: string;
}

/** A patient has come back without. `error_description` is text from a URL: never show it as the app's own words. */
export interface ReturnFailure {
  success: false;
  patient_id: string;
  patient_session_id: string;
  error: string;
  error_description: string;
}

export type ReturnResult = ReturnSuccess | ReturnFailure;

/**
 * Adds a result to the host's return URL. What its query carried already stays; our own keys overwrite.
 *
 * @param returnUrl absolute URL, as checked when the session was made
 */
export function buildReturnUrl(returnUrl: string, result: ReturnResult): string {
  const url = new URL(returnUrl);
  for (const name of RETURN_PARAMETERS) url.searchParams.delete(name);
  for (const name of RETURN_PARAMETERS) {
    const value = (result as unknown as Record<string, unknown>)[name];
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * Reads a return from a URL: a result, or null where the URL is no return. A return has `success` of true or false and a
 * `patient_session_id`; a success without `connection_id` or a parameter that stands twice is none.
 *
 * @param url absolute or relative; the page's own address when omitted
 */
export function parseReturnUrl(url?: string | URL): ReturnResult | null {
  const address = url ?? (globalThis as { location?: { href: string } }).location?.href ?? "";
  let query: URLSearchParams;
  try {
    query = new URL(address, "http://relative.invalid").searchParams;
  } catch {
    return null;
  }
  const values = RETURN_PARAMETERS.map((name) => query.getAll(name));
  const [patient_id = "", patient_session_id, success, connection_id, error = "", error_description = ""] = values.map(
    ([value]) => value,
  );
  if (!patient_session_id || values.some(({ length }) => length > 1)) return null;
  const common = { patient_id, patient_session_id };
  if (success === "true") return connection_id ? { success: true, ...common, connection_id } : null;
  return success === "false" ? { success: false, ...common, error, error_description } : null;
}

/**
 * The same URL without our six parameters, so that a reload, the history and a referrer never replay a return.
 *
 * @param url absolute
 */
export function stripReturnUrl(url: string): string {
  const clean = new URL(url);
  for (const name of RETURN_PARAMETERS) clean.searchParams.delete(name);
  return clean.href;
}
