/** Ours: a worker with connections whose refresh is due. Options: an empty folder, the stub's URL. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createWorker } from "#server/worker.js";
import { connect, openServer } from "./connected.ts";
import { peakMemory } from "./memory.ts";
import { playPart } from "./part.ts";

const [folder = "", stub = ""] = process.argv.slice(2);
const { context } = await openServer(join(folder, "refresher.db"));

/** Connections whose tokens are still those of the start. Not for every moment: it reads them all. */
async function left(): Promise<number> {
  const due = context.db.selectFrom("connections").select(({ fn }) => fn.countAll().as("n"));
  return Number((await due.where("token_generation", "=", 1).executeTakeFirstOrThrow()).n);
}

playPart({
  async connections({ count }: { count: number }) {
    for (let n = 0; n < count; n++) {
      const refresh_token = `${"R".repeat(300)}${n}`;
      await connect(context, n, { server: stub, refresh_token, accessSeconds: 0 }, (tx, connection_id) =>
        context.jobs.enqueue(tx, { name: "refresh", payload: { connection_id }, dedupeKey: connection_id }),
      );
    }
  },
  async run({ count }: { count: number }) {
    const peak = peakMemory();
    let sent = 0;
    const { request } = context.door;
    context.door.request = (url, init) => {
      sent += 1;
      return request(url, init);
    };
    const worker = createWorker(context, Promise.resolve());
    await worker.start();
    while (sent < count || (await left()) > 0) await delay(50);
    await worker.stop();
    return peak();
  },
});
