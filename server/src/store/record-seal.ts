/**
 * Seals the bodies of a connection's records. Each sealed connection has a key of its own, itself sealed by the vault: a new
 * sealing key so costs one row a connection and leaves the bodies alone, the hash of a body stays what it was, and with the
 * key's row all copies of the bodies are lost for good. A connection that is sealed stays so.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { Db } from "./database.ts";
import { type KeptForm, plainForm } from "./records.ts";
import type { RecordRow } from "./schema.ts";
import type { Place, TokenVault } from "./token-vault.ts";

const SEALED = "s1.";
/** Rows in one transaction. */
const BATCH = 200;

/**
 * In which form a connection's records are stored: sealed, or open. Where they are sealed, what still lies open is sealed
 * first.
 *
 * Called by whoever holds the connection's serial key, before it stores anything: nobody then writes an open body beside it.
 *
 * @param wanted whether a connection that is not sealed yet is to be from now on
 */
export async function takeForm(db: Db, vault: TokenVault, connection_id: string, wanted: boolean): Promise<KeptForm> {
  const row = (await findKey(db, connection_id)) ?? (wanted ? await makeKey(db, vault, connection_id) : undefined);
  if (!row) return plainForm;
  const seal = sealOf(vault, row);
  if (row.rest === 1) {
    await sealOpenBodies(db, seal, connection_id);
    await db.updateTable("record_keys").set({ rest: 0 }).where("id", "=", connection_id).execute();
  }
  return seal.keep;
}

/** Rows of records with their bodies as they came. */
export async function openBodies<Row extends Pick<RecordRow, "connection_id" | "type" | "fhir_id" | "body">>(
  db: Db,
  vault: TokenVault,
  rows: readonly Row[],
): Promise<Row[]> {
  const sealed = new Set(rows.filter(isSealed).map(({ connection_id }) => connection_id));
  if (sealed.size === 0) return [...rows];
  const keys = await db
    .selectFrom("record_keys")
    .selectAll()
    .where("id", "in", [...sealed])
    .execute();
  const seals = new Map(keys.map((key) => [key.id, sealOf(vault, key)]));
  return rows.flatMap((row) => {
    if (!isSealed(row)) return [row];
    const seal = seals.get(row.connection_id);
    // Deleted since the rows were read, and its records with it.
    return seal ? [{ ...row, body: seal.open(row) }] : [];
  });
}

/**
 * Seals what lies open of all connections, beside running hosts; what those still write open is sealed by their next pull.
 *
 * @returns how many bodies
 */
export async function sealAll(db: Db, vault: TokenVault): Promise<number> {
  let sealed = 0;
  for (let after = ""; ; ) {
    const connection = await db
      .selectFrom("connections")
      .select("id")
      .where("id", ">", after)
      .orderBy("id")
      .limit(1)
      .executeTakeFirst();
    if (!connection) return sealed;
    after = connection.id;
    const key = (await findKey(db, after)) ?? (await makeKey(db, vault, after));
    if (key) sealed += await sealOpenBodies(db, sealOf(vault, key), after);
  }
}

type Key = { id: string; sealed_key: string; rest: number };

function findKey(db: Db, id: string): Promise<Key | undefined> {
  return db.selectFrom("record_keys").selectAll().where("id", "=", id).executeTakeFirst();
}

/** A new key, or the one that another process made meanwhile; undefined where the connection is gone. */
async function makeKey(db: Db, vault: TokenVault, id: string): Promise<Key | undefined> {
  const sealed_key = vault.seal(randomBytes(32).toString("base64url"), keyPlace(id));
  await sql`
    insert into record_keys (id, sealed_key, rest) select id, ${sealed_key}, 1 from connections where id = ${id}
    on conflict (id) do nothing`.execute(db);
  return findKey(db, id);
}

/** Which record of the connection a body belongs to; a sealed body opens nowhere else. */
type RecordName = Pick<RecordRow, "type" | "fhir_id">;

/** A connection's seal. Its hash is an HMAC: equal for equal bodies of the connection, and telling nobody what they are. */
interface RecordSeal {
  keep(record: RecordName & { body: string }): ReturnType<KeptForm>;
  /** Throws when the text, the record or the key is another. */
  open(record: RecordName & { body: string }): string;
}

function sealOf(vault: TokenVault, { id, sealed_key }: Key): RecordSeal {
  const secret = Buffer.from(vault.open<string>(sealed_key, keyPlace(id)), "base64url");
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));
  const [sealing, hashing] = [derive("mb-connect record body"), derive("mb-connect record hash")];
  const about = ({ type, fhir_id }: RecordName): Buffer => Buffer.from(`records|${id}/${type}/${fhir_id}|body`);
  return {
    keep(record) {
      return {
        hash: createHmac("sha256", hashing).update(record.body).digest(),
        // Only where it is asked for: a body that is as it was is not written.
        get body() {
          const iv = randomBytes(12);
          const cipher = createCipheriv("aes-256-gcm", sealing, iv).setAAD(about(record));
          const bytes = Buffer.concat([iv, cipher.update(record.body, "utf8"), cipher.final(), cipher.getAuthTag()]);
          return SEALED + bytes.toString("base64");
        },
      };
    },
    open(record) {
      const bytes = Buffer.from(record.body.slice(SEALED.length), "base64");
      const decipher = createDecipheriv("aes-256-gcm", sealing, bytes.subarray(0, 12), { authTagLength: 16 })
        .setAAD(about(record))
        .setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("utf8");
    },
  };
}

/** Each row only while it still holds what was read, and in its place: nothing of it has changed for whoever reads on. */
async function sealOpenBodies(db: Db, seal: RecordSeal, connection_id: string): Promise<number> {
  let sealed = 0;
  for (let last: RecordName = { type: "", fhir_id: "" }; ; ) {
    const rows = await db
      .selectFrom("records")
      .select(["type", "fhir_id", "hash", "body"])
      .where("connection_id", "=", connection_id)
      .where(sql<boolean>`(type, fhir_id) > (${last.type}, ${last.fhir_id})`)
      .where(sql<boolean>`substr(body, 1, ${sql.lit(SEALED.length)}) <> ${SEALED}`)
      .orderBy("type")
      .orderBy("fhir_id")
      .limit(BATCH)
      .execute();
    const end = rows.at(-1);
    if (!end) return sealed;
    last = end;
    await db.transaction().execute(async (tx) => {
      for (const row of rows) {
        const { numUpdatedRows } = await tx
          .updateTable("records")
          .set(seal.keep(row))
          .where("connection_id", "=", connection_id)
          .where("type", "=", row.type)
          .where("fhir_id", "=", row.fhir_id)
          .where("hash", "=", row.hash)
          .executeTakeFirst();
        sealed += Number(numUpdatedRows);
      }
    });
  }
}

function isSealed({ body }: Pick<RecordRow, "body">): boolean {
  return body.startsWith(SEALED);
}

function keyPlace(id: string): Place {
  return { table: "record_keys", id, column: "key" };
}
