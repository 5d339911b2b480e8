/** Ours: a host's app whose patients search. Options: a database with a catalog. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { mbConnect } from "@mb-connect/server";
import express from "express";
import { openDatabase } from "#server/store/database.js";
import { playPart } from "./part.ts";

const [location = ""] = process.argv.slice(2);
const app = express();
// Each request names a visitor's address of its own, as a proxy would: one address alone would soon be told to wait.
app.set("trust proxy", "loopback");
const server = createServer(app);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://localhost:${(server.address() as AddressInfo).port}`;
const mb = mbConnect({
  publicUrl: `${url}/api`,
  homeUrl: url,
  appName: "Example",
  patient: () => null,
  database: location,
  sealingKeys: [{ kid: "bench", key: randomBytes(32).toString("base64url") }],
  returnUrls: [`${url}/connected`],
  registrations: await everyVendor(),
  allowLoopback: true,
});
app.use("/api", mb.router);
app.get("/tag.js", (_request, response) =>
  response.sendFile(fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn"))),
);
app.get("/", (_request, response) => {
  response.send(`<!doctype html><html lang="en"><title>search</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><script type="module" src="/tag.js"></script>
<mb-connect connections-url=""></mb-connect></html>`);
});
await mb.ready;
const delay = monitorEventLoopDelay({ resolution: 1 });

/** A registration for each vendor of the catalog, so that all of it is offered. */
async function everyVendor(): Promise<{ match: { vendor: string }; client_id: string }[]> {
  const database = openDatabase(location);
  const rows = await database.db
    .selectFrom("sources")
    .select("vendor")
    .distinct()
    .where("vendor", "is not", null)
    .execute();
  await database.close();
  return rows.map(({ vendor }) => ({ match: { vendor: vendor as string }, client_id: "app" }));
}

playPart({
  target: () => `${url}/api/connections`,
  /** A page with the tag. */
  page: () => url,
  watch() {
    delay.reset();
    delay.enable();
  },
  /** The longest that the event loop was held up since `watch`, in ms. */
  longestBlock() {
    delay.disable();
    return delay.max / 1e6;
  },
  /** Changes the catalog's version, as an import does: the index is made anew. */
  async change() {
    const database = openDatabase(location);
    await database.db
      .updateTable("catalog_version")
      .set((eb) => ({ version: eb("version", "+", 1) }))
      .execute();
    await database.close();
  },
});
