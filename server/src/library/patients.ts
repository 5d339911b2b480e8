/** `mb.patients`: patients and what is theirs, under the host's own ids. */
import type { ConnectionDetail } from "../../../shared/src/connection.ts";
import {
  type Patient,
  type PatientCreate,
  type PatientDetail,
  type PatientUpdate,
  patientCreate,
  patientUpdate,
} from "../../../shared/src/patient.ts";
import type { PatientSession } from "../../../shared/src/patient-session.ts";
import type { Context } from "../context.ts";
import { badRequest, ConnectError } from "../errors.ts";
import { deleteConnection, deletePatient } from "../flow/delete.ts";
import { disconnect } from "../flow/disconnect.ts";
import { requestPull } from "../pulling/schedule.ts";
import { listConnections } from "../store/connections.ts";
import { listSessions } from "../store/patient-sessions.ts";
import { insertPatient, listPatientRows, replacePatient } from "../store/patients.ts";
import { connectionDetails } from "../views/connection.ts";
import { type ListParameters, page, readListParameters } from "../views/cursor.ts";
import { type PagedList, paged } from "../views/paged.ts";
import { patientNotFound, patientView, retrievePatient } from "../views/patient.ts";
import { sessionViews } from "../views/patient-session.ts";
import { type PatientRecords, patientRecords } from "./records.ts";

/** Calls about patients. */
export interface Patients extends PatientRecords {
  /** In the order of their ids. */
  list(parameters?: ListParameters): PagedList<Patient>;
  /** Errors: `bad_request`, `external_id_already_exists`. */
  create(patient: PatientCreate): Promise<Patient>;
  /** With their connections, newest first. Errors: `resource_not_found`. */
  retrieve(id: string): Promise<PatientDetail>;
  /** Replaces name, email and metadata whole. Errors: `bad_request`, `resource_not_found`. */
  update(id: string, patient: PatientUpdate): Promise<Patient>;
  /** Revokes their access at the hospitals and deletes all that is theirs, records and documents too. Errors: `resource_not_found`. */
  delete(id: string): Promise<{ id: string; resource_type: "patient"; deleted: true }>;
  /** Newest first. Errors: `resource_not_found`. */
  listPatientSessions(id: string, parameters?: ListParameters): PagedList<PatientSession>;
  /** With how their pulls go, newest first. Errors: `resource_not_found`. */
  getConnections(id: string): Promise<ConnectionDetail[]>;
  /**
   * Has a connection's records (`conn_…`) pulled now, by a worker, not waiting for the next time that it is due; one that is
   * under way is that one. Answers the connection as it stands. Errors: `resource_not_found`, `token_unavailable`.
   */
  pullConnection(id: string, connectionId: string): Promise<ConnectionDetail>;
  /** Ends a connection (`conn_…`), here at once and at the hospital if it will. Errors: `resource_not_found`. */
  disconnectConnection(
    id: string,
    connectionId: string,
  ): Promise<{ id: string; resource_type: "connection"; disconnected: true }>;
  /** Ends a connection and deletes it with all that came through it. Errors: `resource_not_found`. */
  deleteConnection(
    id: string,
    connectionId: string,
  ): Promise<{ id: string; resource_type: "connection"; deleted: true }>;
}

/** @param ready settles when the database can be used */
export function patients(context: Context, ready: Promise<void>): Patients {
  const { db } = context;
  return {
    list: (parameters) =>
      paged(parameters, async (input) => {
        await ready;
        const { limit, after } = readListParameters(input);
        return page(await listPatientRows(db, after, limit + 1), limit, patientView, (row) => row.id);
      }),
    async create(input) {
      await ready;
      const parsed = patientCreate.safeParse(input);
      if (!parsed.success) throw badRequest(parsed.error);
      if (!(await insertPatient(db, parsed.data, context.clock()))) {
        throw new ConnectError("external_id_already_exists", { param: "id" });
      }
      return withoutConnections(await retrievePatient(context, parsed.data.id));
    },
    async retrieve(id) {
      await ready;
      return retrievePatient(context, id);
    },
    async update(id, input) {
      await ready;
      const parsed = patientUpdate.safeParse(input);
      if (!parsed.success) throw badRequest(parsed.error);
      if (!(await replacePatient(db, id, parsed.data, context.clock()))) throw patientNotFound();
      return withoutConnections(await retrievePatient(context, id));
    },
    async delete(id) {
      await ready;
      if (!(await deletePatient(context, id))) throw patientNotFound();
      return { id, resource_type: "patient", deleted: true };
    },
    listPatientSessions: (id, parameters) =>
      paged(parameters, async (input) => {
        await ready;
        const { limit, after } = readListParameters(input);
        await retrievePatient(context, id);
        const rows = await listSessions(db, id, after, limit + 1);
        const views = new Map((await sessionViews(context, rows)).map((view) => [view.id, view]));
        return page(
          rows,
          limit,
          (row) => views.get(row.id) as PatientSession,
          (row) => row.id,
        );
      }),
    async getConnections(id) {
      await ready;
      return (await retrievePatient(context, id)).connections;
    },
    async pullConnection(id, connectionId) {
      await ready;
      const row = (await listConnections(db, id, context.clock())).find((one) => one.id === connectionId);
      if (!row) throw connectionNotFound();
      if (row.status !== "active") throw new ConnectError("token_unavailable", { reason: row.status });
      await db.transaction().execute((tx) => requestPull(context, tx, connectionId, "demand"));
      const details = await connectionDetails(context, id);
      return details.find((one) => one.id === connectionId) ?? Promise.reject(connectionNotFound());
    },
    async disconnectConnection(id, connectionId) {
      await ready;
      if (!(await disconnect(context, id, connectionId, "host"))) throw connectionNotFound();
      return { id: connectionId, resource_type: "connection", disconnected: true };
    },
    async deleteConnection(id, connectionId) {
      await ready;
      if (!(await deleteConnection(context, id, connectionId))) throw connectionNotFound();
      return { id: connectionId, resource_type: "connection", deleted: true };
    },
    ...patientRecords(context, ready),
  };
}

function connectionNotFound(): ConnectError {
  return new ConnectError("resource_not_found", { message: "There is no such connection", param: "connectionId" });
}

function withoutConnections({ connections: _, ...patient }: PatientDetail): Patient {
  return patient;
}
