/**
 * The single file for pages without a build: the element with Lit inside, one request and no second one. Two things are
 * made smaller on the way: what only people need in templates and styles, and the error registry, of which the element asks only
 * what comes next.
 */
import { defineConfig, type Plugin } from "vite";
import { ERRORS } from "../shared/src/errors.ts";

const LICENSES = "/*! mb-connect, Apache-2.0; Lit, © Google LLC, BSD-3-Clause */\n";

function smaller(): Plugin {
  return {
    name: "smaller",
    load(id) {
      if (!id.endsWith("shared/src/errors.ts")) return null;
      const usual = ERRORS.oauth_error.next;
      const steps = Object.entries(ERRORS).map(([code, { next }]) => [code, next]);
      return `const steps = ${JSON.stringify(Object.fromEntries(steps.filter(([, next]) => next !== usual)))};
        export const errorEntry = (code) => ({ next: Object.hasOwn(steps, code) ? steps[code] : "${usual}" });`;
    },
    transform(code, id) {
      if (!id.includes("/widget/src/")) return null;
      return code
        .replace(/([ [][\w-]+\^?=)"([\w-]+)"/g, "$1$2")
        .replace(/css`[^`]*`/, (css) => css.replace(/\s+/g, " ").replace(/;? ?([{};:,>]) /g, "$1"))
        .replace(/([`>}])\n\s*(?=<)|(>)\n\s*(?=[`$])/g, "$1$2");
    },
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "chunk") continue;
        const licenses = file.moduleIds.some((id) => id.includes("/lit-html/")) ? LICENSES : "";
        // Once minified, the only line breaks left are those inside of tags.
        file.code = licenses + file.code.replace(/\s*\n\s*/g, " ");
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [smaller()],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    rolldownOptions: {
      input: "src/mb-connect-define.ts",
      output: { format: "es", entryFileNames: "mb-connect.min.js", minify: true },
    },
  },
});
