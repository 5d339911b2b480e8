/**
 * What editors complete and explain of the element, made of its manifest: `node --import tsx test/package/editors.ts` writes
 * anew VS Code's data for HTML and for CSS, and the web-types of JetBrains' editors. A test compares.
 *
 * @see https://github.com/microsoft/vscode-custom-data
 * @see https://github.com/JetBrains/web-types
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/source-files.ts";
import { type Declaration, elementOf, keptManifest, type Named, type Typed } from "./manifest.ts";

/** The files, by path in the package, as they should be. */
export function editorFiles(): Record<string, string> {
  const element = elementOf(keptManifest());
  const { name, version } = JSON.parse(readFileSync(join(ROOT, "widget/package.json"), "utf8"));
  const files = {
    "vscode.html-custom-data.json": { version: 1.1, tags: [tagOf(element)] },
    "vscode.css-custom-data.json": {
      version: 1.1,
      properties: element.cssProperties.map(named),
      pseudoElements: parts(element, "::"),
    },
    "web-types.json": {
      $schema: "https://raw.githubusercontent.com/JetBrains/web-types/master/schema/web-types.json",
      name,
      version,
      "js-types-syntax": "typescript",
      "description-markup": "markdown",
      contributions: {
        html: { elements: [webTypeOf(element)] },
        css: { properties: element.cssProperties.map(named), "pseudo-elements": parts(element, "") },
      },
    },
  };
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [path, `${JSON.stringify(content, null, 2)}\n`]),
  );
}

const named = ({ name, description }: Named) => ({ name, description });

const parts = ({ cssParts }: Declaration, before: string): Named[] =>
  cssParts.map(({ name, description }) => ({ name: `${before}part(${name})`, description }));

const tagOf = ({ tagName, attributes, ...rest }: Declaration) => ({
  name: tagName,
  description: { kind: "markdown", value: wordsOf(rest) },
  attributes: attributes.map(({ name, description, type, default: value }) => {
    const choices = [...type.text.matchAll(/"(\w+)"/g)].map(([, name]) => ({ name }));
    return {
      name,
      description: value === undefined ? description : `${description} (\`${value.replaceAll('"', "")}\`)`,
      ...(type.text === "boolean" ? { valueSet: "v" } : {}),
      ...(choices.length > 0 ? { values: choices } : {}),
    };
  }),
});

/** VS Code has no place of its own for what is not an attribute. */
function wordsOf({ summary, slots, events }: Pick<Declaration, "summary" | "slots" | "events">): string {
  const list = (title: string, all: Named[]): string =>
    [`**${title}**`, "", ...all.map(({ name, description }) => `- \`${name}\`: ${description}`)].join("\n");
  return [summary, list("Slots", slots), list("Events", events)].join("\n\n");
}

function webTypeOf({ tagName, summary, attributes, members, slots, events }: Declaration) {
  const typed = ({ name, description, type }: Typed) => ({ name, description, type: type.text });
  return {
    name: tagName,
    description: summary,
    attributes: attributes.map(({ name, description, type, default: value }) => ({
      name,
      description,
      value: { type: type.text, ...(value === undefined ? {} : { default: value }) },
    })),
    slots: slots.map(named),
    js: {
      properties: members.flatMap(({ kind, name, description, type, readonly, static: ofClass }) =>
        kind === "field" && type && !ofClass
          ? [{ name, description, type: type.text, ...(readonly ? { "read-only": true } : {}) }]
          : [],
      ),
      events: events.map(typed),
    },
  };
}

if (process.argv[1] === import.meta.filename)
  for (const [path, content] of Object.entries(editorFiles())) writeFileSync(join(ROOT, "widget", path), content);
