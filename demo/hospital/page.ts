/**
 * What the portal's pages have in common: escaping, the frame around each, the facility's own colours and logo, and the
 * page for a request that leads nowhere. No scripts, nothing from another origin.
 */
import { createHash } from "node:crypto";
import type { Response } from "express";
import type { Facility } from "./facilities.ts";
import type { Route } from "./route.ts";

/** Markup: text that has been escaped, or was written here. */
class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

const escaped = (value: string | Markup | Markup[]): string => {
  if (Array.isArray(value)) return value.map(escaped).join("");
  return value instanceof Markup ? value.text : value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
};

/** Markup from a template; every value that is not markup itself is escaped. */
export const html = (parts: TemplateStringsArray, ...values: (string | Markup | Markup[])[]): Markup =>
  new Markup(String.raw({ raw: parts }, ...values.map(escaped)));

/**
 * Sends a page.
 *
 * @param formTarget an origin that a form's answer may lead to beside our own
 */
export function sendPage(facility: Facility, response: Response, title: string, main: Markup, formTarget = ""): void {
  const name = facility.brand ?? facility.name;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – ${name}</title>
<link rel="icon" href="${facility.issuer}/logo.svg">
<link rel="stylesheet" href="${facility.issuer}/portal.css">
</head>
<body>
<header>
<p class="notice"><strong>Simulated hospital.</strong> Everything here is invented.</p>
<div class="brand"><img src="${facility.issuer}/logo.svg" alt="" width="48" height="48"><p>${name}<br><small>${facility.portal}</small></p></div>
</header>
<main>
<h1>${title}</h1>
${main}
</main>
</body>
</html>`;
  response
    .set({
      "Content-Security-Policy": `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' ${formTarget}; frame-ancestors 'none'; base-uri 'none'`,
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
    })
    .type("html")
    .send(page.text);
}

/** A page that says why a request leads nowhere; 400. */
export function errorPage(facility: Facility, response: Response, reason: string): void {
  response.status(400);
  const main = html`<p role="alert">${reason}</p><p>Close this page and start again in your app.</p>`;
  sendPage(facility, response, "This request cannot be answered", main);
}

/** 0 to 359, the same for a facility each time. */
const hueOf = (facility: Facility): number => createHash("sha256").update(facility.slug).digest().readUInt16BE(0) % 360;

/** GET /{facility}/logo.svg */
export const logo: Route = ({ facility }, _request, response) => {
  const words = (facility.brand ?? facility.name).split(" ");
  const initials = words.slice(0, 2).map((word) => word.charAt(0));
  const mark = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="hsl(${String(hueOf(facility))} 55% 30%)"/><text x="32" y="42" fill="#fff" font-family="sans-serif" font-size="28" font-weight="700" text-anchor="middle">${initials.join("")}</text></svg>`;
  response.type("image/svg+xml").set("Cache-Control", "public, max-age=3600").send(mark.text);
};

/** GET /{facility}/portal.css */
export const portalCss: Route = ({ facility }, _request, response) => {
  const hue = hueOf(facility);
  const face = hue % 2 ? "Georgia, 'Times New Roman', serif" : "system-ui, sans-serif";
  response
    .type("css")
    .set("Cache-Control", "public, max-age=3600")
    .send(`
:root { --accent: hsl(${hue} 55% 27%); --tint: hsl(${hue} 40% 96%); --line: hsl(${hue} 15% 55%); --radius: ${4 + (hue % 3) * 6}px; }
* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 ${face}; color: #1c1c1c; background: var(--tint); overflow-wrap: anywhere; }
.notice { margin: 0; padding: .5rem 1rem; background: #fff3c4; text-align: center; font-size: .9375rem; }
.brand { display: flex; gap: .75rem; align-items: center; padding: 1rem; color: #fff; background: var(--accent); font-weight: 600; }
.brand img { border: 2px solid #fff; border-radius: 12px; }
.brand p { margin: 0; line-height: 1.25; }
code { white-space: nowrap; }
.brand small { font-weight: 400; }
main { max-width: 30rem; margin: 1.5rem auto; padding: 1.25rem; background: #fff; border-radius: var(--radius); box-shadow: 0 1px 4px rgb(0 0 0 / .2); }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.2; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; min-height: 3rem; padding: .5rem .75rem; font: inherit; border: 1px solid var(--line); border-radius: var(--radius); }
button { min-height: 3rem; padding: .5rem 1.5rem; font: inherit; font-weight: 600; color: #fff; background: var(--accent); border: 2px solid var(--accent); border-radius: var(--radius); cursor: pointer; }
button.plain { color: var(--accent); background: #fff; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 0; }
.actions button { flex: 1 1 8rem; }
.hint { padding: .75rem; background: var(--tint); border-radius: var(--radius); }
[role="alert"] { padding: .75rem; border-left: 4px solid #a30000; background: #fdeeee; }
li { margin: .25rem 0; }
`);
};
