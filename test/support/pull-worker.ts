/**
 * A worker in a process of its own, to be killed. Its one argument is JSON: `{ options, ahead, leaseSeconds }`. It says "ready", works when
 * told "go", and says "connected" each time that it opens a connection to the hospital, which goes by a name.
 */
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { mbConnect } from "@mb-connect/server";

const { options, ahead, leaseSeconds } = JSON.parse(process.argv[2] ?? "{}");
const logger = { info() {}, warn() {}, error: (fields: object, message: string) => console.error(message, fields) };
const mb = mbConnect(
  { ...options, patient: () => null, logger },
  {
    clock: () => Date.now() + ahead,
    jobs: { pollSeconds: 0.02, retrySeconds: 0.05, leaseSeconds },
    pullWorkMs: 2000,
    lookup: ((name, how, done) => {
      process.send?.("connected");
      lookup(name, how, done);
    }) as LookupFunction,
  },
);
await mb.ready;
process.once("message", () => void mb.worker.start());
process.send?.("ready");
