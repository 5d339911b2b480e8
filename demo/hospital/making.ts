/** What the records of a person are made with: whose they are, and moments and choices that are the same in every run. */
import type { Facility } from "./facilities.ts";

/** Whose record is made, and where. */
export interface Person {
  facility: Facility;
  patient: string;
  subject: { reference: string };
  /** Reference to the n-th record of a type, of those there are. */
  own(type: string, n: number): { reference: string };
}

/** Elements of the n-th record of a type. */
export type Make = (n: number, person: Person) => object;

/** By turns. */
export const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T;

/** A moment in the years before 2026; a later record is not always of a later time. */
export const moment = (n: number): string =>
  new Date(Date.UTC(2016, 0, 4, 8) + ((n * 7919) % 3600) * 86_400_000).toISOString();

/** The day of that moment. */
export const day = (n: number): string => moment(n).slice(0, 10);
