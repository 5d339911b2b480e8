/** The numbered migrations, in order; a migration that has been released never changes. */
import type { Migration } from "kysely";
import { destinations } from "./migrations/destinations.ts";
import { jobs } from "./migrations/jobs.ts";
import { liveness } from "./migrations/liveness.ts";
import { mainPath } from "./migrations/main-path.ts";
import { records } from "./migrations/records.ts";
import { webhooks } from "./migrations/webhooks.ts";

export const migrations: Record<string, Migration> = {
  "0001_main_path": { up: mainPath },
  "0002_jobs": { up: jobs },
  "0003_records": { up: records },
  "0004_destinations": { up: destinations },
  "0005_webhooks": { up: webhooks },
  "0006_liveness": { up: liveness },
};
