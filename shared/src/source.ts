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
});

/** A catalog entry as the wire shows it. */
export type FhirSource = z.infer<typeof fhirSource>;
