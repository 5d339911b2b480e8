/**
 * Pages that differ by one element alone, each with its script as a host would serve it: one file, compressed. A plain custom
 * element is the floor of the platform, Lit's smallest the floor of what ours stands on, a completing field a peer of ours.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build } from "vite";
import { playPart } from "./part.ts";

interface Page {
  script: string;
  body: string;
}

const FIELD = "<label>Find <input></label>";

const PLAIN = `customElements.define("plain-field", class extends HTMLElement {
  connectedCallback() {
    const label = document.createElement("label");
    label.append("Find ", document.createElement("input"));
    this.attachShadow({ mode: "open" }).append(label);
  }
});`;

const LIT = `import { html, LitElement } from "lit";
customElements.define("lit-field", class extends LitElement {
  render() { return html\`${FIELD}\`; }
});`;

const PEER = `import "@github/auto-complete-element";`;

const pages: Record<string, Page> = {
  plain: { script: await bundled(PLAIN), body: "<plain-field></plain-field>" },
  lit: { script: await bundled(LIT), body: "<lit-field></lit-field>" },
  peer: {
    script: await bundled(PEER),
    body: `<auto-complete src="/found" for="list">${FIELD}<ul id="list"></ul></auto-complete>`,
  },
  ours: {
    script: await readFile(fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn")), "utf8"),
    body: `<mb-connect connections-url=""></mb-connect>`,
  },
};

/** One minified file out of a few lines. */
async function bundled(code: string): Promise<string> {
  const entry = "\0entry.js";
  const built = await build({
    configFile: false,
    root: fileURLToPath(new URL("../../..", import.meta.url)),
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "entry" ? entry : null),
        load: (id) => (id === entry ? code : null),
      },
    ],
    build: {
      write: false,
      target: "es2022",
      rolldownOptions: { input: "entry", output: { format: "es", minify: true } },
    },
  });
  if (!("output" in built)) throw new Error("the build gave no single output");
  return built.output[0].code;
}

const served = new Map<string, { type: string; content: Buffer }>();
for (const [name, { script, body }] of Object.entries(pages)) {
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${name}</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><script type="module" src="/${name}.js"></script></head><body>${body}</body></html>`;
  served.set(`/${name}`, { type: "text/html", content: brotliCompressSync(page) });
  served.set(`/${name}.js`, { type: "text/javascript", content: brotliCompressSync(script) });
}

const server = createServer((request, response) => {
  const found = served.get(request.url ?? "");
  if (!found) return void response.writeHead(404).end();
  response
    .writeHead(200, { "content-type": `${found.type}; charset=utf-8`, "content-encoding": "br" })
    .end(found.content);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

playPart({ origin: () => `http://localhost:${(server.address() as AddressInfo).port}` });
