/**
 * What a patient does at the simulated hospital's portal, over plain HTTP: signs in, then allows or denies. Reads the pages
 * as a browser would and follows no redirect that leaves the hospital.
 */

export interface PortalVisit {
  decision?: "allow" | "deny";
  /** Whoever the sign-in page fills in, when omitted. */
  username?: string;
  password?: string;
}

const input = (page: string, name: string): string =>
  new RegExp(`<input[^>]* name="${name}"[^>]* value="([^"]*)"`).exec(page)?.[1] ?? "";

/** Follows redirects within one origin: where it ended, and the page there; no page when it led elsewhere. */
async function browse(url: URL, form?: Record<string, string>): Promise<{ url: URL; page: string }> {
  const post = form && { method: "POST", body: new URLSearchParams(form) };
  const response = await fetch(url, { redirect: "manual", ...post });
  const location = response.headers.get("location");
  if (location === null) return { url, page: await response.text() };
  const next = new URL(location, url);
  return next.origin === url.origin ? browse(next) : { url: next, page: "" };
}

/**
 * Goes through the portal from an authorization URL.
 *
 * @returns where the hospital sends the browser: the app's callback
 */
export async function visitPortal(authorizationUrl: string | URL, visit: PortalVisit = {}): Promise<URL> {
  const signIn = await browse(new URL(authorizationUrl));
  if (!signIn.page) return signIn.url;
  const consent = await browse(signIn.url, {
    visit: input(signIn.page, "visit"),
    username: visit.username ?? input(signIn.page, "username"),
    password: visit.password ?? input(signIn.page, "password"),
  });
  if (!consent.page) return consent.url;
  const answer = await browse(consent.url, {
    visit: input(consent.page, "visit"),
    decision: visit.decision ?? "allow",
  });
  return answer.url;
}
