/** Who may import whom, what may be named where: the layout's rules over the sources as they stand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Import, readSources, type SourceFile } from "./support/source-files.ts";

const server = readSources("server/src");
const shared = readSources("shared/src");
const widget = readSources("widget/src");
const demo = readSources("demo");
const tests = readSources("test");
const product = [...server, ...shared, ...widget];

/**
 * The server from its door down to what knows nothing of it. A file imports from lower lines, and from its own folder; types
 * count like everything else.
 */
const LAYERS = [
  ["index", "cli"],
  ["mb-connect"],
  ["router", "worker", "library"],
  ["pages", "browser"],
  ["flow"],
  ["grant"],
  ["pulling"],
  ["outcome", "access", "hand-over", "documents", "revoke-grant"],
  ["renewal"],
  ["views"],
  ["session-url"],
  ["options"],
  ["smart"],
  ["destinations"],
  ["fhir", "catalog", "trail", "audit", "events"],
  ["jobs"],
  ["webhook-secrets"],
  ["store"],
  ["fetch", "errors", "ids", "unfinished", "retry-after", "webhook-signature"],
  ["addresses", "content-encoding"],
];

/** What flows and views are handed: interfaces of parts from every layer, so it stands outside of them, and holds types only. */
const HUB = "server/src/context.ts";

const ZOD_FREE = ["return-url", "errors", "next-steps", "endpoints", "list"].map((name) => `shared/src/${name}.ts`);

/** Widget file → the framework's packages that it is written for; nothing else of the widget imports it. */
const FRAMEWORKS: Record<string, string[]> = {
  "widget/src/react.ts": ["@lit/react", "react"],
  "widget/src/types/react.ts": ["react"],
  "widget/src/types/svelte.ts": ["svelte"],
  "widget/src/types/vue.ts": ["vue"],
};

/** A line for each import that a rule forbids. */
const forbidden = (files: SourceFile[], rule: (one: Import, file: SourceFile) => boolean): string[] =>
  files.flatMap((file) =>
    file.imports.filter((one) => rule(one, file)).map((one) => `${file.path} imports ${one.path ?? one.specifier}`),
  );

/** A line for each file, but for those excepted, that names something. */
const naming = (files: SourceFile[], name: RegExp, except: string[] = []): string[] =>
  files
    .filter(({ path }) => !except.includes(path))
    .flatMap(({ path, names }) => [...names].filter((one) => name.test(one)).map((one) => `${path} names ${one}`));

const none = (faults: string[]): void => assert.deepEqual(faults, []);

/** The package of a specifier: `lit` of `lit/directives/ref.js`. */
const packageOf = ({ specifier, path }: Import): string | null =>
  path === null && !specifier.startsWith("node:")
    ? specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")
    : null;

const within = (folder: string, path: string | null): boolean => path?.startsWith(`${folder}/`) ?? false;

/** The folder or file name that stands in `LAYERS`. */
const partOf = (path: string): string => path.slice("server/src/".length).split("/")[0]?.replace(/\.ts$/, "") ?? "";
const layerOf = (path: string): number => LAYERS.findIndex((parts) => parts.includes(partOf(path)));

test("every part of the server has its layer", () => {
  none(server.filter(({ path }) => path !== HUB && layerOf(path) < 0).map(({ path }) => path));
});

test("imports in the server go down only", () => {
  none(
    forbidden(server, ({ path }, file) => {
      if (!within("server/src", path) || path === null || path === HUB || file.path === HUB) return false;
      // Into a folder from beside it, as cli.ts does, counts as within; the other way does not.
      const sameFolder = partOf(path) === partOf(file.path) && path.split("/").length > 3;
      return !sameFolder && layerOf(path) <= layerOf(file.path);
    }),
  );
});

test("the context holds types only", () => {
  none(forbidden(server, ({ path, typeOnly }, file) => (path === HUB || file.path === HUB) && !typeOnly));
  const hub = server.find(({ path }) => path === HUB);
  none(hub?.statements.filter((kind) => kind !== "ImportDeclaration" && kind !== "TSInterfaceDeclaration") ?? [HUB]);
});

test("flow files never import one another", () => {
  none(forbidden(server, ({ path }, file) => within("server/src/flow", file.path) && within("server/src/flow", path)));
});

test("the server imports of ours only itself and what is shared", () => {
  none(forbidden(server, ({ path }) => path !== null && !within("server/src", path) && !within("shared/src", path)));
});

test("what is shared imports zod and itself; its zod-free files import none but one another", () => {
  none(forbidden(shared, (one) => packageOf(one) !== "zod" && !within("shared/src", one.path)));
  none(forbidden(shared, ({ path }, file) => ZOD_FREE.includes(file.path) && !ZOD_FREE.includes(path ?? "")));
  for (const path of ZOD_FREE)
    assert.ok(
      shared.some((file) => file.path === path),
      path,
    );
});

test("the widget imports lit, itself and what is shared without zod; a framework only where it is for that framework", () => {
  none(
    forbidden(widget, (one, { path }) =>
      one.path === null
        ? packageOf(one) !== "lit" && !FRAMEWORKS[path]?.includes(packageOf(one) ?? "")
        : !within("widget/src", one.path) && !ZOD_FREE.includes(one.path),
    ),
  );
});

test("the simulated hospital knows nothing of ours", () => {
  const ours = /^(@mb-connect\/|#)/;
  const hospital = demo.filter(({ path }) => within("demo/hospital", path));
  assert.ok(hospital.length > 5);
  none(
    forbidden(hospital, ({ path, specifier }) =>
      path === null ? ours.test(specifier) : !within("demo/hospital", path),
    ),
  );
});

test("demo and tests use the packages as built", () => {
  none(forbidden([...demo, ...tests], ({ path }) => /^(server|shared|widget)\//.test(path ?? "")));
  none(forbidden(demo, ({ specifier }) => specifier.startsWith("#")));
});

// A type that is imported is erased, and what is erased loads no package.
const ONLY_IN: Record<string, RegExp> = {
  express: /^(router|pages|cli)\.ts$/,
  "express-rate-limit": /^router\.ts$/,
  helmet: /^(router|pages)\.ts$/,
  commander: /^cli\.ts$/,
  "openid-client": /^smart\//,
  "better-sqlite3": /^store\/database\.ts$/,
  pg: /^store\/database\.ts$/,
  "pg-boss": /^jobs\/pg-boss-jobs\.ts$/,
  undici: /^fetch\.ts$/,
  "@aws-sdk/client-s3": /^destinations\/s3\.ts$/,
};

for (const [name, where] of Object.entries(ONLY_IN)) {
  test(`${name} is loaded only where its place is`, () => {
    const loads = (one: Import): boolean => packageOf(one) === name && !one.typeOnly;
    none(forbidden(server, (one, file) => loads(one) && !where.test(file.path.slice("server/src/".length))));
  });
}

test("S6: one door leads out", () => {
  const outward = /^node:(http|https|http2|net|tls|dgram|dns)(\/|$)/;
  none(
    naming(product, /^(fetch|XMLHttpRequest|WebSocket|EventSource|navigator\.sendBeacon)$/, [
      "server/src/fetch.ts",
      "widget/src/client.ts",
    ]),
  );
  // The second tells addresses apart and opens nothing.
  const knows = ["server/src/fetch.ts", "server/src/addresses.ts"];
  none(forbidden(server, ({ specifier }, { path }) => outward.test(specifier) && !knows.includes(path)));
});

test("the environment is read by the command alone", () => {
  none(naming(product, /^process(\.env)?$/, ["server/src/cli.ts"]));
  none(forbidden(product, ({ specifier }) => /^(node:)?process$/.test(specifier)));
});

test("the clock is passed in", () => {
  // The two places where a clock comes from; the page's own is the widget's, and a receiver of webhooks starts nothing of ours.
  const roots = ["server/src/mb-connect.ts", "server/src/cli.ts", "server/src/webhook-signature.ts"];
  none(naming([...server, ...shared], /^(Date\.now|new Date\(\)|performance\.now|process\.hrtime)$/, roots));
});

test("nothing imports in a circle", () => {
  const files = [...product, ...demo];
  const next = new Map(
    files.map(({ path, imports }) => [
      path,
      path === HUB ? [] : imports.flatMap((one) => (one.path === null ? [] : [one.path])),
    ]),
  );
  const done = new Set<string>();
  const walk = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [[...trail.slice(trail.indexOf(path)), path].join(" → ")];
    if (done.has(path)) return [];
    const circles = (next.get(path) ?? []).flatMap((one) => walk(one, [...trail, path]));
    done.add(path);
    return circles;
  };
  none(files.flatMap(({ path }) => walk(path, [])));
});

test("nothing is exported by default, and no module keeps state that changes", () => {
  const files = [...product, ...demo, ...tests];
  none(files.filter(({ statements }) => statements.includes("ExportDefaultDeclaration")).map(({ path }) => path));
  none(product.filter(({ statements }) => statements.includes("let")).map(({ path }) => path));
});

test("only the packages' doors pass on what others export", () => {
  const passesOn = /^(ExportFrom|ExportAllDeclaration)$/;
  const doors = ["server/src/index.ts", "widget/src/index.ts"];
  const barrels = [...product, ...demo].filter(
    ({ path, statements }) =>
      !doors.includes(path) &&
      statements.some((kind) => passesOn.test(kind)) &&
      statements.every((kind) => passesOn.test(kind) || kind === "ImportDeclaration"),
  );
  none(barrels.map(({ path }) => path));
});
