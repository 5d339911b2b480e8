import { z } from "zod";

/**
 * A catalog entry as the wire shows it: a brand or facility, its portal and its FHIR endpoint. Its `id` is what
 * `connection_id` and `connectionId` hold everywhere on the wire.
 */
export const fhirSource = z.object({
  /** `fhirsrc_` and 26 characters of Crockford base32. */
  id: z.string().regex(/^fhirsrc_[0-9A-HJKMNP-TV-Z]{26}$/),
  resource_type: z.literal("fhir_source"),
  /** What the patient recognises: the facility's or brand's own name. */
  name: z.string(),
  /** The brand or health system above `name`, or null. */
  brand: z.string().nullable(),
  city: z.string().nullable(),
  /** US state or territory, two letters where it could be told, else as published. */
  state: z.string().nullable(),
  zip: z.string().nullable(),
  /** The EHR: `epic`, `cerner`, `athena`, `meditech`, …, or null. */
  type: z.string().nullable(),
  fhir_base_url: z.string().nullable(),
  portal_url: z.string().nullable(),
  /** The portal's own name ("MyChart"), or null. */
  portal_name: z.string().nullable(),
  /** On our own origin (`…/logos/{id}`), or null. */
  logo_url: z.string().nullable(),
  /** `active`: can be offered. `inactive`: no usable FHIR endpoint. `retired`: no list holds it any more. */
  status: z.enum(["active", "inactive", "retired"]),
  /** What the vendor asks of an app before it may connect, or null. */
  setup_requirements: z.string().nullable(),
  /**
   * In an answer to a search: how many sources behind the same login match, itself included. With more than one, `name` is
   * the best matching of them, `brand` what they share, and `?brand={id}` lists them. Elsewhere 1.
   */
  locations: z.int().min(1),
  /** What tells it from others of the same name and place: a portal, a vendor, a host; null where nothing has to. */
  distinction: z.string().nullable(),
  /** In an answer to a search: where in `name` stands what was typed, each from a place to before another, in UTF-16 units. */
  matches: z.array(z.tuple([z.int(), z.int()])),
});

/** A catalog entry as the wire shows it. */
export type FhirSource = z.infer<typeof fhirSource>;

/**
 * The query of `GET connections`, as a URL or a caller gives it. `limit` is 1 to 100, default 10; `starting_after` is a
 * `next_cursor`. `brand` is the id of a source: it asks for each source behind the same login. `q` may be anything: what is
 * no text counts as nothing typed.
 */
export const connectionsQuery = z.object({
  q: z.string().catch(""),
  type: z.string().max(100, "must have at most 100 characters").optional(),
  brand: z.string().max(100, "must have at most 100 characters").optional(),
  limit: z
    .union(
      [
        z.int(),
        z
          .string()
          .regex(/^\d{1,3}$/)
          .transform(Number),
      ],
      "must be a whole number",
    )
    .pipe(z.number().min(1, "must be at least 1").max(100, "must be at most 100"))
    .default(10),
  starting_after: z.string().max(500).optional(),
});

/** The same as a caller gives it. */
export interface ConnectionsQuery {
  q?: string;
  type?: string | undefined;
  brand?: string | undefined;
  limit?: number;
  starting_after?: string | undefined;
}
