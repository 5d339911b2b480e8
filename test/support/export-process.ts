/**
 * A process that hands records on, for tests that kill it or starve it. Its argument is JSON: the host's options, and the export
 * to run, or none to work as a worker does. With `transactions` it stands still before that one is begun, counted from 1, says
 * so, and goes on at a word: the second comes when the first batch is at the destination and nothing of it is written down.
 */
import { once } from "node:events";
import { mbConnect } from "@mb-connect/server";
import { exportRecords } from "#server/flow/export.js";
import { compose } from "#server/mb-connect.js";

/** What the parent hears. */
export type ExportMessage = { event: "ready" | "stopped" | "done" } | { event: "failed"; code: string };

const { options: given, payload, transactions } = JSON.parse(process.argv[2] ?? "{}");
// What JSON cannot carry.
const options = { ...given, patient: () => null, logger: { info() {}, warn() {}, error() {} } };
const tell = (message: ExportMessage) => process.send?.(message);
// The channel to the parent keeps the process alive while it stands still.
process.on("disconnect", () => process.exit());
const go = once(process, "message");
if (payload) await exportOnce();
else {
  await mbConnect(options).worker.start();
  tell({ event: "ready" });
}

async function exportOnce(): Promise<void> {
  const { context } = compose(options, {});
  let begun = 0;
  const db = new Proxy(context.db, {
    get(target, name) {
      if (name === "transaction" && ++begun === transactions) {
        tell({ event: "stopped" });
        return () => ({
          execute: async (work: Parameters<ReturnType<typeof target.transaction>["execute"]>[0]) => {
            await go;
            return target.transaction().execute(work);
          },
        });
      }
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  tell({ event: "ready" });
  try {
    await exportRecords({ ...context, db }, { payload, signal: new AbortController().signal });
    tell({ event: "done" });
  } catch (thrown) {
    tell({ event: "failed", code: String((thrown as { code?: unknown }).code) });
  }
}
