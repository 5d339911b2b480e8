import { z } from "zod";

/** A document that a record points to. */
export const attachment = z.object({
  id: z.string(),
  resource_type: z.literal("attachment"),
  /** The record that names it, such as `DocumentReference/123`. */
  record: z.string(),
  /** Which of the record's contents, from 0. */
  position: z.number(),
  /** The connection's own id, `conn_…`. */
  connection: z.string(),
  /** `waiting` to be fetched; `stored`; `skipped` for good, or until the record changes; `failed` until the next pull. */
  status: z.enum(["waiting", "stored", "skipped", "failed"]),
  /**
   * Why it is not stored, a code such as `http_404`, `foreign_url`, `too_large` or `no_folder`; of a stored one `hash_differs`
   * or `size_differs` where it is not what the record says; else null.
   */
  reason: z.string().nullable(),
  /** Of a stored one by its own first bytes, of others as the record names it; or null. */
  content_type: z.string().nullable(),
  /** In bytes; null until it is stored. */
  size: z.number().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
});

export type Attachment = z.infer<typeof attachment>;
