/** `node vue.js -p FOLDER`: Vue's check of types, templates included, by the TypeScript beside it; the project's own has no JavaScript API. */
import { createRequire } from "node:module";
import { run } from "vue-tsc";

run(createRequire(import.meta.url).resolve("typescript/lib/tsc"));
