/**
 * The clinic app's own login, kept as small as a demo may: two invented patients and a session cookie. Whoever comes without
 * a cookie is signed in as the first of them; signing out and switching are a button each.
 */
import { randomUUID } from "node:crypto";
import express, { type Request, type Router } from "express";

/** Somebody with a file at the clinic; `id` is the clinic's own. */
export interface ClinicPatient {
  id: string;
  name: string;
}

export const PATIENTS: readonly [ClinicPatient, ClinicPatient] = [
  { id: "file-1042", name: "Robin Sampleton" },
  { id: "file-1043", name: "Kit Testworth" },
];

const COOKIE = "clinic_session";

export interface Login {
  /** Who is signed in, or null. */
  patientOf(request: Request): ClinicPatient | null;
  /** Signs a newcomer in, and answers `POST /sign-in` (`patient=ID`) and `POST /sign-out`. */
  router: Router;
}

/** A login with no sessions yet; they live in memory and end with the process. */
export function clinicLogin(): Login {
  const sessions = new Map<string, ClinicPatient | null>();
  /** Requests that came without a session, and whom they are signed in as from now on. */
  const newcomers = new WeakMap<Request, ClinicPatient>();
  const router = express.Router();
  const sessionOf = (request: Request): ClinicPatient | null | undefined => {
    const [, id = ""] = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(request.headers.cookie ?? "") ?? [];
    return newcomers.get(request) ?? sessions.get(id);
  };
  // Lax, so that the patient is still signed in on the way back from the hospital's site. A real app adds Secure.
  const start = (response: express.Response, patient: ClinicPatient | null): void => {
    const id = randomUUID();
    sessions.set(id, patient);
    response.cookie(COOKIE, id, { httpOnly: true, sameSite: "lax" });
  };
  router.get(/.*/, (request, response, next) => {
    if (sessionOf(request) === undefined) {
      newcomers.set(request, PATIENTS[0]);
      start(response, PATIENTS[0]);
    }
    next();
  });
  router.post("/sign-in", express.urlencoded(), (request, response) => {
    start(response, PATIENTS.find(({ id }) => id === request.body?.patient) ?? null);
    response.redirect(303, "/");
  });
  router.post("/sign-out", (_request, response) => {
    start(response, null);
    response.redirect(303, "/");
  });
  return { router, patientOf: (request) => sessionOf(request) ?? null };
}
