/** What the flows and views work with; put together once, in `mb-connect.ts`. */
import type { Catalog } from "./catalog/catalog.ts";
import type { Vendors } from "./catalog/vendor.ts";
import type { Door } from "./fetch.ts";
import type { Pace } from "./fhir/pace.ts";
import type { Ids } from "./ids.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Configuration, Logger } from "./options.ts";
import type { Discovery } from "./smart/discovery.ts";
import type { IssuerKeys } from "./smart/issuer-keys.ts";
import type { Profiles } from "./smart/source-profile.ts";
import type { CataloguedSource } from "./store/catalog.ts";
import type { Db } from "./store/database.ts";
import type { TokenVault } from "./store/token-vault.ts";

export interface Context {
  configuration: Configuration;
  db: Db;
  vault: TokenVault;
  /** Takes what was deleted out of the database's log; false while somebody keeps it from that. */
  purge(): boolean;
  catalog: Catalog;
  vendors: Vendors;
  /** Whether this app may offer a source to its patients. */
  offered(source: CataloguedSource): boolean;
  jobs: Jobs;
  door: Door;
  /** For what the operator chose himself, such as a destination: private networks are open to it. */
  ownDoor: Door;
  /** How fast this process asks FHIR servers. */
  pace: Pace;
  /** How long a job of the pull works before it hands on to itself. */
  pullWorkMs: number;
  discovery: Discovery;
  issuerKeys: IssuerKeys;
  profiles: Profiles;
  ids: Ids;
  logger: Logger;
  /** What `close` waits for: refreshes under way, whose tokens would else be lost. */
  unfinished: Set<Promise<unknown>>;
  /** Milliseconds since 1970. */
  clock(): number;
}
