/** The shape of every route below a facility's path, and how a route reads its parameters. */
import type { Request, Response } from "express";
import type { Facility } from "./facilities.ts";
import type { HospitalState } from "./state.ts";

/** What a route works with: the hospital's memory and the facility whose path it was. */
export interface Place {
  state: HospitalState;
  facility: Facility;
}

export type Route = (place: Place, request: Request, response: Response) => unknown;

/** The query's parameters. */
export const queryOf = (request: Request): URLSearchParams =>
  new URL(request.originalUrl, "http://query.invalid").searchParams;

/** A form body's parameters; none where the body is of another type. */
export const formOf = (request: Request): URLSearchParams =>
  new URLSearchParams(typeof request.body === "string" ? request.body : "");

/** The first parameter that stands more than once, if any. @see RFC 6749 section 3.1 */
export const repeatedOf = (parameters: URLSearchParams): string | undefined =>
  [...parameters.keys()].find((name) => parameters.getAll(name).length > 1);
