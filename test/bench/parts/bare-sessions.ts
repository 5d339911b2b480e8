/**
 * The floor of `sessions`: the parts that any such server needs, put together by hand. Express, a login check, a strict
 * parse, and patient, session and trail row by prepared statements in one durable transaction on the same tables. Option:
 * an empty folder.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import express from "express";
import { z } from "zod";
import { createIds } from "#server/ids.js";
import { openDatabase } from "#server/store/database.js";
import { playPart } from "./part.ts";

const [folder = ""] = process.argv.slice(2);
const location = join(folder, "bare.db");
const tables = openDatabase(location);
await tables.migrate();
await tables.close();

const sqlite = new Sqlite(location);
sqlite.pragma("journal_mode = WAL");
sqlite.pragma("synchronous = FULL");
sqlite.pragma("foreign_keys = ON");
const addPatient = sqlite.prepare(
  "insert into patients (id, created_at, updated_at) values (?, ?, ?) on conflict (id) do nothing",
);
const addSession = sqlite.prepare(
  `insert into patient_sessions (id, patient_id, source_id, recommended_source_ids, return_url, status, expires_at, created_at)
   values (?, ?, ?, '[]', ?, 'open', ?, ?)`,
);
const addStep = sqlite.prepare(
  "insert into trail (id, session_id, at, step, outcome) values (?, ?, ?, 'created', 'ok')",
);
const ids = createIds(Date.now);
const add = sqlite.transaction((patient: string, source: string, now: number) => {
  const id = ids.next("ps");
  addPatient.run(patient, now, now);
  addSession.run(id, patient, source, "https://app.example.com/connected", now + 1_800_000, now);
  addStep.run(ids.next("step"), id, now);
  return id;
});

const body = z.strictObject({
  connectionId: z.string().regex(/^fhirsrc_[0-9A-Z]{26}$/),
  patientId: z.string().min(1).max(200).optional(),
});
const app = express();
app.set("trust proxy", "loopback");
app.post("/api/patient-sessions", express.json(), (request, response) => {
  const patient = request.get("x-user");
  const parsed = body.safeParse(request.body);
  if (!patient || !parsed.success) {
    response.status(400).json({ error: "bad_request" });
    return;
  }
  response.json({ url: `${url}/connect/${add.immediate(patient, parsed.data.connectionId, Date.now())}` });
});
const server = createServer(app);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://localhost:${(server.address() as AddressInfo).port}/api`;

playPart({ target: () => ({ url: `${url}/patient-sessions`, origin: url }) });
