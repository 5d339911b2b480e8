/** The audit: a row for each disconnect, deletion and use of a key, which nothing changes and no deletion takes along. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { type AuditRecord, isAbout, readAudit, recordAudit } from "#server/audit.js";
import { createIds } from "#server/ids.js";
import type { Database } from "#server/store/database.js";
import { createTokenVault } from "#server/store/token-vault.js";
import { type Clinic, openClinic, patientBrowser, until } from "./support/clinic.ts";
import { command } from "./support/command.ts";
import { forEachDatabase } from "./support/databases.ts";
import { listFolder } from "./support/source-lists.ts";

forEachDatabase((databases) => {
  describe("the table", () => {
    test("refuses to change, delete or replace a row, whoever asks", async () => {
      const { db } = await databases.open();
      const tools = { ids: createIds(Date.now), clock: Date.now };
      await recordAudit(tools, db, { action: "key_used", actor: "server", subject: "k" });
      const [row] = await readAudit(db, null, 10);
      assert.ok(row);
      const hostile = [
        db.updateTable("audit").set({ subject: "other" }),
        db.deleteFrom("audit"),
        db.deleteFrom("audit").where("id", "=", row.id),
      ];
      for (const query of hostile) await assert.rejects(query.execute(), /takes new rows only/);
      const replacing = { sqlite: "insert or replace into", postgres: "insert into" }[databases.name];
      await assert.rejects(
        sql`${sql.raw(replacing)} audit (id, at, action, actor) values (${row.id}, 1, 'key_used', 'server')`.execute(
          db,
        ),
      );
      if (databases.name === "postgres") await assert.rejects(sql`truncate audit`.execute(db), /takes new rows only/);
      assert.deepEqual(await readAudit(db, null, 10), [row]);
    });
  });

  describe("of a clinic", () => {
    let clinic: Clinic;
    let database: Database;
    const key = { kid: "audited", key: randomBytes(32).toString("base64url") };
    const vault = createTokenVault([key]);
    const write = listFolder();
    const rows = (action: string): Promise<AuditRecord[]> =>
      readAudit(database.db, null, 500).then((all) => all.filter((one) => one.action === action));

    before(async () => {
      const location = await databases.location();
      clinic = await openClinic({ database: location, options: { sealingKeys: [key] } });
      database = await databases.open(location);
    });
    after(() => clinic.close());

    const connect = async (patient_id: string): Promise<string> => {
      await patientBrowser(clinic, patient_id).connect(await clinic.source());
      const [connection] = await clinic.mb.patients.getConnections(patient_id);
      assert.ok(connection);
      return connection.id;
    };

    test("holds who ended a connection, and when: the patient, or the host", async () => {
      const mine = await connect("ada");
      const browser = patientBrowser(clinic, "ada");
      const headers = { "content-type": "application/json", origin: clinic.url };
      const answer = await browser.visit(`${clinic.api}/patient-connections/${mine}`, { method: "DELETE", headers });
      assert.equal(answer.status, 200);
      const theirs = await connect("ben");
      await clinic.mb.patients.disconnectConnection("ben", theirs);
      await clinic.mb.patients.disconnectConnection("ben", theirs);
      assert.deepEqual(
        (await rows("connection_disconnected")).map(({ subject, actor }) => [subject, actor]),
        [
          [mine, "patient"],
          [theirs, "host"],
        ],
      );
    });

    test("keeps a patient's deletion without their id; the id and the keys together find it", async () => {
      await connect("mrn-4711");
      await clinic.mb.patients.delete("mrn-4711");
      const [row] = await rows("patient_deleted");
      assert.ok(row);
      assert.deepEqual([row.actor, row.subject, row.detail], ["host", null, { connections: 1 }]);
      assert.ok(!JSON.stringify(await readAudit(database.db, null, 500)).includes("mrn-4711"));
      assert.ok(isAbout(vault, row, "mrn-4711"));
      assert.ok(!isAbout(vault, row, "mrn-4712"));
      assert.ok(!isAbout(createTokenVault([{ ...key, key: randomBytes(32).toString("base64url") }]), row, "mrn-4711"));
    });

    test("S11: a patient's rows are found by the key file; of rows by keys that it lacks the command says so", async () => {
      await clinic.mb.patients.create({ id: "mrn-4713" });
      await clinic.mb.patients.delete("mrn-4713");
      const other = { kid: "newer", key: randomBytes(32).toString("base64url") };
      const audit = (name: string, ...sealingKeys: object[]) => {
        const file = write(name, { sealingKeys });
        chmodSync(file, 0o600);
        return command("audit", "--database", clinic.database, "--patient", "mrn-4713", "--file", file);
      };
      const found = await audit("whole.json", other, key);
      assert.deepEqual([found.code, found.stderr], [0, ""]);
      assert.match(found.stdout, /^\S+ host +patient_deleted +connections=0\n$/);
      const lost = await audit("newer.json", other);
      assert.deepEqual([lost.code, lost.stdout], [0, ""]);
      assert.match(lost.stderr, /^[1-9] rows about a patient were made by keys .*newer\.json lacks \(audited\): .*\n$/);
    });

    test("holds each key's first use in a process, once for sealing and once for opening", async () => {
      await connect("cleo");
      await connect("dan");
      const used = await until(
        () => rows("key_used"),
        (found) => found.length >= 2,
      );
      assert.deepEqual(used.map(({ subject, detail }) => `${subject} ${detail?.use}`).sort(), [
        "audited open",
        "audited seal",
      ]);
    });

    test("is read by command, in words and as JSON, and holds no token and no key", async () => {
      const words = await command("audit", "--database", clinic.database);
      assert.deepEqual([words.code, words.stderr], [0, ""]);
      assert.match(words.stdout, /^\d{4}-\S+Z patient {2}connection_disconnected conn_\S+ source=fhirsrc_\S+$/m);
      const json = await command("audit", "--database", clinic.database, "--json");
      const lines = json.stdout.trimEnd().split("\n");
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        await readAudit(database.db, null, 500),
      );
      assert.ok(!json.stdout.includes(key.key));
    });
  });
});
