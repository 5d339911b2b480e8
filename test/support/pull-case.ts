/** A FHIR server and a host that pulls from it, for one test. */
import type { TestContext } from "node:test";
import type { TestDatabases } from "./databases.ts";
import { type FhirServer, startFhirServer } from "./fhir-server.ts";
import { openPullHost, type PullHost, type PullHostOptions } from "./pull-host.ts";

/** Opens both, for as long as the test runs. */
export async function openPullCase(
  t: TestContext,
  databases: TestDatabases,
  options: PullHostOptions = {},
): Promise<{ server: FhirServer; host: PullHost }> {
  const server = await startFhirServer();
  const host = await openPullHost(databases, options);
  t.after(async () => {
    await host.close();
    await server.close();
  });
  return { server, host };
}

/** `Type/id` of each. */
export function namesOf(records: readonly { type: string; fhir_id: string }[]): string[] {
  return records.map(({ type, fhir_id }) => `${type}/${fhir_id}`);
}

/** `Type state records` of each type of a pull. */
export function statesOf({ types }: { types: readonly { type: string; state: string; records: number }[] }): string[] {
  return types.map(({ type, state, records }) => `${type} ${state} ${records}`);
}
