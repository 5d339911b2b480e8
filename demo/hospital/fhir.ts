/**
 * GET /{facility}/fhir/{type} and /{facility}/fhir/{type}/{id}: a FHIR R4 server over people's records, read-only. Needs an
 * access token of this facility, and shows only the record of the patient who granted it and what that record refers to.
 *
 * @see FHIR R4, RESTful API, Search and Binary; RFC 6750 section 3; SMART App Launch 2.2, Access FHIR API
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Request, Response } from "express";
import { type Account, accountOf } from "./accounts.ts";
import { chartOf } from "./chart.ts";
import { binaryOf } from "./documents.ts";
import { type Place, queryOf, type Route } from "./route.ts";
import { allows, RESOURCE_TYPES } from "./scopes.ts";
import { bundleText, furtherPage, type Refusal, SEARCHED_TYPES, search } from "./search.ts";
import type { Search, Token } from "./state.ts";
import { sendText, troubled } from "./trouble.ts";

/** How often an access token works where it expires in the midst of things. */
const USES = 50;

/** Answers with an OperationOutcome; `code` is of FHIR's issue types. */
function refuse(response: Response, [status, code, diagnostics]: Refusal): void {
  sendText(
    response.status(status),
    JSON.stringify({ resourceType: "OperationOutcome", issue: [{ severity: "error", code, diagnostics }] }),
  );
}

/** The access token of a request, or null where it opens nothing here. */
function bearerOf({ state, facility }: Place, request: Request): Token | null {
  const [, value = ""] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const token = state.tokens.get(value);
  if (token?.kind !== "access" || token.spent || token.grant.revoked) return null;
  token.uses += 1;
  if (facility.fault === "expires_tokens" && token.uses > USES) return null;
  return token.grant.slug === facility.slug && state.clock() < token.expires_at ? token : null;
}

export const fhir: Route = async (place, request, response) => {
  const { state, facility } = place;
  if (state.answerMs > 0) await delay(state.answerMs);
  const token = bearerOf(place, request);
  if (!token) {
    response.set("WWW-Authenticate", "Bearer");
    return refuse(response, [401, "login", "An access token of this server is needed"]);
  }
  if (troubled(place, request, response)) return;
  const { type, id } = request.params as { type: string; id?: string };
  const account = accountOf(token.grant.username);
  if (!RESOURCE_TYPES.includes(type) || !account) return refuse(response, [404, "not-supported", "No such type here"]);
  if (!allows(token.scopes, type, id === undefined ? "search" : "read")) {
    return refuse(response, [403, "forbidden", "The granted scopes do not cover this"]);
  }
  if (id === undefined) return searched(place, request, response, { type, token, account });
  const chart = chartOf(state, facility, account);
  if (type === "Binary") return sendBinary(request, response, chart.patient, id);
  const entry = chart.byReference.get(`${type}/${id}`);
  if (!entry) return refuse(response, [404, "not-found", "No such record for this patient"]);
  sendText(response, entry.text);
};

function searched(
  { state, facility }: Place,
  request: Request,
  response: Response,
  { type, token, account }: { type: string; token: Token; account: Account },
): unknown {
  if (!SEARCHED_TYPES.includes(type)) return refuse(response, [400, "not-supported", `${type} is read, not searched`]);
  const chart = chartOf(state, facility, account);
  const query = queryOf(request);
  const session = query.get("sessionID");
  if (session !== null) {
    const page = furtherPage(state, session);
    const theirs = page?.search.slug === facility.slug && page.search.username === account.username;
    if (!page || !theirs || page.search.type !== type) {
      return refuse(response, [410, "not-found", "This page is not known any more; begin the search again"]);
    }
    return sendText(response, bundleText(state, facility, chart, page.search, page.offset));
  }
  const { username } = account;
  const provenance = allows(token.scopes, "Provenance", "search");
  const found: Search | Refusal = search(chart, facility, { username, type, query, provenance });
  return "matches" in found
    ? sendText(response, bundleText(state, facility, chart, found, 0))
    : refuse(response, found);
}

/**
 * A document: its own bytes for whoever accepts their media type, a Binary resource for whoever accepts FHIR.
 *
 * @see FHIR R4, Binary, "Serving Binary Resources using the RESTful API"
 */
function sendBinary(request: Request, response: Response, patient: string, id: string): unknown {
  const content = binaryOf(patient, id);
  if (!content) return refuse(response, [404, "not-found", "No such document"]);
  const accepted = (request.headers.accept ?? "*/*").split(",").map((one) => one.split(";")[0]?.trim().toLowerCase());
  const { type, bytes } = content;
  if (accepted.some((one) => one === type || one === "*/*" || one === `${type.split("/")[0]}/*`)) {
    return response.set({ "Cache-Control": "no-store", "Content-Type": type }).send(bytes);
  }
  if (accepted.includes("application/fhir+json")) {
    const data = bytes.toString("base64");
    return sendText(response, JSON.stringify({ resourceType: "Binary", id, contentType: type, data }));
  }
  return refuse(response, [406, "not-supported", `This document is ${type}`]);
}
