/**
 * The few pages of our own: where a link is unknown, the browser or the patient is another, or the host's login must be seen
 * once more. Plain HTML without script, in the browser's language, with one way out.
 */
import { createHash } from "node:crypto";
import type { PageName } from "./outcome.ts";

/** A page, ready to send. */
export interface Page {
  status: number;
  html: string;
  headers: Record<string, string>;
}

type Words = { title: string; text: string; link: string };
type Name = PageName | "fault" | "too_many";

const STATUS: Record<Name, number> = {
  unknown_link: 404,
  other_browser: 403,
  other_patient: 403,
  unknown_sign_in: 400,
  continue: 200,
  fault: 500,
  too_many: 429,
};

const WORDS: Record<"en" | "es", Record<Name, Words>> = {
  en: {
    unknown_link: {
      title: "This link does not work",
      text: "It may be cut off, or too old. Go back and choose your hospital again.",
      link: "Go back",
    },
    other_browser: {
      title: "This link was opened somewhere else",
      text: "It works only in the browser where you started. Go back to that browser, or start again here.",
      link: "Start again",
    },
    other_patient: {
      title: "Someone else is signed in",
      text: "Nothing was shared. Sign in as yourself, then connect your hospital again.",
      link: "Go back",
    },
    unknown_sign_in: {
      title: "We could not match this sign-in",
      text: "Nothing was shared. Go back and choose your hospital again.",
      link: "Go back",
    },
    continue: { title: "One moment", text: "We are taking you back.", link: "Continue" },
    fault: {
      title: "Something went wrong on our side",
      text: "We could not finish. Wait a little, then try again.",
      link: "Go back",
    },
    too_many: { title: "Too many tries", text: "Wait a minute, then try again.", link: "Go back" },
  },
  es: {
    unknown_link: {
      title: "Este enlace no funciona",
      text: "Puede estar cortado o ser muy viejo. Vuelva y elija su hospital otra vez.",
      link: "Volver",
    },
    other_browser: {
      title: "Este enlace se abrió en otro lugar",
      text: "Solo funciona en el navegador donde empezó. Vuelva a ese navegador o empiece aquí de nuevo.",
      link: "Empezar de nuevo",
    },
    other_patient: {
      title: "Otra persona inició la sesión",
      text: "No se compartió nada. Entre con su cuenta y conecte su hospital otra vez.",
      link: "Volver",
    },
    unknown_sign_in: {
      title: "No reconocemos este inicio de sesión",
      text: "No se compartió nada. Vuelva y elija su hospital otra vez.",
      link: "Volver",
    },
    continue: { title: "Un momento", text: "Lo llevamos de vuelta.", link: "Continuar" },
    fault: {
      title: "Algo falló de nuestro lado",
      text: "No pudimos terminar. Espere un poco y pruebe otra vez.",
      link: "Volver",
    },
    too_many: { title: "Demasiados intentos", text: "Espere un minuto y pruebe otra vez.", link: "Volver" },
  },
};

const STYLE =
  "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1.25rem;color:#1a1a1a;background:#fff}" +
  "main{max-width:34rem;margin:0 auto}h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}p{margin:0 0 1.5rem}" +
  "a{display:inline-block;min-height:1.5rem;padding:.75rem 1.25rem;border-radius:.5rem;background:#0b4f8a;color:#fff}" +
  "a:focus-visible{outline:3px solid #0b4f8a;outline-offset:3px}" +
  "@media(prefers-color-scheme:dark){body{color:#f2f2f2;background:#161616}a{background:#9ecbff;color:#06223d}}";
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/**
 * @param link where the page's one link leads; `continue` also goes there by itself
 * @param acceptLanguage the request's header
 */
export function renderPage(name: Name, link: string, acceptLanguage: string | undefined): Page {
  const lang = /^\s*es\b/i.test(acceptLanguage ?? "") ? "es" : "en";
  const words = WORDS[lang][name];
  const refresh = name === "continue" ? `<meta http-equiv="refresh" content="0;url=${text(link)}">` : "";
  return {
    status: STATUS[name],
    headers: {
      "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    },
    html:
      `<!doctype html><html lang="${lang}"><head><meta charset="utf-8">` +
      `<meta name="viewport" content="width=device-width,initial-scale=1"><title>${text(words.title)}</title>` +
      `${refresh}<link rel="icon" href="data:,"><style>${STYLE}</style></head><body><main><h1>${text(words.title)}</h1>` +
      `<p>${text(words.text)}</p><a href="${text(link)}">${text(words.link)}</a></main></body></html>`,
  };
}

function text(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
