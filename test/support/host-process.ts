/**
 * A host's app in a process of its own, to be killed. Its one argument is JSON: `{ port, options }`; it says "ready" when it
 * listens. At SIGUSR2 it does what a host in trouble does: prints all that it holds, and ends by an exception.
 */
import { inspect } from "node:util";
import { mbConnect } from "@mb-connect/server";
import express from "express";

const { port, options } = JSON.parse(process.argv[2] ?? "{}");
const user = /(?:^|;\s*)user=([^;]+)/;
const mb = mbConnect({
  ...options,
  patient: (request) => user.exec(request.headers.cookie ?? "")?.[1] ?? null,
});
process.on("SIGUSR2", () => {
  console.error(inspect(mb, { depth: 12, showHidden: true, getters: true }));
  throw new Error("a fault of the host's own");
});
await mb.ready;
express()
  .use("/api", mb.router)
  .listen(port, "127.0.0.1", () => console.log("ready"));
