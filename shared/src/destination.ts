import { z } from "zod";

const SECRET = z.string().min(1).max(8000);

const bearer = z.strictObject({ bearer_token: SECRET });
const basic = z.strictObject({ username: z.string().min(1).max(500), password: SECRET });

/** How a FHIR server is told who asks: a bearer token, or a user name and a password. */
export const fhirAuth = z.union([bearer, basic], "a bearer_token, or a username and a password");

/** What requests to S3-compatible storage are signed with. */
export const s3Credentials = z.strictObject({
  access_key_id: z.string().min(1).max(500),
  secret_access_key: SECRET,
  session_token: SECRET.optional(),
});

/**
 * What `mb.destinations.create` takes. Unknown fields are refused.
 *
 * `ndjson`: a folder by its absolute path, made where it is missing. `fhir`: an R4 server by its base; without `auth` it is
 * asked as nobody. `s3`: S3-compatible storage; without `endpoint` AWS itself, and each key begins with `prefix` (default
 * none). `path_style` (default false, and true with an `endpoint`) puts the bucket into the path.
 */
export const destinationCreate = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ndjson"), folder: z.string().min(1).max(1000) }),
  z.strictObject({ kind: z.literal("fhir"), url: z.url().max(2000), auth: fhirAuth.optional() }),
  z.strictObject({
    kind: z.literal("s3"),
    bucket: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, "the name of a bucket"),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, "a region such as eu-central-1; what the storage calls it, else us-east-1"),
    endpoint: z.url().max(2000).optional(),
    prefix: z
      .string()
      .regex(
        /^(?!.*(\/\/|\.\.))([A-Za-z0-9_][A-Za-z0-9_./-]{0,200}\/)?$/,
        "letters, digits, _, -, . and /, with / at its end",
      )
      .optional(),
    path_style: z.boolean().optional(),
    credentials: s3Credentials,
  }),
]);

/** What `mb.destinations.create` takes. */
export type DestinationCreate = z.input<typeof destinationCreate>;

/**
 * What `mb.destinations.update` takes. Where a destination leads to does not change: another place is another destination,
 * which has nothing yet. What is left out stays; `auth: null` takes it away.
 */
export const destinationUpdate = z.strictObject({
  /** `inactive` gets nothing; made `active` again it catches up. */
  status: z.enum(["active", "inactive"]).optional(),
  /** Of `fhir` only. */
  auth: fhirAuth.nullish(),
  /** Of `s3` only. */
  credentials: s3Credentials.optional(),
});

/** What `mb.destinations.update` takes. */
export type DestinationUpdate = z.input<typeof destinationUpdate>;

const common = {
  id: z.string(),
  resource_type: z.literal("destination"),
  status: z.enum(["active", "inactive"]),
  created_at: z.string(),
  updated_at: z.string(),
};

/** A place that records are handed on to. Its secrets are never shown. */
export const destination = z.discriminatedUnion("kind", [
  z.strictObject({ ...common, kind: z.literal("ndjson"), folder: z.string() }),
  z.strictObject({ ...common, kind: z.literal("fhir"), url: z.string(), auth: z.enum(["bearer", "basic", "none"]) }),
  z.strictObject({
    ...common,
    kind: z.literal("s3"),
    bucket: z.string(),
    region: z.string(),
    endpoint: z.string().nullable(),
    prefix: z.string(),
    path_style: z.boolean(),
  }),
]);

export type Destination = z.infer<typeof destination>;

/** What came of trying a destination. */
export const destinationTest = z.object({
  id: z.string(),
  resource_type: z.literal("destination_test"),
  ok: z.boolean(),
  /** What failed, such as `no_space` or `http_401`, and what to do; null where nothing did. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export type DestinationTest = z.infer<typeof destinationTest>;

/** What `mb.destinations.export` takes. */
export const destinationExport = z.strictObject({
  /** A connection by its own id, `conn_…`; default all. */
  connection: z.string().min(1).max(100).optional(),
  /** Whether to hand over again what the destination has already. Default false. */
  again: z.boolean().default(false),
});

/** What `mb.destinations.export` takes. */
export type DestinationExport = z.input<typeof destinationExport>;

/**
 * The hand-over of what a connection had new at one time. `partial`: it is through, and the destination refused some records.
 * One that `failed` is tried again with growing delays, and with whatever sets off the next; nothing of it is lost. One that
 * its destination left by being made `inactive` says so, and goes on when that is `active` again.
 */
export const exportRun = z.object({
  id: z.string(),
  resource_type: z.literal("export_run"),
  destination_id: z.string(),
  /** `conn_…` */
  connection: z.string(),
  /** `backfill`: the destination is new. `delta`: a pull settled. `catch_up`: it was made active again. `manual`: by a call. */
  trigger: z.enum(["backfill", "delta", "catch_up", "manual"]),
  status: z.enum(["running", "ok", "partial", "failed"]),
  /** Handed over. */
  records: z.number(),
  /** Refused as they are; they come again when they change. */
  refused: z.number(),
  bytes: z.number(),
  /** Such as `no_space`, `unreachable`, `http_503`, `inactive` or `records_refused`; or null. */
  error: z.string().nullable(),
  started_at: z.string(),
  ended_at: z.string().nullable(),
});

export type ExportRun = z.infer<typeof exportRun>;
