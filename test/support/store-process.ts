/**
 * A process on a store that other processes use at the same time. Says `ready`, waits for a word from its parent, does
 * what its second argument names, and says `done` or the error's code.
 */
import { once } from "node:events";
import { sql } from "kysely";
import { openDatabase } from "#server/store/database.js";

const [location, task] = process.argv.slice(2);
if (!location || !process.send) throw new Error("Usage: fork(store-process.ts, [LOCATION, migrate|count])");
process.send("ready");
await once(process, "message");
try {
  const database = openDatabase(location);
  if (task === "migrate") await database.migrate();
  // Each reads, then writes what it has read and one more.
  for (let n = 0; task === "count" && n < 100; n++) {
    await database.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ total: number }>`select total from counted`.execute(tx);
      await sql`update counted set total = ${(rows[0]?.total ?? 0) + 1}`.execute(tx);
    });
  }
  await database.close();
  process.send("done");
} catch (error) {
  process.send(String((error as { code?: string }).code ?? error));
}
process.disconnect();
