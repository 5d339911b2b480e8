/** Opens a destination of whichever kind, from what is stored or about to be. */
import type { Context } from "../context.ts";
import type { DestinationRow } from "../store/schema.ts";
import type { Place } from "../store/token-vault.ts";
import type { Destination } from "./destination.ts";
import { type FhirSecrets, fhirServer } from "./fhir-server.ts";
import { ndjsonFolder } from "./ndjson-folder.ts";
import { type S3Secrets, type S3Settings, s3Storage } from "./s3.ts";

/** A destination as it is configured, its secrets open. */
export type Configured =
  | { kind: "ndjson"; settings: { folder: string }; secrets: null }
  | { kind: "fhir"; settings: { url: string }; secrets: FhirSecrets }
  | { kind: "s3"; settings: S3Settings; secrets: S3Secrets };

/** Opens a destination. Nothing is sent before it is used. */
export function openDestination({ ownDoor }: Pick<Context, "ownDoor">, configured: Configured): Destination {
  switch (configured.kind) {
    case "ndjson":
      return ndjsonFolder(configured.settings.folder);
    case "fhir":
      return fhirServer(ownDoor, configured.settings.url, configured.secrets);
    case "s3":
      return s3Storage(ownDoor, configured.settings, configured.secrets);
  }
}

/** A row's configuration. */
export function configuredOf(
  { vault }: Pick<Context, "vault">,
  { id, kind, settings, sealed_secrets }: DestinationRow,
): Configured {
  const secrets = sealed_secrets === null ? null : vault.open(sealed_secrets, secretsPlace(id));
  return { kind, settings: JSON.parse(settings), secrets } as Configured;
}

/** The columns of a configuration. */
export function columnsOf(
  { vault }: Pick<Context, "vault">,
  id: string,
  { kind, settings, secrets }: Configured,
): Pick<DestinationRow, "kind" | "settings" | "sealed_secrets"> {
  const sealed_secrets = secrets === null ? null : vault.seal(secrets, secretsPlace(id));
  return { kind, settings: JSON.stringify(settings), sealed_secrets };
}

function secretsPlace(id: string): Place {
  return { table: "destinations", id, column: "secrets" };
}
