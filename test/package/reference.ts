/**
 * The tables of README.md that the code decides: `node --import tsx test/package/reference.ts` writes them anew between
 * their `generated` marks. A test compares.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENDPOINTS } from "#shared/endpoints.js";
import { ERRORS } from "#shared/errors.js";
import { TRAIL_REASONS } from "#shared/trail-reasons.js";
import { ROOT } from "../support/source-files.ts";
import { elementOf, keptManifest, type Member } from "./manifest.ts";

const ROUTES: Record<keyof typeof ENDPOINTS, { method: "GET" | "POST" | "DELETE"; who: string; answer: string }> = {
  connections: {
    method: "GET",
    who: "anyone, rate-limited",
    answer:
      "sources that can be offered, for `q`, `type`, `brand`, `limit`, `starting_after`; fewer than two characters: recommended ones",
  },
  patientSessions: {
    method: "POST",
    who: "the logged-in patient",
    answer: "`{ url }` for `{ connectionId, patientId? }`; binds the browser by a cookie",
  },
  patientConnections: {
    method: "GET",
    who: "the logged-in patient",
    answer: "their connections, what was not granted, and how the records arrive; with an `ETag`",
  },
  patientConnection: {
    method: "DELETE",
    who: "the logged-in patient",
    answer: "`{ disconnected: true }`; another's is a 404",
  },
  logo: { method: "GET", who: "anyone", answer: "a source's logo, from your own origin" },
  connect: { method: "GET", who: "whoever holds the link, in one browser", answer: "303 to the portal" },
  callback: { method: "GET", who: "the bound browser", answer: "303 to `return_url`" },
  callbackContinue: {
    method: "GET",
    who: "the bound browser",
    answer: "the callback's second step, where a login shows only then",
  },
  callbackOfIssuer: {
    method: "GET",
    who: "the bound browser",
    answer: "the same for a registration with a `redirect_path`",
  },
  jwks: { method: "GET", who: "anyone", answer: "your public keys" },
};

/** Each generated part, by the name in its mark. */
const PARTS: Record<string, () => string> = {
  element: () => elementTables(),
  integrity: () =>
    [
      "```html",
      `<script type="module" src="/mb-connect.min.js" crossorigin="anonymous"`,
      `  integrity="${integrityOf("dist/mb-connect.min.js")}"></script>`,
      "```\n",
    ].join("\n"),
  routes: () =>
    table(
      ["route", "who may", "answer"],
      Object.entries(ENDPOINTS).map(([name, path]) => {
        const { method, who, answer } = ROUTES[name as keyof typeof ENDPOINTS];
        return [`\`${method} ${path}\``, who, answer];
      }),
    ),
  errors: () =>
    table(
      ["code", "status", "who can act", "what comes next", "meaning"],
      // The anchor is what an answer's `doc_url` leads to.
      Object.entries(ERRORS).map(([code, { status, actor, next, message }]) => [
        `<a id="${code}"></a>\`${code}\``,
        String(status),
        actor,
        `\`${next}\``,
        message,
      ]),
    ),
  reasons: () =>
    table(
      ["word", "meaning"],
      Object.entries({
        ...TRAIL_REASONS,
        "http_…, discovery_http_…": "The status that the hospital's server answered with",
      }).map(([word, meaning]) => [`\`${word}\``, meaning]),
    ),
};

/** What `integrity` holds for a file of the built widget. */
export function integrityOf(path: string): string {
  const hash = createHash("sha384").update(readFileSync(join(ROOT, "widget", path)));
  return `sha384-${hash.digest("base64")}`;
}

/** Properties, events, methods and all that can be styled, as the manifest has them. */
function elementTables(): string {
  const { members, events, slots, cssParts, cssProperties, cssStates } = elementOf(keptManifest());
  const fields = members.filter(({ kind }) => kind === "field");
  const code = (text: string | undefined): string => (text ? `\`${text.replaceAll("|", "\\|")}\`` : "");
  const told = (list: { name: string; description: string }[]): string[][] =>
    list.map(({ name, description }) => [code(name), description]);
  return [
    table(
      ["property", "attribute", "type", "default", "what it is"],
      fields.map(({ name, attribute, type, default: value, description, ...one }) => [
        code(one.static ? `MbConnect.${name}` : name),
        code(attribute),
        code(type?.text),
        code(value) || (one.readonly ? "read only" : ""),
        oneLine(description),
      ]),
    ),
    table(
      ["method", "what it does"],
      members
        .filter(({ kind }) => kind === "method")
        .map((method) => [code(signatureOf(method)), oneLine(method.description)]),
    ),
    table(
      ["event", "`detail`", "when"],
      events.map(({ name, type, description }) => [code(name), code(/<(.*)>/.exec(type.text)?.[1]), description]),
    ),
    table(["slot", "where"], told(slots)),
    table(["`::part`", "what it is"], told(cssParts)),
    table(["custom property", "what it sets"], told(cssProperties)),
    table(["`:state()`", "while"], told(cssStates)),
  ].join("\n");
}

function signatureOf({ name, static: isStatic, parameters = [], return: result }: Member): string {
  const given = parameters.map((one) => `${one.name}${one.optional ? "?" : ""}: ${one.type.text}`);
  return `${isStatic ? "MbConnect." : ""}${name}(${given.join(", ")}): ${result?.type.text ?? "void"}`;
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ");

const MARKED = /(<!-- generated:([a-z]+) -->\n).*?(<!-- \/generated -->)/gs;

/**
 * A README with its generated parts as they should be.
 *
 * @throws when a part has no mark, or a mark no part
 */
export function withReference(readme: string): string {
  const left = new Set(Object.keys(PARTS));
  const written = readme.replace(MARKED, (_all, open: string, name: string, close: string) => {
    const part = PARTS[name];
    if (!part || !left.delete(name)) throw new Error(`README.md: there is no one part called ${name}`);
    return `${open}${part()}${close}`;
  });
  if (left.size > 0) throw new Error(`README.md has no mark for ${[...left].join(", ")}`);
  return written;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")).replaceAll(" ", "") + rows.map(line).join("");
}

if (process.argv[1] === import.meta.filename) {
  const path = join(ROOT, "README.md");
  writeFileSync(path, withReference(readFileSync(path, "utf8")));
}
