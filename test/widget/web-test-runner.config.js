/** Runs the element's tests in a real Chromium, over HTTP, against the built package. */
import { fileURLToPath } from "node:url";
import { chromeLauncher, defaultReporter } from "@web/test-runner";
import { a11ySnapshotPlugin } from "@web/test-runner-commands/plugins";
import { tsImport } from "tsx/esm/api";
import { transformWithOxc } from "vite";

const { chromium } = await tsImport("../support/chromium.ts", import.meta.url);
const { elementHost } = await tsImport("../support/element-host.ts", import.meta.url);

/** With ELEMENT=single-file the tests meet that build in place of the package, with what a page of such a host brings beside it. */
const built = {
  name: "built",
  resolveImport: ({ source }) =>
    source === "@mb-connect/widget" && process.env.ELEMENT === "single-file" ? "/single-file.js" : undefined,
  serve: ({ path }) => (path === "/single-file.js" ? SINGLE_FILE : undefined),
};

const SINGLE_FILE = `
import { MbConnect } from "/widget/dist/mb-connect.min.js";
import { LOCALES } from "/widget/dist/widget/src/locales.js";
export { parseReturnUrl } from "/widget/dist/shared/src/return-url.js";
Object.assign(MbConnect.locales, LOCALES);
export { MbConnect };`;

/** Strips the types from the tests; the package under test is served as built. */
const typescript = {
  name: "typescript",
  resolveMimeType: ({ path }) => (path.endsWith(".ts") ? "js" : undefined),
  transform: async ({ path, body }) => (path.endsWith(".ts") ? (await transformWithOxc(body, path)).code : undefined),
};

/** One line at the end: how many tests ran and how many failed. */
const tally = {
  onTestRunFinished({ sessions }) {
    const tests = sessions.flatMap(({ testResults }) => testsOf(testResults));
    const failed = tests.filter(({ passed, skipped }) => !passed && !skipped).length;
    const broken = sessions.filter(({ passed }) => !passed).length;
    console.log(
      `${tests.length} tests of the element, ${failed} failed, in ${sessions.length} files, ${broken} failed`,
    );
  },
};

function testsOf(suite) {
  return suite ? [...suite.tests, ...suite.suites.flatMap(testsOf)] : [];
}

export default {
  rootDir: fileURLToPath(new URL("../..", import.meta.url)),
  files: [fileURLToPath(new URL("*.test.ts", import.meta.url))],
  nodeResolve: { exportConditions: ["production", "default"] },
  plugins: [built, typescript, a11ySnapshotPlugin()],
  middleware: [elementHost()],
  browsers: [chromeLauncher({ launchOptions: await chromium() })],
  reporters: [defaultReporter({ reportTestResults: true, reportTestProgress: false }), tally],
  // One page at a time: focus and real keys belong to the page in front.
  concurrency: 1,
  testFramework: { config: { timeout: 9_000 } },
  testRunnerHtml: (path) =>
    `<!doctype html><html lang="en"><head><title>mb-connect</title></head><body><script type="module" src="${path}"></script></body></html>`,
};
