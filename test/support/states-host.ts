/**
 * A host whose page holds nothing but the tag, under the strictest policy, with fonts that are the same on every machine; the
 * simulated hospital beside it, its worker running. Who is signed in is the cookie `user`; attributes of the tag are what the
 * page's own query says.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { mbConnect } from "@mb-connect/server";
import express from "express";
import type { Fault } from "../../demo/hospital/facilities.ts";
import { type Facility, type Hospital, startHospital } from "../../demo/hospital/server.ts";
import { type Host, openHost } from "./clinic.ts";

/** Nothing foreign, nothing inline, and no markup out of text but the tag's own templates. */
export const STRICT_POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "connect-src", "img-src", "font-src"].map((kind) => `${kind} 'self'`),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types lit-html",
].join("; ");

const FONTS = { latin: "noto-sans", arabic: "noto-sans-arabic", chinese: "noto-sans-sc" };

const CSS = `
:root { color-scheme: light dark; font-family: "Noto Sans Variable", "Noto Sans Arabic Variable", "Noto Sans SC Variable"; }
body { margin: 0; color: light-dark(#18212b, #f1f4f7); background: light-dark(#fff, #12161b); }
main { max-inline-size: 42rem; padding: 1rem; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; }
a { color: inherit; }`;

const SCRIPT = `import { MbConnect } from "/tag.js";
for (const tag of ["ar", "zh"]) MbConnect.locales[tag] = () => import("/locales/" + tag + ".js");`;

const RECORDS = 40;
/** What the hospital takes for each answer: long enough that records are seen to arrive. */
const ANSWER_MS = 120;

export interface StatesHost extends Host<Hospital> {
  /** The first facility with a name that begins so. */
  facility(name: string): Facility;
  /** The facility with a fault. */
  faulty(fault: Fault): Facility;
}

const escaped = (text: string): string => text.replace(/[&"<]/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (attributes: Record<string, unknown>): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Willow Clinic</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
${Object.keys(FONTS)
  .map((name) => `<link rel="stylesheet" href="/fonts/${name}/index.css">`)
  .join("\n")}
<link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script></head>
<body><main><h1>Bring your records</h1>
<mb-connect app-name="Willow Clinic" ${Object.entries(attributes)
  .map(([name, value]) => `${escaped(name)}="${escaped(String(value))}"`)
  .join(" ")}><a slot="empty" href="/picker">Look in the full list</a></mb-connect>
</main></body></html>`;

/** Opens it; recommended are the facilities of these names. */
export async function openStatesHost(recommended: string[]): Promise<StatesHost> {
  const client = { client_id: "app", client_name: "Willow Clinic", token_endpoint_auth_method: "none" } as const;
  const host = await openHost((redirect_uri) =>
    startHospital({
      clients: [{ ...client, redirect_uris: [redirect_uri] }],
      records: RECORDS,
      answerMs: ANSWER_MS,
    }),
  );
  const named = (name: string): Facility => {
    const found = host.hospital.facilities.find((one) => one.name.startsWith(name));
    if (!found) throw new Error(`no facility is called ${name}`);
    return found;
  };
  const recommending = mbConnect({
    ...host.options,
    recommendedConnectionIds: recommended.map((name) => host.sourceOf(named(name))),
  });
  const tag = await readFile(fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn")), "utf8");
  const { app } = host;
  app.use("/recommending", recommending.router);
  app.use("/resting", (_request, response) => void response.status(503).send("<h1>Back in a moment</h1>"));
  app.get("/tag.js", (_request, response) => void response.type("js").send(tag));
  app.get("/page.js", (_request, response) => void response.type("js").send(SCRIPT));
  app.use("/locales", express.static(dirname(fileURLToPath(import.meta.resolve("@mb-connect/widget/locales/ar")))));
  app.get("/page.css", (_request, response) => void response.type("css").send(CSS));
  const require = createRequire(import.meta.url);
  for (const [name, font] of Object.entries(FONTS)) {
    const folder = dirname(require.resolve(`@fontsource-variable/${font}/package.json`));
    app.use(`/fonts/${name}`, express.static(folder));
  }
  app.get("/favicon.ico", (_request, response) => void response.status(204).end());
  app.get(["/", "/connected"], ({ path, query }, response) => {
    response.set("content-security-policy", STRICT_POLICY).set("cache-control", "no-store");
    response.send(page(path === "/" ? query : {}));
  });
  await host.mb.worker.start();
  return {
    ...host,
    facility: named,
    faulty(fault) {
      const found = host.hospital.facilities.find((one) => one.fault === fault);
      if (!found) throw new Error(`no facility ${fault}`);
      return found;
    },
    async close() {
      await recommending.close();
      await host.close();
    },
  };
}
