/**
 * The single file for pages without a build: the element with Lit's templates inside, one request and no second one. What
 * only people need in templates and styles is left out on the way, and so is what the element does not use of Lit's base class.
 */
import { type MinifyOptions, minify } from "terser";
import { defineConfig, type Plugin } from "vite";
import { UNUSED } from "./single-file/unused.ts";

const LICENSES = "/*! mb-connect, Apache-2.0; Lit, © Google LLC, BSD-3-Clause */\n";

const TERSER: MinifyOptions = {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe: true, unsafe_arrows: true, pure_getters: true },
  // Names that never leave the element, and are none of its words' either.
  mangle: {
    properties: {
      regex: /^(rows|recent|pick|link|ending|unfolds|told|tone|spoken|view|change|show|turn|renderRoot|_\$\w+)$/,
    },
  },
};

function smaller(): Plugin {
  return {
    name: "smaller",
    transform(code, id) {
      if (id.endsWith("/lit-html/lit-html.js")) return withoutUnused(code);
      if (!id.includes("/widget/src/")) return null;
      if (/="[^"]*\$\{/.test(code))
        throw new Error(`${id}: an attribute is more than one value, of which no code is left`);
      return code
        .replace(/([ [][\w-]+\^?=)"([\w-]+)"/g, "$1$2")
        .replace(/css`[^`]*`/, (css) => css.replace(/\/\*.*?\*\/|\s+/gs, " ").replace(/;? ?([{};:,>]) /g, "$1"))
        .replace(/([`>}])\n\s*(?=<)|([>}])\s+(?=[`$])/g, "$1$2");
    },
    async generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== "chunk") continue;
        const licenses = file.moduleIds.some((id) => id.includes("/lit-html/")) ? LICENSES : "";
        // Once minified, the only line breaks left are those inside of tags. A second minifier finds what the first leaves.
        const { code } = await minify(file.code.replace(/\s*\n\s*/g, " "), TERSER);
        file.code = licenses + code;
      }
    },
  };
}

function withoutUnused(code: string): string {
  return UNUSED.reduce((left, [text, instead]) => {
    if (!left.includes(text)) throw new Error(`lit-html has no such text any more: ${text}`);
    return left.replace(text, () => instead);
  }, code);
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [smaller()],
  resolve: { alias: [{ find: /^lit$/, replacement: `${import.meta.dirname}/single-file/lit.ts` }] },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    rolldownOptions: {
      input: "src/mb-connect-define.ts",
      preserveEntrySignatures: "strict",
      output: { format: "es", entryFileNames: "mb-connect.min.js", minify: true },
    },
  },
});
