/**
 * Builds one of the small apps in `test/frameworks` with Vite, in memory, and serves it on loopback. Components of Vue and
 * Svelte go through the frameworks' own compilers.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { compile as compileSvelte } from "svelte/compiler";
import { build, type Plugin, transformWithOxc } from "vite";
import { compileScript, parse } from "vue/compiler-sfc";
import { ROOT } from "./source-files.ts";

const APPS = join(ROOT, "test/frameworks");

/** What the plain page finds beside it, as a host would have copied it. */
const PLAIN: Record<string, string> = {
  "index.html": "test/frameworks/html/index.html",
  "page.js": "test/frameworks/html/page.js",
  "mb-connect.min.js": "widget/dist/mb-connect.min.js",
  "locales/es.js": "widget/dist/widget/src/locales/es.js",
};

const PAGE = `<!doctype html><html lang="es"><head><meta charset="utf-8"><title>clinic</title>
<script type="module" src="main.js"></script></head><body></body></html>`;

/** A served app. */
export interface FrameworkApp {
  url: string;
  close(): void;
}

/** Builds and serves the app of a folder: `html` as it stands, the others from their `main`. */
export async function startApp(folder: string): Promise<FrameworkApp> {
  const files = folder === "html" ? plainFiles() : await bundled(folder);
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").slice(1) || "index.html";
    const body = files.get(path);
    const type = path.endsWith(".html") ? "text/html" : "text/javascript";
    response.writeHead(body === undefined ? 404 : 200, { "content-type": `${type}; charset=utf-8` }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function plainFiles(): Map<string, string> {
  return new Map(Object.entries(PLAIN).map(([path, file]) => [path, readFileSync(join(ROOT, file), "utf8")]));
}

async function bundled(folder: string): Promise<Map<string, string>> {
  const root = join(APPS, folder);
  const built = await build({
    configFile: false,
    root,
    logLevel: "error",
    plugins: [components()],
    // A component package takes the app's own React.
    resolve: { dedupe: ["react", "react-dom"] },
    oxc: { decorator: { legacy: true } },
    define: { "process.env.NODE_ENV": `"production"` },
    build: {
      write: false,
      minify: false,
      target: "es2022",
      rolldownOptions: { input: mainOf(folder), output: { entryFileNames: "main.js" } },
    },
  });
  if (!("output" in built)) throw new Error("the build gave no single output");
  const scripts = built.output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file.code] as const] : []));
  return new Map([["index.html", PAGE], ...scripts]);
}

const mainOf = (folder: string): string => join(APPS, folder, folder.startsWith("react") ? "main.tsx" : "main.ts");

function components(): Plugin {
  return {
    name: "components",
    async transform(code, id) {
      if (id.endsWith(".svelte")) return { code: compileSvelte(code, { filename: id, generate: "client" }).js.code };
      if (!id.endsWith(".vue")) return null;
      const { descriptor } = parse(code, { filename: id });
      const compilerOptions = { isCustomElement: (tag: string) => tag === "mb-connect" };
      const script = compileScript(descriptor, { id, inlineTemplate: true, templateOptions: { compilerOptions } });
      return transformWithOxc(script.content, `${id}.ts`, { lang: "ts" });
    },
  };
}
