/**
 * Seals anew, by the key in use, what older keys sealed, so that those can be dropped. Each row is written only while it
 * still holds what was read, so a host may run beside it: whatever it wrote meanwhile stays.
 */
import { type RawBuilder, sql } from "kysely";
import type { Db } from "./database.ts";
import type { Place, TokenVault } from "./token-vault.ts";

/** Every sealed column, and the name by which its ciphertexts are bound to it. */
const SEALED = [
  { table: "connections", column: "sealed_tokens", place: "tokens" },
  { table: "attempts", column: "sealed_verifier", place: "verifier" },
  { table: "attempts", column: "sealed_code", place: "code" },
  { table: "attachments", column: "sealed_version", place: "version" },
  { table: "attachments", column: "sealed_key", place: "key" },
  { table: "record_keys", column: "sealed_key", place: "key" },
  { table: "destinations", column: "sealed_secrets", place: "secrets" },
  { table: "webhooks", column: "sealed_secret", place: "secret" },
  { table: "webhooks", column: "sealed_previous_secret", place: "previous_secret" },
] as const;

/** Rows in one transaction. */
const BATCH = 100;

/** What came of it. `unreadable`: no key of the ring opens them. `changed`: somebody wrote them meanwhile. */
export interface Resealed {
  resealed: number;
  unreadable: number;
  changed: number;
}

/** Goes through all sealed values once. */
export async function resealAll(db: Db, vault: TokenVault): Promise<Resealed> {
  const done: Resealed = { resealed: 0, unreadable: 0, changed: 0 };
  for (const sealed of SEALED) {
    for (let after = ""; ; ) {
      const rows = await readBatch(db, sealed, vault.kid(), after);
      const last = rows.at(-1);
      if (!last) break;
      await resealBatch(db, vault, sealed, rows, done);
      after = last.id;
    }
  }
  return done;
}

/** How many values a key sealed that still lie in the database. */
export async function countSealedBy(db: Db, kid: string): Promise<number> {
  let count = 0;
  for (const sealed of SEALED) {
    const { rows } = await sql<{ count: number | string }>`
      select count(*) as count from ${sql.table(sealed.table)} where ${sealedBy(sealed, kid)}`.execute(db);
    count += Number(rows[0]?.count ?? 0);
  }
  return count;
}

type Sealed = (typeof SEALED)[number];
type SealedRow = { id: string; value: string };

async function readBatch(db: Db, sealed: Sealed, kid: string, after: string): Promise<SealedRow[]> {
  const { rows } = await sql<SealedRow>`
    select id, ${sql.ref(sealed.column)} as value from ${sql.table(sealed.table)}
    where id > ${after} and not ${sealedBy(sealed, kid)} order by id limit ${sql.lit(BATCH)}`.execute(db);
  return rows;
}

async function resealBatch(
  db: Db,
  vault: TokenVault,
  { table, column, place }: Sealed,
  rows: readonly SealedRow[],
  done: Resealed,
): Promise<void> {
  const anew = rows.flatMap(({ id, value }) => {
    const at: Place = { table, id, column: place };
    try {
      return [{ id, value, sealed: vault.seal(vault.open(value, at), at) }];
    } catch {
      done.unreadable += 1;
      return [];
    }
  });
  await db.transaction().execute(async (tx) => {
    for (const { id, value, sealed } of anew) {
      const { numAffectedRows } = await sql`
        update ${sql.table(table)} set ${sql.ref(column)} = ${sealed}
        where id = ${id} and ${sql.ref(column)} = ${value}`.execute(tx);
      if (numAffectedRows === 1n) done.resealed += 1;
      else done.changed += 1;
    }
  });
}

/** True of a row whose ciphertext names the kid; of no row that holds none. */
function sealedBy({ column }: Sealed, kid: string): RawBuilder<boolean> {
  const prefix = `v1.${kid}.`;
  return sql<boolean>`substr(${sql.ref(column)}, 1, ${sql.lit(prefix.length)}) = ${prefix}`;
}
