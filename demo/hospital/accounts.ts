/** The people who can sign in. The same two at every facility, each with a record of their own there. All invented. */
import { createHash } from "node:crypto";
import type { Facility } from "./facilities.ts";

export interface Account {
  username: string;
  password: string;
  given: string;
  family: string;
  /** FHIR date. */
  birthDate: string;
  gender: "female" | "male";
}

/** The first is the one whose credentials the sign-in page fills in. */
export const ACCOUNTS: readonly [Account, Account] = [
  {
    username: "robin",
    password: "open-sesame-1",
    given: "Robin",
    family: "Sampleton",
    birthDate: "1984-03-09",
    gender: "female",
  },
  {
    username: "kit",
    password: "open-sesame-2",
    given: "Kit",
    family: "Testworth",
    birthDate: "1971-11-23",
    gender: "male",
  },
];

/** Whose username it is. */
export const accountOf = (username: string): Account | undefined =>
  ACCOUNTS.find((account) => account.username === username);

/** The id of somebody's Patient resource: another one at each facility, as in life. */
export const fhirPatientId = (facility: Facility, username: string): string =>
  createHash("sha256").update(`${facility.slug} ${username}`).digest("hex").slice(0, 16);
