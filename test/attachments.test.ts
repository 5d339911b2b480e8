/** The documents behind records: fetched after their pull, kept encrypted, handed to the host alone. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { Attachment } from "@mb-connect/server";
import { readAudit } from "#server/audit.js";
import { forEachDatabase } from "./support/databases.ts";
import { type FhirReply, type FhirServer, resource, startFhirServer } from "./support/fhir-server.ts";
import { openPullHost, type PullHost, scopesFor } from "./support/pull-host.ts";

const CANARY = "canary-of-a-document-1843";
const SCOPES = scopesFor("Patient", "DocumentReference", "DiagnosticReport", "Binary");

/** A DocumentReference with these attachments. */
function document(id: string, ...attachments: object[]): Record<string, unknown> {
  return resource("DocumentReference", id, {
    status: "current",
    content: attachments.map((attachment) => ({ attachment })),
  });
}

/** Asks again until the answer is as it should be; a slow machine has a minute for 50 MB. */
async function until<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(50)) {
    const answer = await ask();
    if (enough(answer)) return answer;
  }
  return assert.fail("it did not come to be within a minute");
}

forEachDatabase((databases) => {
  describe("attachments", () => {
    let folder: string;
    let host: PullHost;
    let server: FhirServer;
    let patients = 0;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "mb-attachments-"));
      host = await openPullHost(databases, { options: { attachmentsFolder: join(folder, "kept") } });
    });
    after(async () => {
      await host.close();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(async () => {
      server = await startFhirServer();
    });
    afterEach(() => server.close());

    /** Answers by the path below the FHIR base. */
    const answer = (replies: Record<string, FhirReply | ((accept: string) => FhirReply)>) => {
      server.rules.push(({ path, headers }) => {
        const reply = replies[path];
        return typeof reply === "function" ? reply(headers.accept ?? "") : reply;
      });
    };
    const bytes = (type: string, body: string | Buffer): FhirReply => ({ headers: { "content-type": type }, body });
    const binary = (data: string | Buffer): FhirReply => ({
      body: { resourceType: "Binary", id: "b", contentType: "x/y", data: Buffer.from(data).toString("base64") },
    });
    const accepts = (path: string) => server.asked(path).map(({ headers }) => headers.accept);
    const listed = async (patient_id: string): Promise<Attachment[]> => {
      const all: Attachment[] = [];
      for await (const one of host.patients.attachments(patient_id).autoPagingIterator()) all.push(one);
      return all;
    };
    /** A patient whose pull is over and whose documents are all fetched or given up. */
    const pulled = async (passing = 0) => {
      const patient_id = `patient-${++patients}`;
      const connection = await host.connect({ server, patient_id, scopes: SCOPES });
      await host.settled(connection);
      const all = await until(
        async () => {
          if (passing > 0) await host.pass(passing);
          return listed(patient_id);
        },
        (found) => found.every(({ status }) => status !== "waiting"),
      );
      return { patient_id, connection, all };
    };
    const states = (all: Attachment[]) =>
      all.map(({ record, position, status, reason }) => [record, position, status, reason]);
    const read = async (patient_id: string, { id }: Attachment) =>
      textOf((await host.patients.attachment(patient_id, id)).stream);

    test("P8: a relative and an absolute reference are asked for in their own type, with the token; a document may have several", async () => {
      answer({
        "Binary/one": bytes("application/pdf", "%PDF-1.7 one"),
        "Binary/two": bytes("text/html; charset=utf-8", "<!doctype html><p>two"),
      });
      server.add(
        document(
          "d",
          { contentType: "application/pdf", url: "Binary/one" },
          { contentType: "text/html", url: `${server.base}/Binary/two` },
        ),
      );
      const { patient_id, all } = await pulled();
      assert.deepEqual(states(all), [
        ["DocumentReference/d", 0, "stored", null],
        ["DocumentReference/d", 1, "stored", null],
      ]);
      assert.deepEqual([accepts("Binary/one"), accepts("Binary/two")], [["application/pdf"], ["text/html"]]);
      assert.ok(server.asked("Binary/one").every(({ headers }) => headers.authorization === "Bearer token-0"));
      const texts = await Promise.all(all.map((one) => read(patient_id, one)));
      assert.deepEqual(texts, ["%PDF-1.7 one", "<!doctype html><p>two"]);
      assert.deepEqual(
        all.map(({ content_type, size }) => [content_type, size]),
        [
          ["application/pdf", 12],
          ["text/html", 21],
        ],
      );
    });

    test("P8: a server that gives only FHIR's own type, or answers with it unasked, is understood; application/json is never asked for", async () => {
      const data = randomBytes(300_000);
      answer({
        "Binary/only": (accept) => (accept === "application/fhir+json" ? binary(data) : { status: 406 }),
        "Binary/anyway": binary("unasked"),
        "Binary/untyped": binary("no type was given"),
        "Binary/json": (accept) => (accept === "application/fhir+json" ? binary('{"a":1}') : { status: 406 }),
      });
      server.add(
        document(
          "d",
          { contentType: "application/octet-stream", url: "Binary/only" },
          { contentType: "text/plain", url: "Binary/anyway" },
          { url: "Binary/untyped" },
          { contentType: "application/json", url: "Binary/json" },
        ),
      );
      const { patient_id, all } = await pulled();
      assert.ok(
        all.every(({ status }) => status === "stored"),
        JSON.stringify(all),
      );
      assert.deepEqual(accepts("Binary/only"), ["application/octet-stream", "application/fhir+json"]);
      assert.deepEqual(accepts("Binary/untyped"), ["application/fhir+json"]);
      assert.deepEqual(accepts("Binary/json"), ["application/fhir+json"]);
      const { stream } = await host.patients.attachment(patient_id, all[0]?.id ?? "");
      assert.ok(Buffer.concat(await stream.toArray()).equals(data));
      const others = await Promise.all(all.slice(1).map((one) => read(patient_id, one)));
      assert.deepEqual(others, ["unasked", "no type was given", '{"a":1}']);
    });

    test("P8: what stands in the record itself is kept without a request, of a DiagnosticReport too", async () => {
      const data = Buffer.from("in line").toString("base64");
      server.add(
        document("d", { contentType: "text/plain", data }, { title: "names nothing" }),
        resource("DiagnosticReport", "r", { presentedForm: [{ contentType: "text/plain", data, size: 7 }] }),
      );
      const { patient_id, all } = await pulled();
      assert.deepEqual(states(all).sort(), [
        ["DiagnosticReport/r", 0, "stored", null],
        ["DocumentReference/d", 0, "stored", null],
      ]);
      assert.deepEqual(await Promise.all(all.map((one) => read(patient_id, one))), ["in line", "in line"]);
      assert.equal(server.requests.filter(({ path }) => path.startsWith("Binary")).length, 0);
    });

    test("P8, S7: no token goes to another address, or out of the FHIR base", async (context) => {
      const other = await startFhirServer();
      context.after(() => other.close());
      const urls = [
        `${other.base}/Binary/x`,
        `${new URL(server.base).origin}/elsewhere/Binary/x`,
        "../Binary/x",
        "Binary/..%2f..%2ftoken",
        "https://user@example.com/x",
        "#contained",
        "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        "file:///etc/passwd",
      ];
      server.add(document("d", ...urls.map((url) => ({ contentType: "text/plain", url }))));
      const { all } = await pulled();
      assert.deepEqual(
        states(all),
        urls.map((_, position) => ["DocumentReference/d", position, "skipped", "foreign_url"]),
      );
      assert.equal(other.requests.length, 0);
    });

    test("P8: what is larger than 50 MB is not kept, whether the record says so, the answer does, or a Binary unfolds to it", async () => {
      const large = Buffer.alloc(50 * 1024 * 1024 + 1, "a");
      answer({ "Binary/sent": bytes("text/plain", large), "Binary/folded": binary(large) });
      server.add(
        document(
          "d",
          { contentType: "text/plain", url: "Binary/said", size: large.length },
          { contentType: "text/plain", url: "Binary/sent" },
          { contentType: "text/plain", url: "Binary/folded" },
        ),
      );
      const { connection, all } = await pulled();
      assert.deepEqual(
        states(all),
        [0, 1, 2].map((position) => ["DocumentReference/d", position, "skipped", "too_large"]),
      );
      assert.equal(server.asked("Binary/said").length, 0);
      assert.deepEqual(await readdir(join(folder, "kept", connection)), [], "no part of it is left");
    });

    test("P8: a hash or a size that does not fit is told, and the document kept, since some are made anew at each reading", async () => {
      const digest = (name: string, text: string) => createHash(name).update(text).digest("base64");
      answer({ "Binary/x": bytes("text/plain", "what came") });
      const x = { contentType: "text/plain", url: "Binary/x" };
      server.add(
        document(
          "d",
          { ...x, hash: digest("sha1", "what came"), size: 9 },
          { ...x, hash: digest("sha256", "what came") },
          { ...x, hash: digest("sha1", "what was said") },
          { ...x, size: 10 },
          { ...x, hash: "bm8gaGFzaA==" },
        ),
      );
      const { all } = await pulled();
      assert.deepEqual(
        all.map(({ status, reason }) => [status, reason]),
        [
          ["stored", null],
          ["stored", null],
          ["stored", "hash_differs"],
          ["stored", "size_differs"],
          ["stored", null],
        ],
      );
    });

    test("P8: a document is known by its record: the next pull reads none anew but what the record says has changed", async () => {
      answer({ "Binary/a": bytes("text/plain", "first"), "Binary/b": bytes("text/plain", "other url") });
      const note = (id: string, url: string, versionId: string | null) => ({
        ...document(id, { contentType: "text/plain", url }),
        ...(versionId && { meta: { versionId } }),
      });
      server.add(note("anew", "Binary/a", null), note("amended", "Binary/a", "1"));
      const { patient_id, connection, all } = await pulled();
      assert.equal(server.asked("Binary/a").length, 2);
      server.resources.set("DocumentReference", []);
      server.add(note("anew", "Binary/b", null), note("amended", "Binary/b", "2"));
      await host.request(connection);
      await host.settled(connection);
      const then = await until(
        () => listed(patient_id),
        (found) =>
          found.every(
            ({ status, updated_at }, n) => n === 0 || (status === "stored" && updated_at !== all[n]?.updated_at),
          ),
      );
      assert.deepEqual(
        then.map(({ id }) => id),
        all.map(({ id }) => id),
      );
      assert.deepEqual(await Promise.all(then.map((one) => read(patient_id, one))), ["first", "other url"]);
      assert.equal(server.asked("Binary/b").length, 1);
      assert.equal((await readdir(join(folder, "kept", connection))).length, 2, "the old file is gone");
    });

    test("P5, P6: what is refused is left; what fails is tried again, six times, and again with the next pull", async () => {
      let tries = 0;
      let broken = true;
      answer({
        "Binary/forbidden": { status: 403 },
        "Binary/gone": { status: 404 },
        "Binary/flaky": () => (++tries < 3 ? { status: 500 } : bytes("text/plain", "at last")),
        "Binary/broken": () => (broken ? { status: 500 } : bytes("text/plain", "mended")),
        "Binary/page": bytes("text/html", "<html>Please sign in"),
        "Binary/outcome": { body: { resourceType: "OperationOutcome" } },
      });
      const names = ["forbidden", "gone", "flaky", "broken", "page", "outcome"];
      server.add(...names.map((id) => document(id, { contentType: "text/plain", url: `Binary/${id}` })));
      const { patient_id, connection, all } = await pulled(120);
      assert.deepEqual(all.map(({ record, status, reason }) => `${record.split("/")[1]} ${status} ${reason}`).sort(), [
        "broken failed http_500",
        "flaky stored null",
        "forbidden skipped http_403",
        "gone skipped http_404",
        "outcome failed no_binary",
        "page failed html_answer",
      ]);
      assert.equal(server.asked("Binary/broken").length, 6);
      broken = false;
      await host.request(connection);
      await host.settled(connection);
      await until(
        async () => {
          await host.pass(120);
          return listed(patient_id);
        },
        (found) => found.filter(({ status }) => status === "stored").length === 2,
      );
      assert.equal(server.asked("Binary/gone").length, 1);
    });

    test("where no file can be written until the job's last attempt, the documents are fetched later all the same", async (t) => {
      const kept = join(folder, "full");
      const own = await openPullHost(databases, {
        options: { attachmentsFolder: kept },
        jobs: { retrySeconds: 0.001 },
      });
      t.after(() => own.close());
      // A file in the folder's place: as with a full disk, nothing can be written below it.
      await writeFile(kept, "");
      server.add(document("d1", { contentType: "text/plain", data: "aGk=" }));
      const connection = await own.connect({ server, patient_id: "full", scopes: SCOPES });
      await own.settled(connection);
      const gaveUp = () => JSON.stringify(own.logged).includes('"gaveUp":true');
      await until(async () => gaveUp(), Boolean);
      await rm(kept);
      // Long before the next pull, which would note them anew.
      await own.pass(3700);
      await until(
        async () => (await own.patients.attachments("full")).data,
        ([one]) => one?.status === "stored",
      );
    });

    test("P6: a server that asks for a pause gets it, by either form of Retry-After, and loses no document by it", async () => {
      let pauses = 8;
      answer({
        "Binary/x": () => {
          pauses -= 1;
          if (pauses < 0) return bytes("text/plain", "after all");
          const when = pauses % 2 === 0 ? "600" : new Date(host.now() + 600_000).toUTCString();
          return { status: 429, headers: { "retry-after": when } };
        },
      });
      server.add(document("d", { contentType: "text/plain", url: "Binary/x" }));
      const begun = host.now();
      const { patient_id, all } = await pulled(60);
      assert.deepEqual(states(all), [["DocumentReference/d", 0, "stored", null]]);
      assert.ok(host.now() - begun > 8 * 590_000, "each pause was kept");
      assert.equal(await read(patient_id, all[0] as Attachment), "after all");
    });

    test("P5: an access token that has run out is renewed, once, and the document read", async () => {
      answer({});
      server.rules.push(({ path, headers }) => {
        if (path !== "Binary/x") return null;
        server.tokens.delete("token-0");
        return headers.authorization === "Bearer token-0" ? { status: 401 } : bytes("text/plain", "renewed");
      });
      server.add(document("d", { contentType: "text/plain", url: "Binary/x" }));
      const { patient_id, all } = await pulled();
      assert.equal(await read(patient_id, all[0] as Attachment), "renewed");
      assert.equal(server.asked("Binary/x").length, 2);
    });

    test("P8: files are encrypted; one that is changed, cut short or put in another's place fails before it is handed out whole", async () => {
      const long = `${CANARY} `.repeat(20_000);
      answer({ "Binary/x": bytes("text/plain", long), "Binary/y": bytes("text/plain", `${long}and more`) });
      server.add(
        document("d", { contentType: "text/plain", url: "Binary/x" }, { contentType: "text/plain", url: "Binary/y" }),
      );
      const { patient_id, connection, all } = await pulled();
      const [x, y] = all;
      assert.ok(x && y);
      assert.equal(await read(patient_id, x), long);
      const own = join(folder, "kept", connection);
      const pathOf = async ({ id }: Attachment) => {
        const name = (await readdir(own)).find((file) => file.startsWith(id));
        return join(own, name ?? "");
      };
      const [path, other] = await Promise.all([pathOf(x), pathOf(y)]);
      const whole = await readFile(path);
      assert.ok(!whole.includes(CANARY));
      const changed = Buffer.from(whole);
      changed[whole.length - 40] = (changed[whole.length - 40] ?? 0) ^ 1;
      for (const wrong of [changed, await readFile(other), Buffer.concat([whole, whole])]) {
        await writeFile(path, wrong);
        await assert.rejects(read(patient_id, x));
      }
      for (const length of [whole.length - 1, 64 * 1024 + 16, 0]) {
        await writeFile(path, whole);
        await truncate(path, length);
        await assert.rejects(read(patient_id, x));
      }
      await rm(path);
      await assert.rejects(read(patient_id, x), { code: "resource_not_found" });
      await writeFile(path, whole);
      assert.equal(await read(patient_id, x), long);
    });

    test("P8: a document is what its bytes are, not what a record calls it, and goes to a browser as a download in a sandbox", async () => {
      const html = "<!DOCTYPE html><script>alert(1)</script>";
      answer({ "Binary/x": bytes("image/png", html), "Binary/y": bytes("application/pdf", "no pdf") });
      server.add(
        document(
          "d",
          { contentType: "image/png", url: "Binary/x" },
          { contentType: "application/pdf", url: "Binary/y" },
          { contentType: "text/xml", data: Buffer.from("<?xml version='1.0'?><ClinicalDocument/>").toString("base64") },
        ),
      );
      const { patient_id, all } = await pulled();
      assert.deepEqual(
        all.map(({ content_type }) => content_type),
        ["text/html", "text/plain", "text/xml"],
      );
      const { headers, stream } = await host.patients.attachment(patient_id, all[0]?.id ?? "");
      stream.destroy();
      assert.equal(headers["content-type"], "text/html");
      assert.equal(headers["content-disposition"], "attachment");
      assert.match(headers["content-security-policy"] ?? "", /^sandbox/);
      assert.equal(headers["x-content-type-options"], "nosniff");
    });

    test("each list and each document that is handed out stands in the audit; another patient's is not there", async () => {
      server.add(document("d", { contentType: "text/plain", data: "aGk=" }));
      const { patient_id, connection, all } = await pulled();
      const [one] = all;
      assert.ok(one);
      const before = (await readAudit(host.database.db, null, 5000)).length;
      await host.patients.attachments(patient_id);
      await read(patient_id, one);
      await assert.rejects(read("patient-1", one), { code: "resource_not_found", param: "attachmentId" });
      await assert.rejects(Promise.resolve(host.patients.attachments("nobody")), { param: "id" });
      const rows = (await readAudit(host.database.db, null, 5000)).slice(before);
      assert.deepEqual(
        rows.map(({ action, actor, subject, detail }) => [action, actor, subject, detail]),
        [
          ["attachments_listed", "host", null, { count: 1 }],
          ["attachment_read", "host", connection, { attachment: one.id }],
        ],
      );
    });

    test("without a folder documents are noted and left, and fetched by the first pull that has one", async (context) => {
      server.add(document("d", { contentType: "text/plain", data: "aGk=" }));
      const bare = await openPullHost(databases, { options: { attachmentsFolder: null } });
      const connection = await bare.connect({ server, patient_id: "homeless", scopes: SCOPES });
      await bare.settled(connection);
      const left = (await bare.patients.attachments("homeless")).data[0];
      assert.deepEqual([left?.status, left?.reason], ["skipped", "no_folder"]);
      await assert.rejects(bare.patients.attachment("homeless", left?.id ?? ""), /not stored: no_folder/);
      const { location, options } = bare;
      await bare.close();
      const housed = await openPullHost(databases, {
        location,
        options: { sealingKeys: options.sealingKeys, attachmentsFolder: join(folder, "later") },
      });
      context.after(() => housed.close());
      await housed.request(connection);
      await until(
        async () => (await housed.patients.attachments("homeless")).data,
        (found) => found[0]?.status === "stored",
      );
    });
  });
});
