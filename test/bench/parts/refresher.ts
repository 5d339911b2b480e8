/** Ours: a worker with connections whose refresh is due. Options: an empty folder, the stub's URL. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { compose } from "#server/mb-connect.js";
import { DEFAULT_PROFILE } from "#server/smart/source-profile.js";
import { insertConnection } from "#server/store/connections.js";
import { insertPatient } from "#server/store/patients.js";
import { createWorker } from "#server/worker.js";
import { peakMemory } from "./memory.ts";
import { playPart } from "./part.ts";

const [folder = "", stub = ""] = process.argv.slice(2);
const { context, database } = compose(
  {
    publicUrl: "http://localhost/api",
    homeUrl: "http://localhost",
    appName: "Example",
    patient: () => null,
    database: join(folder, "refresher.db"),
    sealingKeys: [{ kid: "bench", key: randomBytes(32).toString("base64url") }],
    returnUrls: ["http://localhost/connected"],
    registrations: [{ match: { vendor: "Simulated" }, client_id: "app" }],
    allowLoopback: true,
  },
  {},
);
await database.migrate();
await context.jobs.prepare();
const snapshot = JSON.stringify({
  configuration: { issuer: stub, authorization_endpoint: `${stub}/authorize`, token_endpoint: `${stub}/token` },
  profile: DEFAULT_PROFILE,
  registration: "vendor:simulated",
  client_id: "app",
  redirect_uri: "http://localhost/api/callback",
  fhir_base_url: `${stub}/fhir`,
  scopes: ["patient/Patient.rs"],
});

async function connect(n: number): Promise<void> {
  const [id, patient_id] = [`conn_${n}`, `patient-${n}`];
  await context.db.transaction().execute(async (tx) => {
    await insertPatient(tx, { id: patient_id }, 0);
    await insertConnection(tx, {
      id,
      patient_id,
      source_id: "fhirsrc_0",
      session_id: null,
      status: "active",
      scopes: '["patient/Patient.rs"]',
      not_granted: "[]",
      fhir_base_url: `${stub}/fhir`,
      fhir_patient_id: "example-patient",
      patient_from: "token",
      identity: "absent",
      snapshot,
      sealed_tokens: context.vault.seal(
        { access_token: "A".repeat(600), refresh_token: `${"R".repeat(300)}${n}` },
        { table: "connections", id, column: "tokens" },
      ),
      access_expires_at: 0,
      renewable: 1,
      extras: null,
      failure_code: null,
      failure_at: null,
      last_refreshed_at: 0,
      created_at: 0,
      updated_at: 0,
    });
    await context.jobs.enqueue(tx, { name: "refresh", payload: { connection_id: id }, dedupeKey: id });
  });
}

/** Connections whose tokens are still those of the start. Not for every moment: it reads them all. */
async function left(): Promise<number> {
  const due = context.db.selectFrom("connections").select(({ fn }) => fn.countAll().as("n"));
  return Number((await due.where("token_generation", "=", 1).executeTakeFirstOrThrow()).n);
}

playPart({
  async connections({ count }: { count: number }) {
    for (let n = 0; n < count; n++) await connect(n);
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
