import { z } from "zod";

const resourceTypes = z
  .union([z.string(), z.array(z.string())], "a list of FHIR resource types, or one text of them with commas")
  .transform((given) => (typeof given === "string" ? given.split(",") : given).map((type) => type.trim()))
  .refine(
    (types) => types.length > 0 && types.length <= 100 && types.every((type) => /^[A-Z][A-Za-z]{1,63}$/.test(type)),
    "FHIR resource types such as Condition,Observation; 100 at most",
  );

const instant = z.iso.datetime({ offset: true }).or(z.iso.date());

/** What `mb.patients.records` takes. Unknown fields are refused, and so are both cursors at once. */
export const recordsQuery = z
  .strictObject({
    type: resourceTypes.optional(),
    /** Records that came or changed here then or later: ISO 8601, a date alone is midnight UTC. */
    since: z
      .string()
      .refine((value) => instant.safeParse(value).success, "an ISO 8601 date, or a time with its offset")
      .optional(),
    count: z.number().int().min(1).max(100).default(100),
    starting_after: z.string().max(500).optional(),
    ending_before: z.string().max(500).optional(),
  })
  .refine(({ starting_after, ending_before }) => starting_after === undefined || ending_before === undefined, {
    message: "starting_after and ending_before exclude one another",
    path: ["ending_before"],
  });

export type RecordsQuery = z.input<typeof recordsQuery>;

/** Where a record came from. */
export const recordSource = z.object({
  /** The connection's own id, `conn_…`. */
  connection: z.string(),
  /** The source's id, as `connection_id` is everywhere on the wire. */
  connection_id: z.string(),
  /** The source's name, or null where the catalog has it no more. */
  name: z.string().nullable(),
  /** `match`: of the patient. `include`: came along, such as a practitioner. */
  mode: z.enum(["match", "include"]),
  /** When it first came here. */
  created_at: z.string(),
  /** When it last changed here. */
  updated_at: z.string(),
});

/**
 * A record. `text` is its JSON as the hospital wrote it, `resource` the same, parsed: what is parsed has lost the difference
 * between 1.10 and 1.1, which a dose or a result may need. In both a Patient carries the host's id, with the system
 * `urn:medblocks:patient-id`. `cursor` goes back as `starting_after` to read on from here, at any later time.
 */
export const patientRecord = z.object({
  source: recordSource,
  resource: z.looseObject({ resourceType: z.string() }),
  text: z.string(),
  cursor: z.string(),
});

export type PatientRecord = z.infer<typeof patientRecord>;
