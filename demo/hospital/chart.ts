/**
 * A person's record at a facility as the FHIR server keeps it: every resource beside its JSON text, found by type and by
 * reference. Made at the first request and kept until the hospital closes, so that what is amended stays amended.
 */
import { type Account, fhirPatientId } from "./accounts.ts";
import { type Resource, textOf } from "./codes.ts";
import { directoryOf } from "./directory.ts";
import type { Facility } from "./facilities.ts";
import { recordsOf } from "./records.ts";
import type { Chart, HospitalState } from "./state.ts";

const referenceOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;

/** The record of a person at a facility. */
export function chartOf(state: HospitalState, facility: Facility, account: Account): Chart {
  const key = `${facility.slug} ${account.username}`;
  const kept = state.charts.get(key);
  if (kept) return kept;
  const chart: Chart = {
    patient: fhirPatientId(facility, account.username),
    byReference: new Map(),
    byType: new Map(),
  };
  for (const resource of recordsOf(facility, account, state.recordsEach)) put(chart, resource);
  for (const resource of directoryOf(facility)) {
    chart.byReference.set(referenceOf(resource), { resource, text: textOf(resource) });
  }
  state.charts.set(key, chart);
  return chart;
}

/** Adds a resource to a record, or puts it in the place of the one with its id. */
export function put(chart: Chart, resource: Resource): void {
  const reference = referenceOf(resource);
  const before = chart.byReference.get(reference);
  const entry = { resource, text: textOf(resource) };
  const ofType = chart.byType.get(resource.resourceType) ?? [];
  if (before) ofType[ofType.indexOf(before)] = entry;
  else ofType.push(entry);
  chart.byType.set(resource.resourceType, ofType);
  chart.byReference.set(reference, entry);
}
