/** Tells the sources of a FHIR Endpoint bundle: one for each Endpoint that no organization of the bundle refers to. */
import type { BundleEntries } from "./bundle-reader.ts";
import type { PublishedSource } from "./published-source.ts";
import type { Tally } from "./tally.ts";

/** The lone endpoints as sources, each under its organization's name or its own. One without a name is left out. */
export function* readEndpoints(entries: BundleEntries, tally: Tally): Generator<PublishedSource> {
  for (const endpoint of entries.endpoints) {
    if (endpoint.used) continue;
    const organization = entries.organization(endpoint.managedBy);
    const name = organization?.name ?? endpoint.name;
    if (name === null) tally.leaveOut("no name", endpoint.id);
    else
      yield {
        name,
        brandIdentifier: organization?.identifier ?? null,
        aliases: organization?.aliases ?? [],
        places: organization?.places ?? [],
        endpoint,
      };
  }
}
