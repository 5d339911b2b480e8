/**
 * GET /{facility}/fhir/…: a FHIR R4 server over `records.ts`, read-only. `metadata` is open; all else needs an access token
 * of this facility, and shows only the record of the patient who granted it.
 *
 * @see FHIR R4, RESTful API and Search; RFC 6750 section 3; SMART App Launch 2.2, Access FHIR API
 */
import type { Request, Response } from "express";
import { accountOf, fhirPatientId } from "./accounts.ts";
import { type Resource, recordsOf } from "./records.ts";
import { type Place, queryOf, type Route } from "./route.ts";
import { allows, RESOURCE_TYPES } from "./scopes.ts";
import type { Token } from "./state.ts";

const send = (response: Response, body: object): void => {
  response.set("Cache-Control", "no-store").type("application/fhir+json").send(JSON.stringify(body));
};

/** Answers with an OperationOutcome; `code` is of FHIR's issue types. */
function outcome(response: Response, status: number, code: string, diagnostics: string): void {
  send(response.status(status), {
    resourceType: "OperationOutcome",
    issue: [{ severity: "error", code, diagnostics }],
  });
}

/** The access token of a request, or null where it opens nothing here. */
function bearerOf({ state, facility }: Place, request: Request): Token | null {
  const [, value = ""] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const token = state.tokens.get(value);
  if (token?.kind !== "access" || token.spent || token.grant.revoked) return null;
  return token.grant.slug === facility.slug && state.clock() < token.expires_at ? token : null;
}

/** GET /{facility}/fhir/metadata */
export const capabilityStatement: Route = ({ facility }, _request, response) => {
  if (facility.fault === "answers_html") return response.send("<!doctype html><title>Welcome to our website</title>");
  send(response, {
    resourceType: "CapabilityStatement",
    status: "active",
    date: "2026-01-05",
    kind: "instance",
    implementation: { description: `Simulated hospital: ${facility.name}`, url: facility.fhirBaseUrl },
    fhirVersion: "4.0.1",
    format: ["json"],
    rest: [
      {
        mode: "server",
        security: {
          service: [
            {
              coding: [
                {
                  system: "http://terminology.hl7.org/CodeSystem/restful-security-service",
                  code: "SMART-on-FHIR",
                },
              ],
            },
          ],
        },
        resource: RESOURCE_TYPES.map((type) => ({
          type,
          interaction: [{ code: "read" }, { code: "search-type" }],
          searchParam: [{ name: type === "Patient" ? "_id" : "patient", type: "reference" }],
        })),
      },
    ],
  });
};

/** The searched records, or null where the search names nobody or somebody else. */
function found(records: Resource[], type: string, query: URLSearchParams, patient: string): Resource[] | null {
  const named = query.get(type === "Patient" ? "_id" : "patient")?.replace(/^Patient\//, "");
  if (type !== "Patient" && named === undefined) return null;
  if (named !== undefined && named !== patient) return null;
  return records.filter((record) => record.resourceType === type);
}

/** GET /{facility}/fhir/{type} and /{facility}/fhir/{type}/{id} */
export const fhir: Route = (place, request, response) => {
  const { facility } = place;
  const token = bearerOf(place, request);
  if (!token) {
    response.set("WWW-Authenticate", "Bearer");
    return outcome(response, 401, "login", "An access token of this server is needed");
  }
  const { type, id } = request.params as { type: string; id?: string };
  const account = accountOf(token.grant.username);
  if (!RESOURCE_TYPES.includes(type) || !account) return outcome(response, 404, "not-supported", "No such type here");
  if (!allows(token.scopes, type, id === undefined ? "search" : "read")) {
    return outcome(response, 403, "forbidden", "The granted scopes do not cover this");
  }
  const records = recordsOf(facility, account);
  if (id !== undefined) {
    const record = records.find((candidate) => candidate.resourceType === type && candidate.id === id);
    return record ? send(response, record) : outcome(response, 404, "not-found", "No such record for this patient");
  }
  const matches = found(records, type, queryOf(request), fhirPatientId(facility, account.username));
  if (!matches) return outcome(response, 403, "forbidden", "Search by the patient who granted access");
  send(response, {
    resourceType: "Bundle",
    type: "searchset",
    total: matches.length,
    link: [{ relation: "self", url: `${facility.fhirBaseUrl}/${type}?${queryOf(request)}` }],
    entry: matches.map((resource) => ({
      fullUrl: `${facility.fhirBaseUrl}/${type}/${resource.id}`,
      resource,
      search: { mode: "match" },
    })),
  });
};
