import { z } from "zod";
import { connectionStatus } from "./connection.ts";

const SOURCE_ID = z
  .string()
  .regex(/^fhirsrc_[0-9A-HJKMNP-TV-Z]{26}$/, "must be a source id: fhirsrc_ and 26 characters");

/** The host's own stable id of a patient: 1 to 200 characters, no control characters. */
export const patientId = z
  .string()
  .min(1, "must not be empty")
  .max(200, "must have at most 200 characters")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must not hold control characters");

/** Anything JSON, as the host gives it; returned unread. */
export const metadata = z.record(z.string(), z.json());

/**
 * What `mb.patientSession.init` takes.
 *
 * `connection_id` is a *source* id. `expires_in` is in seconds: 60 to 86,400, default 1,800. Unknown fields are refused.
 */
export const patientSessionInit = z.strictObject({
  patient_id: patientId,
  connection_id: SOURCE_ID.optional(),
  recommended_connection_ids: z.array(SOURCE_ID).max(20).optional(),
  return_url: z.string().max(2000),
  return_button_label: z.string().min(1).max(80).optional(),
  expires_in: z.number().int().min(60).max(86_400).optional(),
  patient_email: z.email().max(320).optional(),
  patient_name: z.string().min(1).max(200).optional(),
  metadata: metadata.optional(),
});

export type PatientSessionInit = z.infer<typeof patientSessionInit>;

/** What a page posts to the `patient-sessions` route; the names are those of the published example, in camelCase. */
export const patientSessionPost = z.strictObject({
  connectionId: SOURCE_ID,
  patientId: patientId.optional(),
});

/** `open`: the link is live. `complete`: the patient finished and came back. `expired`: the link aged out. */
export const patientSessionStatus = z.enum(["open", "complete", "expired"]);

/** One attempt at one source. `id` is null until a connection came of it. */
export const sessionConnection = z.object({
  id: z.string().nullable(),
  connection_id: z.string(),
  status: z.enum([...connectionStatus.options, "pending"]),
  failure_code: z.string().nullable(),
  failure_at: z.string().nullable(),
  created_at: z.string(),
});

/** One patient, one return URL, one patient-facing `url`, and every attempt made during it. */
export const patientSession = z.object({
  id: z.string(),
  resource_type: z.literal("patient_session"),
  status: patientSessionStatus,
  /** Where to send the browser; null once the session is no longer open. */
  url: z.string().nullable(),
  patient_id: z.string(),
  connection_id: z.string().nullable(),
  recommended_connection_ids: z.array(z.string()),
  return_url: z.string(),
  return_button_label: z.string().nullable(),
  connections: z.array(sessionConnection),
  expires_at: z.string(),
  metadata: metadata.nullable(),
  created_at: z.string(),
});

export type PatientSession = z.infer<typeof patientSession>;
export type PatientSessionStatus = z.infer<typeof patientSessionStatus>;
