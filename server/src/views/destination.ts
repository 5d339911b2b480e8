/** Destinations and their runs, as a host's server reads them. */
import type { Destination, ExportRun } from "../../../shared/src/destination.ts";
import type { Configured } from "../destinations/open.ts";
import type { DestinationRow, ExportRunRow } from "../store/schema.ts";

/** @param configured the row's configuration, of which no secret is shown */
export function destinationView(row: DestinationRow, configured: Configured): Destination {
  const common = {
    id: row.id,
    resource_type: "destination" as const,
    status: row.status,
    created_at: new Date(row.created_at).toISOString(),
    updated_at: new Date(row.updated_at).toISOString(),
  };
  switch (configured.kind) {
    case "ndjson":
      return { ...common, kind: "ndjson", folder: configured.settings.folder };
    case "fhir": {
      const { settings, secrets } = configured;
      const auth = secrets === null ? "none" : "bearer_token" in secrets ? "bearer" : "basic";
      return { ...common, kind: "fhir", url: settings.url, auth };
    }
    case "s3":
      return { ...common, kind: "s3", ...configured.settings };
  }
}

export function runView({ connection_id, started_at, ended_at, ...row }: ExportRunRow): ExportRun {
  return {
    id: row.id,
    resource_type: "export_run",
    destination_id: row.destination_id,
    connection: connection_id,
    trigger: row.trigger,
    status: row.status,
    records: row.records,
    refused: row.refused,
    bytes: row.bytes,
    error: row.error,
    started_at: new Date(started_at).toISOString(),
    ended_at: ended_at === null ? null : new Date(ended_at).toISOString(),
  };
}
