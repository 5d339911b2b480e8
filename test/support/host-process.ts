/** A host's app in a process of its own, to be killed. Its one argument is JSON: `{ port, options }`; it says "ready" when it listens. */
import { mbConnect } from "@mb-connect/server";
import express from "express";

const { port, options } = JSON.parse(process.argv[2] ?? "{}");
const user = /(?:^|;\s*)user=([^;]+)/;
const mb = mbConnect({
  ...options,
  patient: (request) => user.exec(request.headers.cookie ?? "")?.[1] ?? null,
});
await mb.ready;
express()
  .use("/api", mb.router)
  .listen(port, "127.0.0.1", () => console.log("ready"));
