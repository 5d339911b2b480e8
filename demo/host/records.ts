/** What the clinic's own server knows of a patient's hospitals and records, whatever a return URL says. */
import type { MbConnect } from "@mb-connect/server";

/** A connection in the words of the page. */
export interface ConnectedHospital {
  name: string;
  status: string;
  /** ISO time. */
  since: string;
  /** Records that are here so far. */
  records: number;
  /** Whether more are to come. */
  arriving: boolean;
}

/** A record in the words of the page. */
export interface ShownRecord {
  text: string;
  hospital: string;
}

/** All that the page tells of a patient. */
export interface Known {
  /** The newest first. */
  hospitals: ConnectedHospital[];
  records: ShownRecord[];
}

const SHOWN_TYPES = ["Condition", "AllergyIntolerance", "Immunization"];
const SHOWN = 8;

/** What the server knows of a patient: their hospitals, and a few of their records. */
export async function knownOf(mb: MbConnect, patientId: string): Promise<Known> {
  const [hospitals, records] = await Promise.all([hospitalsOf(mb, patientId), recordsOf(mb, patientId)]);
  return { hospitals, records };
}

async function hospitalsOf(mb: MbConnect, patientId: string): Promise<ConnectedHospital[]> {
  const { connections } = await mb.patients.retrieve(patientId);
  return Promise.all(
    connections.map(async ({ connection_id, status, updated_at, pull }) => {
      const { name } = await mb.connections.retrieve(connection_id);
      const arriving = status === "active" && pull?.state !== "settled";
      return { name, status, since: updated_at, records: pull?.records ?? 0, arriving };
    }),
  );
}

/** A few of the patient's records, each by its name. */
async function recordsOf(mb: MbConnect, patientId: string): Promise<ShownRecord[]> {
  const { data } = await mb.patients.records(patientId, { type: SHOWN_TYPES, count: SHOWN });
  return data.map(({ resource, source }) => {
    const { code, vaccineCode } = resource as { code?: { text?: string }; vaccineCode?: { text?: string } };
    return { text: (code ?? vaccineCode)?.text ?? resource.resourceType, hospital: source.name ?? "" };
  });
}
