/** The element where there is no browser: it imports, and renders its first screen into a page's HTML. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { render } from "@lit-labs/ssr";
import { collectResult } from "@lit-labs/ssr/lib/render-result.js";
import { html } from "lit";
import { run } from "./package/pack.ts";
import { ROOT } from "./support/source-files.ts";
import "@mb-connect/widget";

test("every door of the package opens in Node, and the tag is known", async () => {
  const code = `
    const doors = ["", "/element", "/react", "/types/vue", "/locales/es"];
    for (const door of doors) await import("@mb-connect/widget" + door);
    console.log(typeof document, typeof customElements.get("mb-connect"));
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code], { cwd: ROOT });
  assert.equal(stdout, "undefined function\n");
});

test("its first screen is in the HTML, in a declarative shadow root", async () => {
  const page = await collectResult(render(html`<mb-connect app-name="Willow Clinic" min-length="3"></mb-connect>`));
  const [, root = ""] = /<template [^>]*shadowrootmode="open">(.*)<\/template>/s.exec(page) ?? [];
  const text = root.replace(/<style>.*?<\/style>|<!--.*?-->|<[^>]*>/gs, " ").replace(/\s+/g, " ");
  assert.match(text, /Find your hospital or clinic/);
  assert.match(text, /Willow Clinic receives a copy of your records/);
  assert.match(root, /<input[^>]*role="combobox"/);
});
