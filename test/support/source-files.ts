/** The project's own TypeScript as the boundary test reads it: what each file imports, and what it names. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** One import, export-from, dynamic import or `import("…")` type. */
export interface Import {
  /** As written. */
  specifier: string;
  /** Path from the project's folder, where the specifier is relative; else null. */
  path: string | null;
  /** Erased by the compiler: `import type`, and not `import { type … }`, which still loads the module. */
  typeOnly: boolean;
}

/** A file, read. */
export interface SourceFile {
  /** From the project's folder, with forward slashes. */
  path: string;
  imports: Import[];
  /** What the code names: `fetch`, `process.env`, `Date.now`, `new Date()`. */
  names: Set<string>;
  /** The kinds of its top-level statements, such as `ExportDefaultDeclaration`; of `export interface`, what is exported. */
  statements: string[];
}

interface Node {
  type: string;
  [member: string]: unknown;
}

/** Every `.ts` file below a folder, declarations left out. */
export function readSources(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => readSource(join(folder, name).replaceAll("\\", "/")))
    .sort((a, b) => a.path.localeCompare(b.path));
}

function readSource(path: string): SourceFile {
  const { program, errors } = parseSync(path, readFileSync(join(ROOT, path), "utf8"));
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const file: SourceFile = { path, imports: [], names: new Set(), statements: [] };
  for (const node of program.body as unknown as Node[]) file.statements.push(statementOf(node));
  visit(program as unknown as Node, file);
  return file;
}

function statementOf(node: Node): string {
  const declared = (node.declaration as Node | null | undefined) ?? node;
  const mutable = declared.type === "VariableDeclaration" && declared.kind !== "const" && declared.declare !== true;
  if (mutable) return "let";
  if (node.type !== "ExportNamedDeclaration") return node.type;
  return node.source ? "ExportFrom" : declared.type;
}

const FROM = /^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration|ImportExpression|TSImportType)$/;
const LOADS = /^(require|loadPeer)$/;

function visit(node: Node, file: SourceFile): void {
  const { type } = node;
  if (FROM.test(type)) addImport(node.source, file, type === "TSImportType" || isType(node));
  if (type === "CallExpression") {
    const [first] = node.arguments as unknown[];
    if (LOADS.test(nameOf(node.callee) ?? "")) addImport(first, file, false);
  }
  if (type === "NewExpression") {
    const argument = (node.arguments as unknown[]).length > 0 ? "…" : "";
    file.names.add(`new ${nameOf(node.callee)}(${argument})`);
  }
  const name = nameOf(node);
  if (name !== null) {
    file.names.add(name);
    if (isNode(node.typeAnnotation)) visit(node.typeAnnotation, file);
    return;
  }
  for (const [member, value] of Object.entries(node)) {
    // The key of a property or method is a word of the object's own, not a name in scope.
    if (member === "key" && node.computed !== true) continue;
    if (type === "MemberExpression" && member === "property" && node.computed !== true) continue;
    for (const one of Array.isArray(value) ? value : [value]) if (isNode(one)) visit(one, file);
  }
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

const isType = (node: Node): boolean => (node.importKind ?? node.exportKind) === "type";

/** `a` or `a.b` of an expression that is just that; `globalThis` is left out. */
function nameOf(value: unknown): string | null {
  if (!isNode(value)) return null;
  if (value.type === "Identifier") return String(value.name);
  if (value.type !== "MemberExpression" || value.computed === true) return null;
  const [object, property] = [nameOf(value.object), nameOf(value.property)];
  if (object === null || property === null || object.includes(".")) return null;
  return object === "globalThis" ? property : `${object}.${property}`;
}

function addImport(source: unknown, file: SourceFile, typeOnly: boolean): void {
  const specifier = (source as { value?: unknown } | null | undefined)?.value;
  if (typeof specifier !== "string") return;
  const path = specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : null;
  file.imports.push({ specifier, path, typeOnly });
}
