/**
 * What every patient of a facility shares: its organizations, practitioners, locations and medications. Nobody finds them by
 * a patient; they are read one by one, as the records refer to them.
 *
 * @see US Core Implementation Guide, Practitioner, PractitionerRole, Organization, Location and Medication
 */
import { concept, MEDICATIONS, type Resource } from "./codes.ts";
import type { Facility } from "./facilities.ts";

const NAMES = ["Juniper Exampleton", "Basil Pretendsworth", "Clementine Fictive", "Ambrose Madeup", "Saffron Notareal"];

/** How many there are of each. */
const PRACTITIONERS = NAMES.length;
const LOCATIONS = 3;

/** References from a record into the directory, by turns. */
export const refer = {
  practitioner: (n: number) => ({ reference: `Practitioner/clinician-${(n % PRACTITIONERS) + 1}` }),
  role: (n: number) => ({ reference: `PractitionerRole/role-${(n % PRACTITIONERS) + 1}` }),
  organization: () => ({ reference: "Organization/organization-1" }),
  location: (n: number) => ({ reference: `Location/location-${(n % LOCATIONS) + 1}` }),
  medication: (n: number) => ({ reference: `Medication/medication-${(n % MEDICATIONS.length) + 1}` }),
};

/** Everything in a facility's directory. */
export function directoryOf(facility: Facility): Resource[] {
  const meta = { lastUpdated: "2024-02-01T09:00:00Z" };
  const practitioners = NAMES.map((name, index): Resource => {
    const [given, family] = name.split(" ");
    return {
      resourceType: "Practitioner",
      id: `clinician-${index + 1}`,
      meta,
      identifier: [{ system: `${facility.issuer}/clinicians`, value: `C-${index + 1}` }],
      name: [{ family, given: [given], prefix: ["Dr."] }],
    };
  });
  const roles = NAMES.map(
    (_name, index): Resource => ({
      resourceType: "PractitionerRole",
      id: `role-${index + 1}`,
      meta,
      practitioner: refer.practitioner(index),
      organization: refer.organization(),
      location: [refer.location(index)],
    }),
  );
  const locations = Array.from(
    { length: LOCATIONS },
    (_, index): Resource => ({
      resourceType: "Location",
      id: `location-${index + 1}`,
      meta,
      status: "active",
      name: `${facility.name}, ward ${index + 1}`,
      managingOrganization: refer.organization(),
    }),
  );
  const medications = MEDICATIONS.map(
    (code, index): Resource => ({
      resourceType: "Medication",
      id: `medication-${index + 1}`,
      meta,
      code: concept("rxnorm", code),
      status: "active",
    }),
  );
  const organization: Resource = {
    resourceType: "Organization",
    id: "organization-1",
    meta,
    active: true,
    name: facility.name,
    partOf: { reference: "Organization/organization-2" },
  };
  const above: Resource = {
    resourceType: "Organization",
    id: "organization-2",
    meta,
    active: true,
    name: facility.brand ?? `${facility.name} Trust`,
  };
  return [organization, above, ...practitioners, ...roles, ...locations, ...medications];
}
