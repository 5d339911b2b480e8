/** The public door of @mb-connect/server. */
export type { Attachment } from "../../shared/src/attachment.ts";
export type { Connection, ConnectionDetail, ConnectionStatus, PatientConnection } from "../../shared/src/connection.ts";
export type {
  Destination,
  DestinationCreate,
  DestinationExport,
  DestinationTest,
  DestinationUpdate,
  ExportRun,
} from "../../shared/src/destination.ts";
export { type Actor, ERRORS, type ErrorCode, type ErrorEnvelope, type NextStep } from "../../shared/src/errors.ts";
export type { List } from "../../shared/src/list.ts";
export type { Patient, PatientCreate, PatientDetail, PatientUpdate } from "../../shared/src/patient.ts";
export type { PatientSession, PatientSessionInit } from "../../shared/src/patient-session.ts";
export type { PullProgress } from "../../shared/src/pull.ts";
export type { PatientRecord, RecordsQuery } from "../../shared/src/record.ts";
export {
  parseReturnUrl,
  type ReturnFailure,
  type ReturnResult,
  type ReturnSuccess,
} from "../../shared/src/return-url.ts";
export type { ConnectionsQuery, FhirSource } from "../../shared/src/source.ts";
export type {
  EventType,
  Webhook,
  WebhookCreate,
  WebhookEvent,
  WebhookEventRecord,
  WebhookUpdate,
  WebhookWithSecret,
} from "../../shared/src/webhook.ts";
export { ConnectError } from "./errors.ts";
export { type MbConnect, mbConnect } from "./mb-connect.ts";
export { type Logger, type MbConnectOptions, OptionsError } from "./options.ts";
export type { TrailStep } from "./trail.ts";
export type { AttachmentContent } from "./views/attachments.ts";
export type { ListParameters } from "./views/cursor.ts";
export type { PagedList } from "./views/paged.ts";
export { type SignatureFault, WebhookSignatureError, Webhooks } from "./webhook-signature.ts";
