/** `mb.patientSession`: sessions, as the host's own server starts and reads them. */
import type { PatientSession, PatientSessionInit } from "../../../shared/src/patient-session.ts";
import type { Context } from "../context.ts";
import { createSession } from "../flow/session.ts";
import { readTrail, type TrailStep } from "../trail.ts";
import { retrieveSession } from "../views/patient-session.ts";

/** Calls about patient sessions. */
export interface PatientSessions {
  /** Starts a session; send the browser to its `url`. Errors: `bad_request`, `resource_not_found`. */
  init(init: PatientSessionInit): Promise<PatientSession>;
  /** What became of a session, attempt by attempt. Errors: `resource_not_found`. */
  retrieve(id: string): Promise<PatientSession>;
  /** What happened in a session, step by step. Errors: `resource_not_found`. */
  trail(id: string): Promise<TrailStep[]>;
}

/** @param ready settles when the database can be used */
export function patientSessions(context: Context, ready: Promise<void>): PatientSessions {
  return {
    async init(init) {
      await ready;
      const { id } = await createSession(context, init, null);
      return retrieveSession(context, id);
    },
    async retrieve(id) {
      await ready;
      return retrieveSession(context, id);
    },
    async trail(id) {
      await ready;
      await retrieveSession(context, id);
      return readTrail(context.db, id);
    },
  };
}
