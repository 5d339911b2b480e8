/**
 * The simulated hospital: an authorization server, a FHIR server and a patient portal for some two hundred invented
 * facilities, told apart by the first part of the path. Written from the published specifications and from nothing else, so
 * that an app which works here agrees with them and not with its own authors. Listens on 127.0.0.1 only; forgets all.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type RequestHandler } from "express";
import { accountOf } from "./accounts.ts";
import { authorize } from "./authorize.ts";
import { brandBundle } from "./brands.ts";
import { capabilityStatement } from "./capability-statement.ts";
import { chartOf, put } from "./chart.ts";
import type { Resource } from "./codes.ts";
import { consent, consentPage } from "./consent.ts";
import type { Facility } from "./facilities.ts";
import { fhir } from "./fhir.ts";
import { html, logo, portalCss, sendPage } from "./page.ts";
import { revoke } from "./revoke.ts";
import { formOf, queryOf, type Route } from "./route.ts";
import { signIn, signInPage } from "./sign-in.ts";
import { jwks, openidConfiguration, smartConfiguration } from "./smart-configuration.ts";
import { type Chart, type HospitalClient, type HospitalState, type JournalEntry, newState } from "./state.ts";
import { token } from "./token.ts";

export type { HospitalClient, JournalEntry } from "./state.ts";
export type { Facility };

/** A running hospital. */
export interface Hospital {
  /** Origin, without a slash at its end. */
  url: string;
  facilities: Facility[];
  /** Every request so far, oldest first, with the exact parameters that it carried; kept in memory only. */
  requests: JournalEntry[];
  /** The User-access Brands bundle, as `/brands.json` answers it. */
  brandBundle(): object;
  /** Registers an app at every facility; the same `client_id` again replaces it. */
  register(client: HospitalClient): void;
  /** Every record of somebody at a facility, the Patient first; what they refer to in the facility's directory is apart. */
  records(facility: Facility, username: string): Resource[];
  /** Adds a record, or changes the one with its id; `meta.lastUpdated` becomes now. */
  amend(facility: Facility, username: string, resource: Resource): void;
  /** Ends every access token so far, as though its time were up; refresh tokens stay. */
  expireAccessTokens(): void;
  /** Stops at once; whoever still waits for an answer is cut off. */
  close(): Promise<void>;
}

export interface HospitalOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  clients?: HospitalClient[];
  /** Milliseconds; the system's clock when omitted. */
  clock?: () => number;
  /** Records of each person at each facility; 300. */
  records?: number;
  /** Milliseconds that the FHIR server takes for each answer; 0. */
  answerMs?: number;
}

const RECORDS = 300;

/** The public app that the demo registers. */
export const demoClinic = (redirect_uri: string): HospitalClient => ({
  client_id: "demo-clinic",
  client_name: "Demo Clinic",
  redirect_uris: [redirect_uri],
  token_endpoint_auth_method: "none",
});

/** Starts a hospital. Without `clients`, the only app is the demo's, as it stands on port 3000. */
export async function startHospital(options: HospitalOptions = {}): Promise<Hospital> {
  const server = createServer();
  await listen(server, options.port ?? 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients = options.clients ?? [demoClinic("http://localhost:3000/api/callback")];
  const state = await newState(url, clients, {
    clock: options.clock ?? Date.now,
    recordsEach: options.records ?? RECORDS,
    answerMs: options.answerMs ?? 0,
  });
  const chart = (facility: Facility, username: string): Chart => {
    const account = accountOf(username);
    if (!account) throw new Error(`nobody is called ${username}`);
    return chartOf(state, facility, account);
  };
  server.on("request", routes(state));
  return {
    url,
    facilities: state.facilities,
    requests: state.journal,
    brandBundle: () => brandBundle(url, state.facilities),
    register: (client) => void state.clients.set(client.client_id, client),
    records: (facility, username) =>
      [...chart(facility, username).byType.values()].flatMap((entries) => entries.map(({ resource }) => resource)),
    amend(facility, username, resource) {
      const lastUpdated = new Date(state.clock()).toISOString();
      put(chart(facility, username), { ...resource, meta: { lastUpdated } });
    },
    expireAccessTokens() {
      for (const token of state.tokens.values()) if (token.kind === "access") token.spent = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });

function routes(state: HospitalState): express.Express {
  const bySlug = new Map(state.facilities.map((facility) => [facility.slug, facility]));
  const at =
    (route: Route): RequestHandler =>
    (request, response, next) => {
      const facility = bySlug.get(String(request.params.facility));
      return facility ? route({ state, facility }, request, response) : next();
    };
  const app = express().disable("x-powered-by");
  app.use(express.text({ type: "application/x-www-form-urlencoded" }), journal(state));

  app.get("/brands.json", (_request, response) => {
    response.set("Access-Control-Allow-Origin", "*").json(brandBundle(state.url, state.facilities));
  });
  app.get("/favicon.ico", (_request, response) => void response.status(204).end());

  app.get("/:facility/fhir/.well-known/smart-configuration", at(smartConfiguration));
  app.get("/:facility/fhir/metadata", at(capabilityStatement));
  app.get("/:facility/fhir/:type", at(fhir));
  app.get("/:facility/fhir/:type/:id", at(fhir));

  app.get("/:facility/.well-known/openid-configuration", at(openidConfiguration));
  app.get("/:facility/jwks", at(jwks));
  app.get("/:facility/authorize", at(authorize));
  app.post("/:facility/authorize", at(authorize));
  app.post("/:facility/token", at(token));
  app.post("/:facility/revoke", at(revoke));

  app.get("/:facility", at(portal));
  app.get("/:facility/sign-in", at(signInPage));
  app.post("/:facility/sign-in", at(signIn));
  app.get("/:facility/consent", at(consentPage));
  app.post("/:facility/consent", at(consent));
  app.get("/:facility/portal.css", at(portalCss));
  app.get("/:facility/logo.svg", at(logo));
  return app;
}

const portal: Route = ({ facility }, _request, response) =>
  sendPage(
    facility,
    response,
    facility.portal,
    html`<p>There is nothing to do here. An app that you use leads you to its sign-in.</p>`,
  );

const journal =
  (state: HospitalState): RequestHandler =>
  (request, _response, next) => {
    state.journal.push({
      method: request.method,
      path: request.path,
      query: Object.fromEntries(queryOf(request)),
      form: typeof request.body === "string" ? Object.fromEntries(formOf(request)) : null,
      headers: request.headers,
    });
    next();
  };
