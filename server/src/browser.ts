/**
 * The browser that a session is bound to: one random cookie, of which the store keeps a hash. Reused while it is there, so
 * that two tabs do not end each other.
 */
import { randomBytes } from "node:crypto";
import { parseCookie, stringifySetCookie } from "cookie";
import type { Request, Response } from "express";
import { sha256 } from "./store/token-vault.ts";

/** `__Host-`: only https (or loopback) sets it, for this host alone and its every path. */
export const BROWSER_COOKIE = "__Host-mb";

/** The hash of the browser's cookie, or null where it has none of ours. */
export function browserHash(request: Request): string | null {
  const value = parseCookie(request.headers.cookie ?? "")[BROWSER_COOKIE];
  return value !== undefined && /^[\w-]{43}$/.test(value) ? sha256(value) : null;
}

/**
 * The hash of the browser's cookie; one that has none is given one.
 *
 * SameSite=Lax: the callback comes from the hospital's site, where Strict would leave the cookie behind.
 */
export function bindBrowser(request: Request, response: Response): string {
  const known = browserHash(request);
  if (known !== null) return known;
  const value = randomBytes(32).toString("base64url");
  response.append(
    "set-cookie",
    stringifySetCookie({ name: BROWSER_COOKIE, value, secure: true, httpOnly: true, sameSite: "lax", path: "/" }),
  );
  return sha256(value);
}
