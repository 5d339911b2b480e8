/**
 * The tables, as kysely types. Times are milliseconds since 1970; JSON is text, read and written by the file of the
 * aggregate that owns the row; a column named `sealed_…` holds ciphertext of the token vault and nothing else does.
 */
import type { Generated } from "kysely";

export interface Schema {
  sources: SourceRow;
  catalog_lists: CatalogListRow;
  catalog_list_sources: CatalogListSourceRow;
  catalog_version: CatalogVersionRow;
  source_liveness: SourceLivenessRow;
  patients: PatientRow;
  patient_sessions: PatientSessionRow;
  attempts: AttemptRow;
  connections: ConnectionRow;
  token_hosts: TokenHostRow;
  discovered: DiscoveredRow;
  trail: TrailRow;
  audit: AuditRow;
  records: RecordRow;
  record_keys: RecordKeyRow;
  pulls: PullRow;
  pull_types: PullTypeRow;
  references_found: ReferenceFoundRow;
  fhir_hosts: FhirHostRow;
  attachments: AttachmentRow;
  destinations: DestinationRow;
  watermarks: WatermarkRow;
  export_runs: ExportRunRow;
  webhooks: WebhookRow;
  events: EventRow;
  jobs: JobRow;
  job_serial_keys: JobSerialKeyRow;
}

/** A catalog entry; the wire's `FhirSource` is a view of it. */
export interface SourceRow {
  id: string;
  name: string;
  brand: string | null;
  brand_identifier: string | null;
  /** JSON string[]: other names that a patient may type. */
  aliases: string;
  /** JSON string[]: further places of the same brand, each "City, ST", that a patient may type; null when there is one. */
  places: string | null;
  city: string | null;
  state: string | null;
  zip: string | null;
  /** As the catalog names the EHR ("Epic"), or null. */
  vendor: string | null;
  /** Its short code ("epic"), or null. */
  type: string | null;
  /** As published, but for slips that no server could be reached by: it is sent as `aud`. */
  fhir_base_url: string | null;
  fhir_version: string | null;
  portal_url: string | null;
  portal_name: string | null;
  /** Where the publisher keeps the logo; browsers see only our own origin's copy. */
  logo_url: string | null;
  status: "active" | "inactive" | "retired";
  updated_at: number;
}

/** A list that imports feed, such as one vendor's bundle. */
export interface CatalogListRow {
  name: string;
  sources: number;
  imported_at: number;
}

/** Which list holds which source. A source in no list is retired. */
export interface CatalogListSourceRow {
  list: string;
  source_id: string;
}

/** One row; its version changes with every import and with what a probe finds, and processes that keep an index follow it. */
export interface CatalogVersionRow {
  id: number;
  version: number;
}

/** How a FHIR base URL answered when it was checked. */
export interface SourceLivenessRow {
  /** Without a slash at its end. */
  fhir_base_url: string;
  /** `unknown`: it never answered, and has not been silent for long enough. `live` stays until it has been. */
  state: "live" | "unreachable" | "retired" | "unknown";
  /** Why the last check failed, a word of ours such as `timeout`; null where it answered. */
  reason: string | null;
  /** Since when checks have found the same: no fault, or this reason. */
  since: number;
  /** Failed checks in a row. */
  failures: number;
  /** The first of them; null where the last check did not fail. */
  failing_since: number | null;
  checked_at: number;
}

/** A patient under the host's own id. */
export interface PatientRow {
  id: string;
  name: string | null;
  email: string | null;
  /** JSON object or null. */
  metadata: string | null;
  /** The `seq` last given to one of their records. */
  last_record_seq: number;
  created_at: number;
  updated_at: number;
}

/** `expired` is not stored: it is an open session past `expires_at`. */
export interface PatientSessionRow {
  id: string;
  patient_id: string;
  source_id: string | null;
  /** JSON string[]. */
  recommended_source_ids: string;
  return_url: string;
  return_button_label: string | null;
  metadata: string | null;
  status: "open" | "complete";
  /** SHA-256 of the browser-binding cookie; null until the session is bound. */
  browser_hash: string | null;
  /** `post`: our own route made and bound it for a logged-in patient. `opening`: its first opening bound it. */
  bound_by: "post" | "opening" | null;
  expires_at: number;
  created_at: number;
  completed_at: number | null;
}

/** One try at one source. `held`: the code waits, sealed, for a same-site step that shows the host's login. */
export interface AttemptRow {
  id: string;
  session_id: string;
  source_id: string;
  status: "pending" | "held" | "exchanging" | "connected" | "failed";
  state_hash: string;
  state_taken_at: number | null;
  /** Sealed JSON `{ code_verifier, nonce }`; null once it is used or useless. */
  sealed_verifier: string | null;
  /** Sealed authorization code while `held`. */
  sealed_code: string | null;
  /** JSON: the discovered metadata, client and request as sent; the callback uses this and nothing newer. */
  snapshot: string;
  failure_code: string | null;
  failure_at: number | null;
  connection_id: string | null;
  created_at: number;
  expires_at: number;
}

/** The grant that a patient gave at a source, and its state. One per patient and source. */
export interface ConnectionRow {
  id: string;
  patient_id: string;
  source_id: string;
  session_id: string | null;
  status: "active" | "failed" | "expired" | "refresh_failed" | "disconnected";
  /** JSON string[], as granted. */
  scopes: string;
  /** JSON string[]: resource types asked for and not granted. */
  not_granted: string;
  fhir_base_url: string;
  fhir_patient_id: string;
  /** The route by which the patient was found: `token`, `id_token`, `access_token`, `search` or `beneficiary`. */
  patient_from: string;
  /** `verified`, `unverified` (the id_token could not be checked) or `absent`. */
  identity: string;
  /** JSON: the attempt's snapshot, which later refreshes and revocations start from. */
  snapshot: string;
  /** Sealed JSON `{ access_token, refresh_token? }`; null once disconnected. */
  sealed_tokens: string | null;
  access_expires_at: number | null;
  renewable: number;
  /** JSON: what else the last token answer said, such as `access_grant_expiration`; no token. Null where it said nothing. */
  extras: string | null;
  /** Moves on with every change of the tokens, and when they are forgotten: what was begun with another one is void. */
  token_generation: number;
  /** Whose refresh is under way, until when; null while there is none. */
  lease_owner: string | null;
  lease_until: number | null;
  /** Refreshes of this generation that were sent, or about to be, and whose end was never written. */
  unanswered_refreshes: number;
  /** Refreshes in a row that the hospital did not do. */
  refused_refreshes: number;
  /** No refresh before then. */
  refresh_after: number | null;
  failure_code: string | null;
  failure_at: number | null;
  last_refreshed_at: number | null;
  created_at: number;
  updated_at: number;
}

/** A token endpoint's host whose refreshes are counted: when the last one allowed would be due at an even pace. */
export interface TokenHostRow {
  host: string;
  paid_until: number;
}

/** What a source's server last said of its authorization and was believed, and what it says now that was refused. */
export interface DiscoveredRow {
  /** Without a slash at its end. */
  fhir_base_url: string;
  /** JSON: the document as the server sent it, completed from its issuer's. */
  document: string;
  etag: string | null;
  last_modified: string | null;
  checked_at: number;
  /** JSON: the document that was not believed, until the server takes it back or an operator accepts it; or null. */
  refused_document: string | null;
  /** `token_endpoint_moved`, `authorization_endpoint_moved`, `s256_dropped` or `endpoint_blocked`. */
  refused_for: string | null;
  refused_at: number | null;
}

/** One step of an attempt. */
export interface TrailRow {
  id: string;
  session_id: string;
  attempt_id: string | null;
  at: number;
  step: string;
  outcome: string;
  code: string | null;
  /** JSON of plain facts (an HTTP status, a host name), never a token, a code or clinical data; or null. */
  detail: string | null;
}

/** What was ended, deleted or done with keys; a row is never changed or deleted. */
export interface AuditRow {
  id: string;
  at: number;
  action: string;
  actor: string;
  /** The id of a connection, the kid of a key, the address of a server; or null. */
  subject: string | null;
  /** The kid of a sealing key, a dot, and a hash by it of the host's id of a patient; or null. */
  patient: string | null;
  /** JSON of plain words and numbers of ours, or null. */
  detail: string | null;
}

/** A FHIR resource that was pulled through a connection. */
export interface RecordRow {
  connection_id: string;
  type: string;
  fhir_id: string;
  patient_id: string;
  /** Its place in the order in which the patient's records last changed; a change moves the record to the end. */
  seq: number;
  /** SHA-256 of the body as received; where it is sealed, an HMAC by the connection's own key. */
  hash: Buffer;
  /** The resource's own text as received, or that sealed. */
  body: string;
  /** `meta.lastUpdated`, or null. */
  last_updated: number | null;
  /** `match`: of the patient. `include`: came with a search or by a reference, such as a practitioner. `foreign`: names another patient; never handed on. */
  role: "match" | "include" | "foreign";
  /** 1 as it first came; counts its changes. */
  version: number;
  created_at: number;
  updated_at: number;
}

/** The key that seals the bodies of a connection's records; a connection without one has them open. */
export interface RecordKeyRow {
  /** The connection's. */
  id: string;
  /** Sealed JSON string: 32 bytes, base64url. */
  sealed_key: string;
  /** 1 while bodies from before may lie open. */
  rest: number;
}

/** A connection's pull: the one under way, or the last one. */
export interface PullRow {
  connection_id: string;
  /** Moves on with every job that takes the pull up, every new grant and a disconnect: a job that has lost it writes nothing more. */
  run: number;
  state: "waiting" | "running" | "settled";
  /** What asked for a new pull that has not begun; null where nothing did. */
  wanted: "connect" | "demand" | null;
  reason: "connect" | "schedule" | "demand";
  mode: "full" | "incremental";
  started_at: number | null;
  settled_at: number | null;
  /** When the last full pull that settled was begun. */
  full_at: number | null;
  /** When the next one is due; null where none is. */
  next_at: number | null;
  /** Why it ended before every type was asked for, a code of ours; or null. */
  failure: string | null;
}

/** How a pull goes with one type of resource. */
export interface PullTypeRow {
  connection_id: string;
  type: string;
  state: "waiting" | "running" | "ok" | "empty" | "partial" | "not_granted" | "unsupported" | "failed";
  /** Records of this type that are stored. */
  records: number;
  /** Received in this pull. */
  bytes: number;
  started_at: number | null;
  settled_at: number | null;
  /** When the last pull that got all of it was begun; an incremental search asks from there. */
  complete_at: number | null;
  /** 1 where `_lastUpdated` was seen to work for this type, 0 where not; null before it was tried since the last full pull. */
  incremental: number | null;
  /** JSON string[]: the searches by which the last pull got all of it, as the server takes them; null before. */
  searches: string | null;
  /** JSON: the searches that remain and the page reached; null when there is nothing to do. */
  place: string | null;
  /** JSON: counts by a stable code of ours, such as warnings and quarantined records; never a hospital's text. */
  notes: string;
}

/** A resource that a record refers to and that is read after the searches. */
export interface ReferenceFoundRow {
  connection_id: string;
  type: string;
  fhir_id: string;
  hops: number;
  state: "waiting" | "read" | "failed";
  /** How often the server failed to answer. */
  tries: number;
}

/** A FHIR server's host that asked for a pause, or fails. */
export interface FhirHostRow {
  host: string;
  paused_until: number;
  /** Answers of 5xx in a row. */
  failures: number;
}

/** A document that a DocumentReference or DiagnosticReport points to, kept as an encrypted file. */
export interface AttachmentRow {
  id: string;
  connection_id: string;
  patient_id: string;
  /** `DocumentReference/123`. */
  document_id: string;
  /** Which of the document's contents. */
  position: number;
  state: "waiting" | "stored" | "skipped" | "failed";
  /** A code of ours: why it is `skipped` or `failed`, or what is odd about one that is `stored`; else null. */
  reason: string | null;
  content_type: string | null;
  /** Sealed JSON string: what the record said of it when it was last noted, by which a change is told. */
  sealed_version: string;
  /** Of the plain bytes. */
  size: number | null;
  /** Its name in the connection's folder of attachments. */
  file: string | null;
  /** Sealed JSON string: the key of the file, base64url. */
  sealed_key: string | null;
  /** Failed tries since it was noted. */
  attempts: number;
  /** While it waits: not to be read before then. */
  due_at: number;
  created_at: number;
  updated_at: number;
}

/** Where records are handed on to. */
export interface DestinationRow {
  id: string;
  kind: "ndjson" | "fhir" | "s3";
  /** JSON: what is no secret. */
  settings: string;
  sealed_secrets: string | null;
  status: "active" | "inactive";
  created_at: number;
  updated_at: number;
}

/** How far a destination has a connection's records. */
export interface WatermarkRow {
  destination_id: string;
  connection_id: string;
  /** Every record with this `seq` or less was handed over. */
  seq: number;
  /** JSON: the run that is not through, and how far it is; null between runs. */
  place: string | null;
}

/** The hand-over of what a connection had new at one time; one that failed goes on where it was. */
export interface ExportRunRow {
  id: string;
  destination_id: string;
  connection_id: string;
  /** What set it going, or set it going again. */
  trigger: "backfill" | "delta" | "catch_up" | "manual";
  /** `partial`: it is through, and the destination refused some of the records. */
  status: "running" | "ok" | "partial" | "failed";
  /** Handed over and kept there. */
  records: number;
  /** The destination will not have them as they are. */
  refused: number;
  /** Of their text. */
  bytes: number;
  /** A code of ours, or null. */
  error: string | null;
  started_at: number;
  ended_at: number | null;
}

/** A receiver of events. */
export interface WebhookRow {
  id: string;
  url: string;
  /** JSON string[] of event types, or `["*"]` for all. */
  events: string;
  description: string | null;
  /** JSON object or null. */
  metadata: string | null;
  /** Sealed JSON string. */
  sealed_secret: string;
  /** The secret before the last rotation, which signs beside the new one until `previous_until`; null once that is over. */
  sealed_previous_secret: string | null;
  previous_until: number | null;
  status: "active" | "disabled";
  created_at: number;
  updated_at: number;
}

/** Something that a host's server may want to hear, on its way to one webhook. */
export interface EventRow {
  id: string;
  webhook_id: string;
  type: string;
  /** Whom it is about; it is deleted with them. */
  patient_id: string | null;
  /** The JSON text as it is sent, each time. */
  body: string;
  /** Made since it was recorded, redelivered or its webhook was put to use again. */
  attempts: number;
  /** When the next one is due; null once it is delivered or given up. */
  next_attempt_at: number | null;
  /** HTTP status of the last answer, or null. */
  last_status_code: number | null;
  /** Why the last attempt had no answer, as a word of the door's; or null. */
  last_error: string | null;
  delivered_at: number | null;
  last_redelivered_at: number | null;
  created_at: number;
}

/** The queue on SQLite; on Postgres it keeps a schema of its own. */
export interface JobRow {
  id: Generated<number>;
  name: string;
  /** JSON. */
  payload: string;
  dedupe_key: string | null;
  serial_key: string | null;
  run_at: number;
  /** Counted when a worker takes the job. */
  attempts: number;
  /** The worker's own word for its hold on the job; null while the job waits. */
  lease: string | null;
  /** From then on the job is anyone's again; null while it waits. */
  leased_until: number | null;
  created_at: number;
  /** The last fault's name and code, never a message. */
  last_error: string | null;
  /** When its last attempt failed; it never runs again. */
  failed_at: number | null;
}

/** On Postgres: which job holds a serial key, and until when by the database's own clock. */
export interface JobSerialKeyRow {
  serial_key: string;
  job_id: string;
  leased_until: number;
}
