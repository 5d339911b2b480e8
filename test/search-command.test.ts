/** `mb-connect search`: what a person sees, and what a judge reads by the line. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { command } from "./support/command.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

const BIN = join(import.meta.dirname, "../server/bin/mb-connect.js");

describe("mb-connect search", () => {
  const write = listFolder();
  const database = write("host.db", "");

  before(async () => {
    const list = write(
      "list.jsonl",
      jsonLines([
        facility("Tern Hospital", { vendor: "Epic", aliases: ["Old Tern"] }),
        facility("Tern Clinic", { brand: "Tern Health", city: "Reno", state: "NV" }),
        facility("Tern of Old", { fhirVersion: "1.0.2" }),
        facility("Tern at Home", { fhirBaseUrl: "https://127.0.0.1/r4" }),
        facility("Tern without an endpoint", { fhirBaseUrl: null }),
      ]),
    );
    assert.equal((await command("import", "--database", database, list)).code, 0);
  });

  interface Answer {
    q: string;
    ms: number;
    results: Record<string, unknown>[];
  }
  const answers = (text: string): Answer[] => {
    const lines = text.split("\n");
    assert.equal(lines.pop(), "");
    return lines.map((line) => JSON.parse(line) as Answer);
  };
  const namesOf = ({ results }: Answer): unknown[] => results.map(({ name }) => name).sort();

  async function feed(text: string, ...words: string[]): Promise<string> {
    const child = spawn(process.execPath, [BIN, "search", "--database", database, "--stdin", ...words]);
    child.stdin.end(text);
    return (await child.stdout.toArray()).join("");
  }

  test("shows a person a line for each, of all that could be offered", async () => {
    const { code, stdout } = await command("search", "--database", database, "tern");
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n").sort();
    assert.equal(lines.length, 2);
    assert.match(stdout, /^fhirsrc_\w{26} {2}Tern Hospital · Springfield, IL · epic$/m);
    assert.match(stdout, /^fhirsrc_\w{26} {2}Tern Clinic · Tern Health · Reno, NV$/m);
    assert.equal((await command("search", "--database", database, "zzzzzz")).stdout, "nothing found\n");
  });

  test("as JSON: the query, its time and what was found", async () => {
    const { stdout } = await command("search", "--database", database, "--json", "tern hospital");
    const [answer] = answers(stdout);
    assert.deepEqual(Object.keys(answer ?? {}), ["q", "ms", "results"]);
    assert.equal(answer?.q, "tern hospital");
    assert.ok((answer?.ms ?? -1) >= 0);
    const { id, ...rest } = answer?.results[0] ?? {};
    assert.match(String(id), /^fhirsrc_\w{26}$/);
    const place = { city: "Springfield", state: "IL", type: "epic" };
    assert.deepEqual(rest, { name: "Tern Hospital", brand: null, aliases: ["Old Tern"], ...place });
  });

  test("reads a query a line and writes a line for each, in their order", async () => {
    const [first, empty, odd, last, ...more] = answers(await feed('tern\n\n"🙂\u0001 \\\nold tern', "--limit", "1"));
    assert.equal(more.length, 0);
    assert.deepEqual([first?.q, empty?.q, odd?.q, last?.q], ["tern", "", '"🙂\u0001 \\', "old tern"]);
    assert.equal(first?.results.length, 1);
    assert.equal(empty?.results.length, 1, "with nothing typed, what there is");
    assert.deepEqual(odd?.results, []);
    assert.deepEqual(namesOf(last as Answer), ["Tern Hospital"]);
    assert.equal(await feed(""), "");
  });

  test("with nothing typed, all in an order that stays", async () => {
    const [one] = answers((await command("search", "--database", database, "--json")).stdout);
    const [other] = answers((await command("search", "--database", database, "--json")).stdout);
    assert.deepEqual(one?.results, other?.results);
    assert.deepEqual(namesOf(one as Answer), ["Tern Clinic", "Tern Hospital"]);
  });

  test("refuses what it cannot do in one line", async () => {
    for (const [words, said] of [
      [["--limit", "0", "tern"], "mb-connect: --limit takes a number from 1 to 100\n"],
      [["--limit", "many", "tern"], "mb-connect: --limit takes a number from 1 to 100\n"],
      [["--stdin", "tern"], "mb-connect: pass a query or --stdin, not both\n"],
    ] as const) {
      const { code, stdout, stderr } = await command("search", "--database", database, ...words);
      assert.deepEqual([code, stdout, stderr], [1, "", said]);
    }
  });

  test("makes no database where there is none, and does not say that nothing was found there", async () => {
    const wrong = `${database}.wrong`;
    const { code, stdout, stderr } = await command("search", "--database", wrong, "tern");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^mb-connect: there is no database at .*host\.db\.wrong: .* mb-connect import\n$/);
    assert.equal(existsSync(wrong), false);
  });
});
