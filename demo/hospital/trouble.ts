/**
 * What a facility with a fault does to requests of its FHIR server. Reads the facility's fault, counts requests in the
 * hospital's memory, and answers by itself or lets the request go on.
 *
 * @see RFC 6585 section 4; RFC 9110 section 10.2.3
 */
import type { Request, Response } from "express";
import type { Place } from "./route.ts";

/** Every so many requests one is refused, where a facility refuses some. */
const EVERY = 4;
/** Seconds that a facility asks to wait. */
const WAIT_SECONDS = 1;
const PAGE = "<!doctype html><title>404</title><h1>File or directory not found</h1>";

/** True where the fault has answered. Of the faults that mutilate an answer it leaves word in `response.locals.mutilate`. */
export function troubled({ state, facility }: Place, request: Request, response: Response): boolean {
  const { fault, slug } = facility;
  const count = (state.calls.get(slug) ?? 0) + 1;
  state.calls.set(slug, count);
  const { type } = request.params;
  const busy = count % EVERY === 0;
  switch (fault) {
    case "throttles":
      return busy && answer(response.status(429).set("Retry-After", String(WAIT_SECONDS)), outcome("throttled"));
    case "throttles_by_date": {
      const date = new Date(state.clock() + WAIT_SECONDS * 1000).toUTCString();
      return busy && answer(response.status(429).set("Retry-After", date), outcome("throttled"));
    }
    case "overloaded":
      return busy && answer(response.status(503).type("html"), "<!doctype html><title>Service unavailable</title>");
    case "forbids_procedures":
      return type === "Procedure" && answer(response.status(403));
    case "lacks_goals":
      return type === "Goal" && answer(response.status(404).type("html"), PAGE);
    case "html_care_plans":
      return type === "CarePlan" && answer(response.type("html"), PAGE);
    case "cuts_short":
    case "hangs_up":
      if (isFirst(state.asked, `${slug} ${request.originalUrl}`)) response.locals.mutilate = fault;
      return false;
    default:
      return false;
  }
}

const outcome = (code: string): string =>
  JSON.stringify({ resourceType: "OperationOutcome", issue: [{ severity: "error", code }] });

function answer(response: Response, text = ""): true {
  if (text.startsWith("{")) response.type("application/fhir+json");
  response.send(text);
  return true;
}

/** Whether something comes for the first time; from then on it does not. */
function isFirst(seen: Set<string>, key: string): boolean {
  const first = !seen.has(key);
  seen.add(key);
  return first;
}

/** Sends an answer whole, or as its mutilation has it: half of the text as though it were all, or half and then nothing. */
export function sendText(response: Response, text: string): void {
  const half = text.slice(0, text.length / 2);
  response.set("Cache-Control", "no-store").type("application/fhir+json");
  if (response.locals.mutilate === "hangs_up") {
    response.set("Content-Length", String(Buffer.byteLength(text))).write(half, () => response.destroy());
  } else response.send(response.locals.mutilate === "cuts_short" ? half : text);
}
