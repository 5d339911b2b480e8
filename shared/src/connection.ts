import { z } from "zod";
import { pullProgress } from "./pull.ts";

/**
 * `active`: access works. `failed`: authorization did not complete. `refresh_failed`: it worked, then the refresh token
 * died; ask the patient to reconnect. `expired`: access ended with nothing to renew it. `disconnected`: ended on purpose.
 */
export const connectionStatus = z.enum(["active", "failed", "expired", "refresh_failed", "disconnected"]);

export type ConnectionStatus = z.infer<typeof connectionStatus>;

/** A connection as a host's server sees it, as the published API has it. `connection_id` is the source's id. */
export const connection = z.object({
  id: z.string(),
  resource_type: z.literal("connection"),
  patient_session_id: z.string().nullable(),
  connection_id: z.string(),
  status: connectionStatus,
  /** Scopes as granted. */
  scopes: z.array(z.string()),
  failure_code: z.string().nullable(),
  failure_at: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});

export type Connection = z.infer<typeof connection>;

/** A connection, and how its pull goes; null where it has had none. */
export const connectionDetail = connection.extend({ pull: pullProgress.nullable() });

export type ConnectionDetail = z.infer<typeof connectionDetail>;

/** A connection as the patient's own page sees it, in `GET patient-connections`. */
export const patientConnection = z.object({
  id: z.string(),
  connection_id: z.string(),
  name: z.string(),
  logo_url: z.string().nullable(),
  status: connectionStatus,
  last_refreshed_at: z.string().nullable(),
  /** Resource types that were asked for and not granted. */
  not_granted: z.array(z.string()),
  /** How its records arrive; null where no pull was begun. */
  pull: pullProgress.nullable(),
});

export type PatientConnection = z.infer<typeof patientConnection>;
