/** The element's manifest says what is so, and README.md says the same. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MbConnect } from "@mb-connect/widget";
import { editorFiles } from "./package/editors.ts";
import { elementOf, keptManifest, manifestText } from "./package/manifest.ts";
import { ROOT } from "./support/source-files.ts";

const element = elementOf(keptManifest());
const sources = readdirSync(join(ROOT, "widget/src"))
  .filter((name) => name.endsWith(".ts"))
  .map((name) => [name, readFileSync(join(ROOT, "widget/src", name), "utf8")] as const);
const code = new Map(sources);

/** Everything that a pattern's first group finds in some files, once each and sorted. */
function found(pattern: RegExp, ...files: string[]): string[] {
  const texts = files.length > 0 ? files.map((file) => code.get(file) ?? "") : [...code.values()];
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, one = ""]) => one)))].sort();
}

const names = (list: { name: string }[]): string[] => list.map(({ name }) => name).sort();

test("the manifest is the one that the source gives", () => {
  assert.equal(keptManifest(), manifestText(), "run: node --import tsx test/package/manifest.ts");
});

test("editors are told what the manifest says", () => {
  for (const [path, content] of Object.entries(editorFiles())) {
    const kept = readFileSync(join(ROOT, "widget", path), "utf8");
    assert.equal(kept, content, `${path}; run: node --import tsx test/package/editors.ts`);
  }
});

test("its attributes are those that the element observes", () => {
  assert.deepEqual(names(element.attributes), [...MbConnect.observedAttributes].sort());
});

test("its defaults are those of a new element", () => {
  const made = new MbConnect() as unknown as Record<string, unknown>;
  for (const { name, default: value } of element.members) {
    if (value !== undefined) assert.deepEqual(made[name], JSON.parse(value), name);
  }
});

test("its events are those that are dispatched", () => {
  assert.deepEqual(names(element.events), found(/^ {2}"(mb-[\w-]+)": CustomEvent/gm, "events.ts"));
  assert.deepEqual(names(element.events), found(/"(mb-[\w-]+)" as Named/g, "react.ts"));
});

test("its custom properties are those that the styles read", () => {
  assert.deepEqual(names(element.cssProperties), found(/var\((--mb-[\w-]+)/g, "styles.ts"));
});

test("its states are those that the element can be in", () => {
  const [, union = ""] = /type ConnectState =([^;]*);/.exec(code.get("state.ts") ?? "") ?? [];
  const states = [...union.matchAll(/"(\w+)"/g)].map(([, one = ""]) => one);
  const added = found(/states\.add\("(\w+)"\)/g, "mb-connect-element.ts");
  assert.deepEqual(names(element.cssStates), [...states, ...added].sort());
});

test("its parts and slots are those of the templates", () => {
  const parts = found(/part="([\w-]+)"/g).concat(["button", "clear"]);
  assert.deepEqual(names(element.cssParts), [...new Set(parts)].sort());
  const slots = found(/<slot name="([\w-]+)"/g).concat(["failure", "success"]);
  assert.deepEqual(names(element.slots), [...new Set(slots)].sort());
});
