/** A host beside the hospital whose answers a test chooses, and what became of a patient's try there. */
import type { MbConnectOptions, TrailStep } from "@mb-connect/server";
import { openDatabase } from "#server/store/database.js";
import { type Host, openHost, patientBrowser } from "./clinic.ts";
import { type Behaviour, type OddFacility, type OddServer, startOddServer, visitOddPortal } from "./odd-server.ts";

/** A facility as both sides know it. */
export interface OddPlace extends OddFacility {
  /** The app's registration there; default the public app `odd-app`. */
  app?: Partial<Omit<MbConnectOptions["registrations"][number], "match">>;
}

/** What became of one try. */
export interface OddEnd {
  /** The return URL's. */
  success: boolean;
  error: string | null;
  /** Of the trail: the word of the step `failed`, else null. */
  reason: string | null;
  identity: string | null;
  patientFrom: string | null;
  revoked: string | null;
  /** The connection as stored, or null. */
  connection: StoredConnection | null;
  user: string;
}

/** What a test wants to know of the connection's row. */
export interface StoredConnection {
  id: string;
  fhir_patient_id: string;
  patient_from: string;
  identity: string;
  renewable: number;
  extras: string | null;
  /** Seconds from the grant to the end of access. */
  life: number;
}

/** The host, the hospital and a way to try. */
export interface OddClinic extends Host<OddServer> {
  /** A new patient connects there, while the hospital behaves so. */
  tryAt(name: string, behaviour?: Behaviour): Promise<OddEnd>;
}

/** Opens both. */
export async function openOddClinic(places: OddPlace[], options: Partial<MbConnectOptions> = {}): Promise<OddClinic> {
  const host = await openHost(() => startOddServer(places), {
    options: {
      registrations: places.map(({ name, app }) => ({ match: { brand: name }, client_id: "odd-app", ...app })),
      ...options,
    },
  });
  const beside = openDatabase(host.database);
  let tries = 0;
  return {
    ...host,
    async tryAt(name, behaviour) {
      host.hospital.behave(behaviour);
      const user = `patient-${++tries}`;
      const facility = host.hospital.facilities.find((one) => one.name === name);
      const browser = patientBrowser(host, user, visitOddPortal);
      const { searchParams } = await browser.connect(host.sourceOf(facility ?? { name, city: "" }));
      const trail = await host.mb.patientSession.trail(searchParams.get("patient_session_id") ?? "");
      const step = (wanted: string): TrailStep | undefined => trail.find((one) => one.step === wanted);
      const row = await beside.db
        .selectFrom("connections")
        .selectAll()
        .where("patient_id", "=", user)
        .executeTakeFirst();
      return {
        success: searchParams.get("success") === "true",
        error: searchParams.get("error"),
        reason: step("failed")?.outcome ?? null,
        identity: (step("exchange")?.detail?.identity as string | undefined) ?? null,
        patientFrom: step("patient")?.outcome ?? null,
        revoked: step("revoked")?.outcome ?? null,
        connection: row
          ? {
              ...row,
              life: Math.round(((row.access_expires_at ?? 0) - (row.last_refreshed_at ?? 0)) / 1000),
            }
          : null,
        user,
      };
    },
    async close() {
      await beside.close();
      await host.close();
    },
  };
}
