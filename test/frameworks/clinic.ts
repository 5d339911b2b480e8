/** What every app here hands to the element: a search of its own and one word of its own. Objects, which no attribute can hold. */
import type { SearchConnections, Strings } from "@mb-connect/widget";

/** Finds one clinic, whatever is asked. */
export const search: SearchConnections = async (query) => ({
  data: [{ id: "fhirsrc_1", name: `Clinic of ${query}` }],
  has_more: false,
});

/** In place of the built-in hint. */
export const strings: Partial<Strings> = { hint: "The hint of the app" };
