/** Deletion for good: a patient, or a connection, with all that came through it; nothing is left in a table, a log or a folder. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import BetterSqlite from "better-sqlite3";
import { sql } from "kysely";
import { isAbout, readAudit } from "#server/audit.js";
import { purge } from "#server/flow/delete.js";
import { openClinic, patientBrowser, until } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { type FhirServer, resource, startFhirServer } from "./support/fhir-server.ts";
import { openPullHost, type PullHost, scopesFor } from "./support/pull-host.ts";

const CANARY = "canary-of-a-deletion-1868";
const SCOPES = scopesFor("Patient", "Condition", "DocumentReference", "Binary");

forEachDatabase((databases) => {
  describe("deletion", () => {
    let folder: string;
    let host: PullHost;
    let server: FhirServer;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "mb-deletion-"));
      host = await openPullHost(databases, { options: { attachmentsFolder: folder } });
    });
    after(async () => {
      await host.close();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(async () => {
      server = await startFhirServer();
      server.pageSize = 10;
      const data = Buffer.from(`a document of ${CANARY}`).toString("base64");
      server.add(
        ...Array.from({ length: 60 }, (_, n) => resource("Condition", `c${n}`, { note: [{ text: `${CANARY} ${n}` }] })),
        resource("DocumentReference", "d", { content: [{ attachment: { contentType: "text/plain", data } }] }),
      );
    });
    afterEach(() => server.close());

    /** A patient whose records and document are here. */
    const filled = async (patient_id: string): Promise<string> => {
      const connection = await host.connect({ server, patient_id, scopes: SCOPES });
      await host.settled(connection);
      await until(
        async () => (await host.patients.attachments(patient_id)).data,
        ([one]) => one?.status === "stored",
      );
      return connection;
    };
    /** Every table's rows that name something, by table; only its own hash of the patient stays in the audit. */
    const naming = async (...words: string[]): Promise<Record<string, number>> => {
      const { db } = host.database;
      const found: Record<string, number> = {};
      for (const { schema, name } of await db.introspection.getTables()) {
        const table = schema === undefined ? name : `${schema}.${name}`;
        const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(db);
        // What the queue of Postgres has done it keeps for a while: the ids of its jobs' connections, and no more.
        const standing = rows.filter(({ state }) => schema !== "mb_jobs" || state !== "completed");
        const hits = standing.filter((row) => words.some((word) => JSON.stringify(row).includes(word)));
        const told = schema === "mb_jobs" ? "jobs" : name;
        if (hits.length > 0) found[told] = hits.length;
      }
      return found;
    };
    const inFiles = async (...words: string[]): Promise<string[]> => {
      if (databases.name === "postgres") return [];
      const own = dirname(host.location);
      const names = (await readdir(own)).filter((name) => name.startsWith("mb-connect.db"));
      const held = await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(own, name)) })));
      return held.filter(({ bytes }) => words.some((word) => bytes.includes(word))).map(({ name }) => name);
    };

    test("a patient who is deleted leaves nothing in the tables, the files, the log or the folder of documents", async () => {
      const connection = await filled("mrn-1868");
      assert.deepEqual(await readdir(folder), [connection]);
      assert.ok(Object.keys(await naming("mrn-1868", CANARY)).length >= 3);
      await host.patients.delete("mrn-1868");
      assert.deepEqual(await naming("mrn-1868", CANARY), {});
      assert.deepEqual(await inFiles("mrn-1868", CANARY), []);
      assert.deepEqual(await readdir(folder), []);
      await assert.rejects(Promise.resolve(host.patients.records("mrn-1868")), { code: "resource_not_found" });
    });

    test("a connection is deleted alone; what came through the patient's others stays", async () => {
      const [gone, kept] = [await filled("ada"), await host.connect({ server, patient_id: "ada", scopes: SCOPES })];
      await host.settled(kept);
      const sourcesOf = async () =>
        new Set((await host.patients.records("ada")).data.map(({ source }) => source.connection));
      assert.deepEqual(await sourcesOf(), new Set([gone, kept]));
      assert.deepEqual(await host.patients.deleteConnection("ada", gone), {
        id: gone,
        resource_type: "connection",
        deleted: true,
      });
      assert.deepEqual(await sourcesOf(), new Set([kept]));
      const { audit, jobs = 0, ...others } = await naming(gone);
      assert.deepEqual(others, {}, `of ${jobs} jobs the next pull finds nothing to do`);
      assert.ok((audit ?? 0) > 0);
      assert.ok(!(await readdir(folder)).includes(gone));
      const rows = await readAudit(host.database.db, null, 5000);
      const row = rows.find(({ action, subject }) => action === "connection_deleted" && subject === gone);
      assert.ok(row && row.actor === "host" && isAbout(host.context.vault, row, "ada"));
      for (const [patient_id, id] of [
        ["ada", gone],
        ["ben", kept],
      ] as const) {
        await assert.rejects(host.patients.deleteConnection(patient_id, id), {
          code: "resource_not_found",
          param: "connectionId",
        });
      }
      await host.patients.delete("ada");
    });

    test("whoever is deleted while their records and documents arrive leaves nothing, and no job fails", async () => {
      for (let round = 0; round < 6; round++) {
        const patient_id = `mrn-midway-${round}`;
        server.requests.length = 0;
        let reach: () => void = () => {};
        const reached = new Promise<void>((resolve) => {
          reach = resolve;
        });
        server.rules.unshift(() => {
          if (server.requests.length >= 4 + round) reach();
          return null;
        });
        const connection = await host.connect({ server, patient_id, scopes: SCOPES });
        await reached;
        if (round % 2 === 0) await host.patients.delete(patient_id);
        else await host.patients.deleteConnection(patient_id, connection);
        await until(
          async () => (await naming(connection)).jobs ?? 0,
          (jobs) => jobs === 0,
        );
        const { audit: _, jobs: __, patients: ___, ...left } = await naming(connection, CANARY);
        assert.deepEqual(left, {});
        assert.deepEqual((await readdir(folder)).includes(connection), false);
        server.rules.shift();
      }
      assert.deepEqual(await inFiles(CANARY), []);
      assert.deepEqual(JSON.stringify(host.logged), "[]");
    });

    test("a document that is under way when its connection is deleted leaves no file", async () => {
      const gate = { asked: () => {}, open: () => {} };
      const asked = new Promise<void>((resolve) => {
        gate.asked = resolve;
      });
      const opened = new Promise<void>((resolve) => {
        gate.open = resolve;
      });
      server.rules.push(async ({ path }) => {
        if (path !== "Binary/late") return null;
        gate.asked();
        await opened;
        return { headers: { "content-type": "text/plain" }, body: CANARY };
      });
      const content = [{ attachment: { contentType: "text/plain", url: "Binary/late" } }];
      server.add(resource("DocumentReference", "late", { content }));
      const connection = await host.connect({ server, patient_id: "bela", scopes: SCOPES });
      await asked;
      await host.patients.deleteConnection("bela", connection);
      gate.open();
      // One is left: tomorrow's pull, which will find nothing to do.
      await until(
        async () => (await naming(connection)).jobs ?? 0,
        (jobs) => jobs <= 1,
      );
      assert.ok(!(await readdir(folder)).includes(connection));
      assert.equal(JSON.stringify(host.logged), "[]");
    });

    test("what a crash left in the folder goes with the next look after a deletion, and nothing else", async () => {
      const connection = await filled("cleo");
      await mkdir(join(folder, "conn_gone"));
      await writeFile(join(folder, "conn_gone", "file_x.part"), "left");
      await mkdir(join(folder, "somebody-else's"));
      await purge(host.context);
      assert.deepEqual((await readdir(folder)).includes("conn_gone"), false);
      assert.ok((await readdir(folder)).includes("somebody-else's"));
      const [document] = (await host.patients.attachments("cleo")).data;
      assert.ok(document && (await readdir(join(folder, connection))).length === 1);
      await rm(join(folder, "somebody-else's"), { recursive: true });
      await host.patients.delete("cleo");
    });

    test("an open session shows a deleted connection as ended, and the patient can connect anew", async (context) => {
      const clinic = await openClinic({ database: await databases.location() });
      context.after(() => clinic.close());
      const connect = () => clinic.source().then((source) => patientBrowser(clinic, "dora").connect(source));
      const session = (await connect()).searchParams.get("patient_session_id") ?? "";
      const [first] = await clinic.mb.patients.getConnections("dora");
      await clinic.mb.patients.deleteConnection("dora", first?.id ?? "");
      clinic.pass(7200);
      const [tried] = (await clinic.mb.patientSession.retrieve(session)).connections;
      assert.deepEqual([tried?.id, tried?.status, tried?.failure_code], [null, "disconnected", null]);
      assert.deepEqual(await clinic.mb.patients.getConnections("dora"), []);
      assert.ok(clinic.hospital.requests.some(({ path }) => path.endsWith("/revoke")));
      assert.equal((await connect()).searchParams.get("success"), "true");
      const [second] = await clinic.mb.patients.getConnections("dora");
      assert.ok(second && second.id !== first?.id);
    });

    if (databases.name === "sqlite") {
      test("a reader keeps the log from being emptied, and not for good: the job does it when the reader is gone", async () => {
        await filled("emil");
        const reader = new BetterSqlite(host.location, { readonly: true });
        reader.exec("begin");
        reader.prepare("select count(*) from records").get();
        await host.patients.delete("emil");
        assert.deepEqual(await naming("emil"), {});
        assert.notDeepEqual(await inFiles(CANARY), [], "the reader sees what was there when it began");
        reader.exec("commit");
        reader.close();
        await host.pass(60);
        await until(
          () => inFiles(CANARY),
          (files) => files.length === 0,
        );
      });
    }
  });
});
