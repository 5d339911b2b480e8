/** Ours without its routes: a composed server whose patients are connected already. */
import { createHash } from "node:crypto";
import { compose } from "#server/mb-connect.js";
import { requestPull } from "#server/pulling/schedule.js";
import { DEFAULT_PROFILE } from "#server/smart/source-profile.js";
import { insertConnection } from "#server/store/connections.js";
import { insertPatient } from "#server/store/patients.js";

type Composed = ReturnType<typeof compose>;
type Context = Composed["context"];

/** Opens a database, migrated; every process that opens it has the same key. */
export async function openServer(location: string): Promise<Composed> {
  const composed = compose(
    {
      publicUrl: "http://localhost/api",
      homeUrl: "http://localhost",
      appName: "Example",
      patient: () => null,
      database: location,
      sealingKeys: [{ kid: "bench", key: createHash("sha256").update("bench").digest("base64url") }],
      returnUrls: ["http://localhost/connected"],
      registrations: [{ match: { vendor: "Simulated" }, client_id: "app" }],
      allowLoopback: true,
    },
    {},
  );
  await composed.database.migrate();
  await composed.context.jobs.prepare();
  return composed;
}

/**
 * Connects a patient at a FHIR server whose pace is not what is measured, and asks for the first pull.
 *
 * @returns the connection's id
 */
export async function connect(context: Context, n: number, fhir_base_url: string): Promise<string> {
  const [id, patient_id] = [`conn_${n}`, `patient-${n}`];
  const snapshot = {
    configuration: { issuer: fhir_base_url, authorization_endpoint: fhir_base_url, token_endpoint: fhir_base_url },
    profile: { ...DEFAULT_PROFILE, fhir: { ...DEFAULT_PROFILE.fhir, rps: 1_000_000, concurrency: 16 } },
    registration: "vendor:simulated",
    client_id: "app",
    redirect_uri: "http://localhost/api/callback",
    fhir_base_url,
    scopes: ["patient/*.rs"],
  };
  const tokens = { access_token: "A".repeat(600), refresh_token: null };
  await context.db.transaction().execute(async (tx) => {
    await insertPatient(tx, { id: patient_id }, 0);
    await insertConnection(tx, {
      id,
      patient_id,
      source_id: "fhirsrc_0",
      session_id: null,
      status: "active",
      scopes: '["patient/*.rs"]',
      not_granted: "[]",
      fhir_base_url,
      fhir_patient_id: "example-patient",
      patient_from: "token",
      identity: "absent",
      snapshot: JSON.stringify(snapshot),
      sealed_tokens: context.vault.seal(tokens, { table: "connections", id, column: "tokens" }),
      access_expires_at: context.clock() + 24 * 3600 * 1000,
      renewable: 0,
      extras: null,
      failure_code: null,
      failure_at: null,
      last_refreshed_at: 0,
      created_at: 0,
      updated_at: 0,
    });
    await requestPull(context, tx, id, "connect");
  });
  return id;
}
