/** The benchmarks' runner: that it says what it can run. What it measures is never part of a test. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const RUNNER = fileURLToPath(new URL("bench/run.ts", import.meta.url));

function bench(...given: string[]) {
  return promisify(execFile)(process.execPath, ["--import", "tsx", RUNNER, ...given]);
}

test("a benchmark that is not there is refused in one line that names those that are", async () => {
  const failed = (await bench("sessions", "sesions").catch((thrown) => thrown)) as { code: number; stderr: string };
  assert.equal(failed.code, 1);
  assert.equal(
    failed.stderr,
    "bench: no benchmark is named sesions; there are sessions, authorization, refresh, pull, element, search\n",
  );
});

test("search without a catalog is skipped, and says what it needs", async () => {
  const { stdout, stderr } = await bench("search", "--json");
  assert.equal(stdout, "");
  assert.equal(stderr, "search is skipped: pass --catalog FILE\n");
});
