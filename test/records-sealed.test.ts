/** Sealed records: nothing of a body is to be read in what the database keeps, and nobody who reads by the library sees a difference. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { MbConnectOptions } from "@mb-connect/server";
import { sql } from "kysely";
import { openDatabase } from "#server/store/database.js";
import { openBodies } from "#server/store/record-seal.js";
import { createTokenVault } from "#server/store/token-vault.js";
import { type Clinic, openClinic, patientBrowser, until } from "./support/clinic.ts";
import { command } from "./support/command.ts";
import { forEachDatabase } from "./support/databases.ts";
import { resource, startFhirServer } from "./support/fhir-server.ts";
import { openPullHost, scopesFor } from "./support/pull-host.ts";
import { openShelf, type Shelf } from "./support/shelf.ts";
import { listFolder } from "./support/source-lists.ts";

const CANARY = "canary-of-a-body-0451";
const key = (kid: string) => ({ kid, key: randomBytes(32).toString("base64url") });
const secret = (id: string, note = CANARY) => ({ resourceType: "Condition", id, code: { text: `${note} ${id}` } });

forEachDatabase((databases) => {
  describe("sealed records", () => {
    const first = key("first");
    let clinic: Clinic;
    let shelf: Shelf;
    /** The same host with `sealRecords`. */
    let sealing: Shelf;
    const write = listFolder();

    before(async () => {
      clinic = await openClinic({ database: await databases.location(), options: { sealingKeys: [first] } });
      shelf = await openShelf(clinic.options);
      sealing = await openShelf({ ...clinic.options, sealRecords: true } as MbConnectOptions);
    });
    after(async () => {
      await Promise.all([shelf.close(), sealing.close()]);
      await clinic.close();
    });

    const connect = async (patient_id: string): Promise<string> => {
      await patientBrowser(clinic, patient_id).connect(await clinic.source());
      const [connection] = await clinic.mb.patients.getConnections(patient_id);
      assert.ok(connection);
      return connection.id;
    };
    const rowsOf = (connection_id: string) =>
      shelf.context.db
        .selectFrom("records")
        .selectAll()
        .where("connection_id", "=", connection_id)
        .orderBy("seq")
        .execute();
    const textsOf = async (patient_id: string) =>
      (await clinic.mb.patients.records(patient_id)).data.map(({ text }) => text);
    const keyFile = (name: string, ...sealingKeys: object[]): string => {
      const file = write(name, { sealingKeys });
      chmodSync(file, 0o600);
      return file;
    };

    test("nothing of a sealed body stands in the database's files, and it is read as it came", async () => {
      const connection = await connect("ada");
      const written = [secret("a"), secret("b"), secret("a", `${CANARY} amended`)].map((one) => JSON.stringify(one));
      await sealing.store(connection, written.slice(0, 2));
      await sealing.store(connection, written.slice(2));
      assert.deepEqual(await textsOf("ada"), [written[1], written[2]]);
      assert.ok(!JSON.stringify(await rowsOf(connection)).includes(CANARY));
      if (databases.name === "postgres") return;
      const folder = dirname(clinic.database);
      const files = (await readdir(folder)).filter((name) => name.startsWith("mb-connect.db"));
      assert.deepEqual(files.sort(), ["mb-connect.db", "mb-connect.db-shm", "mb-connect.db-wal"]);
      for (const name of files) assert.ok(!(await readFile(join(folder, name))).includes(CANARY), name);
    });

    test("a pull with its pages, references, documents and events leaves nothing of them to be read", async (context) => {
      const server = await startFhirServer();
      context.after(() => server.close());
      server.pageSize = 5;
      const data = Buffer.from(`${CANARY} in line`).toString("base64");
      const content = [{ attachment: { contentType: "text/plain", title: CANARY, data } }];
      server.add(
        ...Array.from({ length: 30 }, (_, n) => resource("Condition", `c${n}`, { note: [{ text: `${CANARY} ${n}` }] })),
        resource("DocumentReference", "d", { content }),
      );
      const options = { sealRecords: true };
      const host = await openPullHost(databases, { options });
      context.after(() => host.close());
      const scopes = scopesFor("Patient", "Condition", "DocumentReference");
      const connection = await host.connect({ server, patient_id: "gale", scopes });
      await host.settled(connection);
      await until(
        async () => (await host.patients.attachments("gale")).data,
        ([one]) => one !== undefined && one.status !== "waiting",
      );
      const { data: records } = await host.patients.records("gale");
      assert.equal(records.filter(({ text }) => text.includes(CANARY)).length, 31);
      const { db } = host.database;
      const forms = [CANARY, Buffer.from(CANARY).toString("base64").slice(0, -4)];
      for (const { schema, name } of await db.introspection.getTables()) {
        const table = schema === undefined ? name : `${schema}.${name}`;
        const { rows } = await sql`select * from ${sql.table(table)}`.execute(db);
        assert.ok(!forms.some((form) => JSON.stringify(rows).includes(form)), table);
      }
      const folder = dirname(host.location);
      const files =
        databases.name === "postgres" ? [] : await readdir(folder, { recursive: true, withFileTypes: true });
      for (const file of files.filter((one) => one.isFile())) {
        const bytes = await readFile(join(file.parentPath, file.name));
        assert.ok(!forms.some((form) => bytes.includes(form)), file.name);
      }
    });

    test("equal bodies at two connections have neither text nor hash in common", async () => {
      const both = [await connect("ben"), await connect("cleo")];
      for (const connection of both) await sealing.store(connection, [secret("same")]);
      const [one, other] = (await Promise.all(both.map(rowsOf))).map(([row]) => row);
      assert.ok(one && other);
      assert.ok(!one.hash.equals(other.hash) && one.body !== other.body);
    });

    test("a sealed body that is moved to another record, or changed, is never handed out", async () => {
      const connection = await connect("dora");
      await sealing.store(connection, [secret("x"), secret("y")]);
      const [x, y] = await rowsOf(connection);
      assert.ok(x && y);
      const put = (body: string) =>
        shelf.context.db
          .updateTable("records")
          .set({ body })
          .where("connection_id", "=", connection)
          .where("fhir_id", "=", "x")
          .execute();
      for (const body of [y.body, `${x.body.slice(0, -8)}AAAA${x.body.slice(-4)}`]) {
        await put(body);
        await assert.rejects(textsOf("dora"));
      }
      await put(x.body);
      assert.equal((await textsOf("dora")).length, 2);
    });

    test("switched on later, the next pull seals what lies open, in its place; it stays sealed when it is switched off", async () => {
      const connection = await connect("emil");
      const page = Array.from({ length: 450 }, (_, n) => secret(`r${n}`));
      await shelf.store(connection, page);
      const open = await rowsOf(connection);
      assert.ok(open.every(({ body }) => body.includes(CANARY)));
      const unchanged = await sealing.store(connection, page.slice(0, 100));
      assert.deepEqual([[...unchanged.added], [...unchanged.changed]], [[], []]);
      const sealed = await rowsOf(connection);
      assert.ok(sealed.every(({ body }) => !body.includes("resourceType")));
      const places = (rows: typeof open) => rows.map(({ fhir_id, seq, updated_at }) => [fhir_id, seq, updated_at]);
      assert.deepEqual(places(sealed), places(open), "nobody reads a record again for its being sealed");
      const changed = await shelf.store(connection, [secret("r1"), secret("r2", "changed"), secret("new")]);
      assert.deepEqual([[...changed.added], [...changed.changed]], [[["Condition", 1]], [["Condition", 1]]]);
      assert.ok((await rowsOf(connection)).every(({ body }) => !body.includes("resourceType")));
      assert.equal((await clinic.mb.patients.records("emil", { count: 1 })).data[0]?.text, JSON.stringify(page[0]));
    });

    test("S11: the command seals what lies open, and an old key is dropped with no body written anew", async () => {
      const connection = await connect("fay");
      await shelf.store(connection, [secret("one"), secret("two")]);
      const at = ["--database", clinic.database];
      const sealed = await command("keys", "reseal", "--records", "--file", keyFile("old.json", first), ...at);
      assert.equal(sealed.code, 0, sealed.stderr);
      assert.match(sealed.stdout, /^\d+ values sealed anew by first\n([2-9]|\d\d+) records sealed that lay open\n$/);
      const bodies = await rowsOf(connection);
      assert.ok(!JSON.stringify(bodies).includes(CANARY));
      const second = key("second");
      const resealed = await command("keys", "reseal", "--file", keyFile("new.json", second, first), ...at);
      assert.equal(resealed.code, 0, resealed.stderr);
      assert.deepEqual(await rowsOf(connection), bodies);
      const beside = openDatabase(clinic.database);
      const opened = await openBodies(beside.db, createTokenVault([second]), bodies);
      await beside.close();
      assert.deepEqual(
        opened.map(({ body }) => JSON.parse(body)),
        [secret("one"), secret("two")],
      );
    });
  });
});
