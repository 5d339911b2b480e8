/** Ours: a host's app with mb-connect mounted in it, one source in its catalog. Options: an empty folder, the source's FHIR base. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { mbConnect } from "@mb-connect/server";
import express from "express";
import { importCatalog } from "#server/catalog/importer.js";
import { openDatabase } from "#server/store/database.js";
import { playPart } from "./part.ts";

const [folder = "", fhirBaseUrl] = process.argv.slice(2);
const location = join(folder, "host.db");
const connectionId = await importSource();
const app = express();
// Each request names a visitor's address of its own, as a proxy would: one address alone would soon be told to wait.
app.set("trust proxy", "loopback");
const server = createServer(app);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://localhost:${(server.address() as AddressInfo).port}`;
const return_url = `${url}/connected`;
const mb = mbConnect({
  publicUrl: `${url}/api`,
  homeUrl: url,
  appName: "Example",
  patient: (request) => request.get("x-user") ?? null,
  database: location,
  sealingKeys: [{ kid: "bench", key: randomBytes(32).toString("base64url") }],
  returnUrls: [return_url],
  registrations: [{ match: { vendor: "Simulated" }, client_id: "app" }],
  allowLoopback: true,
});
app.use("/api", mb.router);
await mb.ready;

async function importSource(): Promise<string> {
  const file = join(folder, "source.jsonl");
  await writeFile(file, JSON.stringify({ name: "Example Hospital", vendor: "Simulated", fhirBaseUrl }));
  const database = openDatabase(location);
  await database.migrate();
  await importCatalog(database, { files: [file], list: "bench" }, Date.now);
  const { id } = await database.db.selectFrom("sources").select("id").executeTakeFirstOrThrow();
  await database.close();
  return id;
}

playPart({
  target: () => ({ url: `${url}/api/patient-sessions`, origin: url, connectionId }),
  /** Makes sessions that nobody has opened yet. */
  async sessions({ patients }: { patients: string[] }) {
    const sessions: { user: string; url: string | null }[] = [];
    for (const user of patients) {
      const session = await mb.patientSession.init({ patient_id: user, connection_id: connectionId, return_url });
      sessions.push({ user, url: session.url });
    }
    return sessions;
  },
});
