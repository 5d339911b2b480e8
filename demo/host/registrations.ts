/**
 * The app's own registrations. A real app lists the few that vendors gave it, by hand; at the simulated hospital every
 * facility is an authorization server of its own, so they are read from its brands bundle.
 */
import { readFile } from "node:fs/promises";

interface Registration {
  match: { endpoint: string };
  client_id: string;
}

/** The public app `demo-clinic` at every endpoint of a brands bundle. */
export async function registrations(brandsFile: string): Promise<Registration[]> {
  const bundle = JSON.parse(await readFile(brandsFile, "utf8")) as {
    entry: { resource: { resourceType: string; address: string } }[];
  };
  return bundle.entry
    .filter(({ resource }) => resource.resourceType === "Endpoint")
    .map(({ resource }) => ({ match: { endpoint: resource.address }, client_id: "demo-clinic" }));
}
