/** A patient's records, as a host's server reads them: page by page, each page noted in the audit before it is handed out. */
import type { List } from "../../../shared/src/list.ts";
import { type PatientRecord, recordsQuery } from "../../../shared/src/record.ts";
import { recordAudit } from "../audit.ts";
import type { Context } from "../context.ts";
import { badRequest, ConnectError } from "../errors.ts";
import { withPatientIdentifier } from "../fhir/patient-identifier.ts";
import { listConnections } from "../store/connections.ts";
import { findPatientRow } from "../store/patients.ts";
import { openBodies } from "../store/record-seal.ts";
import { readRecords } from "../store/records.ts";
import type { ConnectionRow, RecordRow } from "../store/schema.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { patientNotFound } from "./patient.ts";

/**
 * A page in the order in which records last changed here: one that changes moves to the end, so whoever reads on from a cursor
 * misses nothing while a pull runs.
 *
 * @throws {ConnectError} `bad_request` naming the parameter, `resource_not_found`
 */
export async function listRecords(context: Context, patient_id: string, input: unknown): Promise<List<PatientRecord>> {
  const parsed = recordsQuery.safeParse(input ?? {});
  if (!parsed.success) throw badRequest(parsed.error);
  const { type, since, count, starting_after, ending_before } = parsed.data;
  if (!(await findPatientRow(context.db, patient_id))) throw patientNotFound();
  const rows = await readRecords(context.db, {
    patient_id,
    limit: count + 1,
    ...(type && { types: type }),
    ...(since !== undefined && { since: Date.parse(since) }),
    ...(starting_after !== undefined && { after: readPlace(starting_after, "starting_after") }),
    ...(ending_before !== undefined && { before: readPlace(ending_before, "ending_before") }),
  });
  const backwards = ending_before !== undefined;
  const has_more = rows.length > count;
  const shown = backwards ? rows.slice(has_more ? 1 : 0) : rows.slice(0, count);
  const end = backwards ? shown[0] : shown.at(-1);
  const data = await recordViews(context, patient_id, shown);
  await recordAudit(context, context.db, {
    action: "records_read",
    actor: "host",
    subject: null,
    patient_id,
    detail: { count: data.length, types: type?.join(",") ?? "all" },
  });
  return { resource_type: "list", data, has_more, next_cursor: has_more && end ? placeOf(end) : null };
}

async function recordViews(context: Context, patient_id: string, rows: readonly RecordRow[]): Promise<PatientRecord[]> {
  const standing = await listConnections(context.db, patient_id, context.clock());
  const connections = new Map(standing.map((row) => [row.id, row]));
  const names = await namesOf(context, rows, connections);
  return (await openBodies(context.db, context.vault, rows)).flatMap((row) => {
    const connection = connections.get(row.connection_id);
    // Deleted since the rows were read.
    if (!connection) return [];
    const own = row.type === "Patient" && row.role === "match";
    const text = own ? withPatientIdentifier(row.body, patient_id) : row.body;
    const source: PatientRecord["source"] = {
      connection: row.connection_id,
      connection_id: connection.source_id,
      name: names.get(connection.source_id) ?? null,
      mode: row.role === "include" ? "include" : "match",
      created_at: new Date(row.created_at).toISOString(),
      updated_at: new Date(row.updated_at).toISOString(),
    };
    return [{ source, resource: JSON.parse(text), text, cursor: placeOf(row) }];
  });
}

async function namesOf(
  { catalog }: Context,
  rows: readonly RecordRow[],
  connections: ReadonlyMap<string, ConnectionRow>,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Set(rows.flatMap(({ connection_id }) => connections.get(connection_id)?.source_id ?? []));
  const sources = await Promise.all([...ids].map((id) => catalog.get(id)));
  return new Map(sources.flatMap((source) => (source ? [[source.id, source.name]] : [])));
}

function placeOf({ seq }: RecordRow): string {
  return writeCursor(String(seq));
}

function readPlace(cursor: string, param: string): number {
  const seq = readCursor(cursor, param);
  if (/^\d{1,15}$/.test(seq)) return Number(seq);
  throw new ConnectError("bad_request", { message: `${param}: pass a cursor of this patient's records`, param });
}
