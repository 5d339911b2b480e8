/**
 * The element's manifest, read from the class's own comments: `node --import tsx test/package/manifest.ts` writes
 * `widget/custom-elements.json` anew. Editors and catalogs read it, README.md's reference is made of it, a test compares.
 *
 * @see https://github.com/webcomponents/custom-elements-manifest (schema 1.0.0)
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "vite";
import { ROOT } from "../support/source-files.ts";

/** Something with a name and a sentence: a slot, a part, a state, a custom property. */
export interface Named {
  name: string;
  description: string;
}

/** An attribute, an event, a property or a parameter. */
export interface Typed extends Named {
  type: { text: string };
  default?: string;
}

/** A property or a method of the class. */
export interface Member extends Partial<Typed> {
  kind: "field" | "method";
  name: string;
  description: string;
  attribute?: string;
  readonly?: true;
  static?: true;
  parameters?: { name: string; type: { text: string }; optional?: true; default?: string }[];
  return?: { type: { text: string } };
}

/** What the manifest says of the element. */
export interface Declaration {
  kind: "class";
  customElement: true;
  name: string;
  tagName: string;
  summary: string;
  description: string;
  superclass: { name: string; package: string };
  attributes: (Typed & { fieldName: string })[];
  members: Member[];
  events: Typed[];
  slots: Named[];
  cssParts: Named[];
  cssProperties: Named[];
  cssStates: Named[];
}

const SOURCE = "widget/src/mb-connect-element.ts";
const MANIFEST = "widget/custom-elements.json";
const BUILT = "dist/widget/src";

/** A node of the parsed class, as far as it is looked at. */
interface Node {
  type: string;
  start: number;
  end: number;
  [more: string]: unknown;
}

/**
 * The manifest's text, as it should be.
 *
 * @throws when a public member or an attribute is left without a word or its counterpart
 */
export function manifestText(): string {
  const declaration = declarationOf(readFileSync(join(ROOT, SOURCE), "utf8"));
  const { name, tagName } = declaration;
  const classModule = `${BUILT}/mb-connect-element.js`;
  const definition = { kind: "custom-element-definition", name: tagName, declaration: { name, module: classModule } };
  const exported = { kind: "js", name, declaration: { name, module: classModule } };
  const manifest = {
    schemaVersion: "1.0.0",
    readme: "README.md",
    modules: [
      { kind: "javascript-module", path: classModule, declarations: [declaration], exports: [exported] },
      { kind: "javascript-module", path: `${BUILT}/index.js`, declarations: [], exports: [exported, definition] },
    ],
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The manifest as it is kept. */
export function keptManifest(): string {
  return readFileSync(join(ROOT, MANIFEST), "utf8");
}

/** The element's part of a manifest. */
export function elementOf(manifest: string): Declaration {
  return JSON.parse(manifest).modules[0].declarations[0];
}

function declarationOf(code: string): Declaration {
  const { program, comments } = parseSync(SOURCE, code);
  const text = (node: unknown): string => code.slice((node as Node).start, (node as Node).end);
  const commentBefore = (start: number): string => {
    const comment = comments.findLast(({ end }) => end <= start);
    return comment?.value.startsWith("*") && code.slice(comment.end, start).trim() === "" ? comment.value : "";
  };
  const statements = program.body as unknown as Node[];
  const exported = statements.find(
    (node) => (node.declaration as Node | undefined)?.type === "ClassDeclaration",
  ) as Node;
  const { id, body } = exported.declaration as Node & { id: { name: string }; body: { body: Node[] } };
  const { words, tags } = readComment(commentBefore(exported.start));
  const named = (tag: string): Named[] => tags.filter(([name]) => name === tag).map(([, rest]) => namedOf(rest).named);
  const typed = (tag: string): Typed[] => tags.filter(([name]) => name === tag).map(([, rest]) => typedOf(rest));
  const defaults = defaultsOf(statements, text);
  const attributes = typed("attr").map((attribute) => attributeOf(attribute, defaults));
  const members = body.body
    .filter(isPublic)
    .map((node) => memberOf(node, text, readComment(commentBefore(node.start)).words, attributes, defaults))
    // A property's getter and setter are one.
    .filter(({ name }, index, all) => all.findIndex((one) => one.name === name) === index);
  for (const { name } of attributes.filter(({ fieldName }) => !members.some(({ name }) => name === fieldName)))
    throw new Error(`${SOURCE}: @attr ${name} is no property's`);
  for (const { name, description } of members) if (!description) throw new Error(`${SOURCE}: ${name} has no comment`);
  const tag = (name: string): string => tags.find(([one]) => one === name)?.[1] ?? "";
  return {
    kind: "class",
    customElement: true,
    name: id.name,
    tagName: tag("tagname"),
    summary: tag("summary"),
    description: words,
    superclass: { name: "LitElement", package: "lit" },
    attributes,
    members,
    events: typed("event"),
    slots: named("slot"),
    cssParts: named("csspart"),
    cssProperties: named("cssprop"),
    cssStates: named("cssState"),
  };
}

/** Members of ours that a page may use: neither private ones nor what Lit calls. */
function isPublic({ type, key, kind, accessibility, override }: Node): boolean {
  const { type: keyType, name } = key as { type: string; name: string };
  const ours = override !== true || name === "focus";
  return /Property|Method/.test(type) && keyType === "Identifier" && kind !== "constructor" && !accessibility && ours;
}

function memberOf(
  node: Node,
  text: (node: unknown) => string,
  words: string,
  attributes: Declaration["attributes"],
  defaults: Map<string, string>,
): Member {
  const { name } = node.key as { name: string };
  const attribute = attributes.find(({ fieldName }) => fieldName === name);
  const isStatic = node.static === true ? { static: true as const } : {};
  if (node.type === "MethodDefinition" && node.kind === "method") {
    const { params, returnType } = node.value as { params: Node[]; returnType?: { typeAnnotation: Node } };
    const parameters = params.map((one) => parameterOf(one, text));
    const result = returnType ? { return: { type: { text: text(returnType.typeAnnotation) } } } : {};
    return { kind: "method", name, description: words, ...isStatic, parameters, ...result };
  }
  const annotated = (node.kind === "get" ? (node.value as Node).returnType : node.typeAnnotation) as
    | { typeAnnotation: Node }
    | undefined;
  const known = defaults.get(name);
  return {
    kind: "field",
    name,
    description: words || (attribute?.description ?? ""),
    type: { text: annotated ? flat(text(annotated.typeAnnotation)) : "" },
    ...(known === undefined ? {} : { default: known }),
    ...(attribute ? { attribute: attribute.name } : {}),
    // Only `value` has a setter beside its getter.
    ...(node.kind === "get" && name !== "value" ? { readonly: true as const } : {}),
    ...isStatic,
  };
}

function parameterOf(node: Node, text: (node: unknown) => string): NonNullable<Member["parameters"]>[number] {
  const [named, given] = node.type === "AssignmentPattern" ? [node.left as Node, text(node.right)] : [node, undefined];
  const { name, optional, typeAnnotation } = named as Node & {
    name: string;
    typeAnnotation?: { typeAnnotation: Node };
  };
  return {
    name,
    type: { text: typeAnnotation ? flat(text(typeAnnotation.typeAnnotation)) : "string" },
    ...(optional === true || given !== undefined ? { optional: true as const } : {}),
    ...(given === undefined ? {} : { default: given }),
  };
}

/** What stands in `DEFAULTS`, but for what has no value. */
function defaultsOf(statements: Node[], text: (node: unknown) => string): Map<string, string> {
  const declared = statements.flatMap((node) => (node.declarations as Node[] | undefined) ?? []);
  const { init } = declared.find(({ id }) => (id as { name: string }).name === "DEFAULTS") as Node;
  const { properties } = init as { properties: { key: { name: string }; value: Node }[] };
  const pairs = properties.map(({ key, value }) => [key.name, text(value)] as const);
  return new Map(pairs.filter(([, value]) => value !== "undefined"));
}

function attributeOf(
  { name, description, type }: Typed,
  defaults: Map<string, string>,
): Declaration["attributes"][number] {
  const fieldName = name.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
  const known = defaults.get(fieldName);
  // Its comment ends with the default, for those who read the class.
  const words =
    known === undefined
      ? description
      : description.replace(`; \`${known.replaceAll('"', "")}\``, "").replace(`; ${known}`, "");
  return { name, fieldName, description: words, type, ...(known === undefined ? {} : { default: known }) };
}

const flat = (text: string): string => text.replace(/\s+/g, " ");

/** A comment's sentences, and its tags with what follows each. */
function readComment(comment: string): { words: string; tags: [string, string][] } {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\*+ ?/, "").trimEnd());
  const at = lines.findIndex((line) => line.startsWith("@"));
  const tags = at < 0 ? [] : lines.slice(at).filter((line) => line.startsWith("@"));
  const words = lines
    .slice(0, at < 0 ? lines.length : at)
    .join("\n")
    .trim();
  return {
    words: words
      .split(/\n{2,}/)
      .map(flat)
      .join("\n\n"),
    tags: tags.map((line) => {
      const [, name = "", rest = ""] = /^@(\w+)\s*(.*)$/.exec(line) ?? [];
      return [name, rest];
    }),
  };
}

function namedOf(rest: string): { named: Named; type: string } {
  const [, type = "", name, description] = /^(?:\{(.+?)\} )?(\S+) - (.+)$/.exec(rest) ?? [];
  if (!name || !description) throw new Error(`${SOURCE}: what does "${rest}" say?`);
  return { named: { name, description }, type };
}

function typedOf(rest: string): Typed {
  const { named, type } = namedOf(rest);
  return { ...named, type: { text: type } };
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(ROOT, MANIFEST), manifestText());
