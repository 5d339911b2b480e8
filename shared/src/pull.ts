import { z } from "zod";

/** `waiting`: it has not begun. `running`: records arrive. `settled`: nothing more is to be asked for until the next pull. */
export const pullState = z.enum(["waiting", "running", "settled"]);

/**
 * How a type's part of a pull goes. `empty`: there are none. `partial`: some could not be had. `not_granted`: the hospital
 * does not let the app see them. `unsupported`: its server does not know the type. `failed`: none could be had.
 */
export const pullTypeState = z.enum([
  "waiting",
  "running",
  "ok",
  "empty",
  "partial",
  "not_granted",
  "unsupported",
  "failed",
]);

/** How a connection's pull goes, or how the last one went. Times are ISO 8601; no records at all is no failure. */
export const pullProgress = z.object({
  state: pullState,
  /** What it was begun for: a new grant, the schedule, or because the host asked. */
  reason: z.enum(["connect", "schedule", "demand"]),
  /** Why it ended before every type was asked for, a code of the error registry; or null. */
  failure: z.string().nullable(),
  /** Records that are here, over all types and pulls. */
  records: z.number(),
  started_at: z.string().nullable(),
  settled_at: z.string().nullable(),
  /** By FHIR resource type, in the order of their names. */
  types: z.array(
    z.object({
      type: z.string(),
      state: pullTypeState,
      records: z.number(),
      /** Received in this pull. */
      bytes: z.number(),
      started_at: z.string().nullable(),
      settled_at: z.string().nullable(),
    }),
  ),
});

export type PullProgress = z.infer<typeof pullProgress>;
