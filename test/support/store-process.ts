/**
 * A process on a store that other processes use at the same time. Says `ready`, waits for a word from its parent, does
 * what its second argument names, and says `done` or the error's code.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { sql } from "kysely";
import { openDatabase } from "#server/store/database.js";

const [location, task] = process.argv.slice(2);
if (!location || !process.send) throw new Error("Usage: fork(store-process.ts, [LOCATION, migrate|count|write|die])");
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
  // Without a pause, many at a time, until the parent has heard enough.
  if (task === "write") {
    let stopped = false;
    process.once("message", () => {
      stopped = true;
    });
    const lane = async () => {
      while (!stopped) await sql`update counted set total = total`.execute(database.db);
    };
    const lanes = Array.from({ length: 16 }, lane);
    process.send("writing");
    await Promise.all(lanes);
  }
  // In the very moment in which the first of many is answered.
  if (task === "die") {
    const told = (n: number) => {
      writeSync(process.stdout.fd, String(n));
      process.kill(process.pid, "SIGKILL");
    };
    const add = (db: typeof database.db, n: number) => sql`insert into counted (total) values (${n})`.execute(db);
    const writes = Array.from({ length: 20 }, (_, n) =>
      n % 2 === 0 ? add(database.db, n) : database.db.transaction().execute((tx) => add(tx, n)),
    );
    await Promise.race(writes.map((write, n) => write.then(() => told(n))));
  }
  await database.close();
  process.send("done");
} catch (error) {
  process.send(String((error as { code?: string }).code ?? error));
}
process.disconnect();
