/** Ours without its routes: a composed server whose patients are connected already. */
import { createHash } from "node:crypto";
import { compose } from "#server/mb-connect.js";
import { DEFAULT_PROFILE } from "#server/smart/source-profile.js";
import { insertConnection } from "#server/store/connections.js";
import type { Tx } from "#server/store/database.js";
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

/** What of a connection a benchmark chooses. */
export interface Connected {
  /** Where the FHIR server is, and the token endpoint beside it. */
  server: string;
  refresh_token: string | null;
  /** How long its access token still lasts. */
  accessSeconds: number;
}

/**
 * Connects a patient at a server whose pace is not what is measured.
 *
 * @param due what the grant makes due, in its transaction
 * @returns the connection's id
 */
export async function connect(
  context: Context,
  n: number,
  { server, refresh_token, accessSeconds }: Connected,
  due: (tx: Tx, connection_id: string) => Promise<void>,
): Promise<string> {
  const [id, patient_id] = [`conn_${n}`, `patient-${n}`];
  const fhir_base_url = `${server}/fhir`;
  const snapshot = {
    configuration: { issuer: server, authorization_endpoint: `${server}/authorize`, token_endpoint: `${server}/token` },
    profile: { ...DEFAULT_PROFILE, fhir: { ...DEFAULT_PROFILE.fhir, rps: 1_000_000, concurrency: 16 } },
    registration: "vendor:simulated",
    client_id: "app",
    redirect_uri: "http://localhost/api/callback",
    fhir_base_url,
    scopes: ["patient/*.rs"],
  };
  const tokens = { access_token: "A".repeat(600), refresh_token };
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
      access_expires_at: context.clock() + accessSeconds * 1000,
      renewable: refresh_token === null ? 0 : 1,
      extras: null,
      failure_code: null,
      failure_at: null,
      last_refreshed_at: 0,
      created_at: 0,
      updated_at: 0,
    });
    await due(tx, id);
  });
  return id;
}
