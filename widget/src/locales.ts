/** The languages that come with the package, each a module that a bundler keeps apart until a page needs it. */
import type { Locales } from "./locale.ts";

/** Language tag → how to load its words. */
export const LOCALES: Locales = {
  ar: () => import("./locales/ar.ts"),
  de: () => import("./locales/de.ts"),
  es: () => import("./locales/es.ts"),
  fr: () => import("./locales/fr.ts"),
  vi: () => import("./locales/vi.ts"),
  zh: () => import("./locales/zh.ts"),
};
