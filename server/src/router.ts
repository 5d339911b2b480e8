/**
 * The routes that a browser uses, mounted by the host in its own app. Each line is one route: who may, what is read, which
 * flow or view answers.
 */
import { createHash } from "node:crypto";
import express, { type NextFunction, type Request, type RequestHandler, type Response, type Router } from "express";
import { rateLimit } from "express-rate-limit";
import helmet from "helmet";
import { ENDPOINTS } from "../../shared/src/endpoints.ts";
import { patientSessionPost } from "../../shared/src/patient-session.ts";
import { bindBrowser, browserHash } from "./browser.ts";
import type { Context } from "./context.ts";
import { badRequest, ConnectError, errorEnvelope, loggable } from "./errors.ts";
import { authorize } from "./flow/authorize.ts";
import { callback, continueCallback } from "./flow/callback.ts";
import { disconnect } from "./flow/disconnect.ts";
import { search } from "./flow/search.ts";
import { createSession } from "./flow/session.ts";
import type { Outcome } from "./outcome.ts";
import { renderPage } from "./pages.ts";
import { sessionUrl } from "./session-url.ts";
import { patientConnections } from "./views/connection.ts";
import { publicJwks } from "./views/jwks.ts";
import { retrieveLogo } from "./views/logo.ts";

/** @param ready settles when the database can be used; every route waits for it */
export function createRouter(context: Context, ready: Promise<void>): Router {
  const { configuration } = context;
  const router = express.Router();
  const route = (path: string, method: "get" | "post" | "delete", ...handlers: RequestHandler[]): void => {
    const chain: RequestHandler[] = [identify(context), awaiting(ready), headers, ...handlers];
    router
      .route(path)
      [method](...chain)
      .all(...chain.slice(0, 3), refuseMethod(method));
  };
  const json = [sameOrigin(configuration.publicOrigin), express.json({ limit: "16kb" })];
  const [searches, changes, reads] = [limited(context, 3000), limited(context, 120), limited(context, 1200)];
  const visits = [asVisit, limited(context, 120)];

  route(
    ENDPOINTS.connections,
    "get",
    searches,
    answer((request) => search(context, request.query)),
  );

  route(
    ENDPOINTS.patientSessions,
    "post",
    changes,
    ...json,
    answer(async (request, response) => {
      const parsed = patientSessionPost.safeParse(request.body);
      if (!parsed.success) throw badRequest(parsed.error);
      const patient_id = await loggedIn(context, request);
      if (parsed.data.patientId !== undefined && parsed.data.patientId !== patient_id) {
        throw new ConnectError("patient_access_denied", { param: "patientId" });
      }
      const init = {
        patient_id,
        connection_id: parsed.data.connectionId,
        return_url: configuration.returnUrls[0]?.href,
      };
      const session = await createSession(context, init, bindBrowser(request, response));
      return { url: sessionUrl(context, session.id) };
    }),
  );

  route(ENDPOINTS.patientConnections, "get", reads, async (request, response) => {
    const data = await patientConnections(context, await loggedIn(context, request));
    response.set("cache-control", "private, no-cache");
    tagged(response, { data, has_more: false, next_cursor: null });
  });

  route(
    ENDPOINTS.patientConnection,
    "delete",
    changes,
    ...json,
    answer(async (request) => {
      const { id } = request.params as { id: string };
      const ended = await disconnect(context, await loggedIn(context, request), id, "patient");
      if (!ended) throw new ConnectError("resource_not_found", { message: "There is no such connection", param: "id" });
      return { id, resource_type: "connection", disconnected: true };
    }),
  );

  route(ENDPOINTS.logo, "get", reads, async (request, response) => {
    const logo = await retrieveLogo(context, (request.params as { id: string }).id);
    // An SVG opened by itself could hold script; sandboxed it holds none.
    response.set("content-security-policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'");
    response.set("cache-control", "public, max-age=86400").type(logo.type).send(logo.bytes);
  });

  route(
    ENDPOINTS.connect,
    "get",
    ...visits,
    visit(context, async (request, response) => {
      const browser_hash = bindBrowser(request, response);
      const arrival = { browser_hash, patient_id: await patientOf(context, request) };
      return authorize(context, (request.params as { token: string }).token, arrival);
    }),
  );

  route(
    ENDPOINTS.callback,
    "get",
    ...visits,
    visit(context, async (request) => {
      const arrival = { browser_hash: browserHash(request), patient_id: await patientOf(context, request) };
      return callback(context, queryOf(request), arrival, null);
    }),
  );

  route(
    ENDPOINTS.callbackContinue,
    "get",
    ...visits,
    visit(context, async (request) => {
      const arrival = { browser_hash: browserHash(request), patient_id: await patientOf(context, request) };
      return continueCallback(context, queryOf(request).get("attempt") ?? "", arrival);
    }),
  );

  route(
    ENDPOINTS.callbackOfIssuer,
    "get",
    ...visits,
    visit(context, async (request) => {
      const arrival = { browser_hash: browserHash(request), patient_id: await patientOf(context, request) };
      return callback(context, queryOf(request), arrival, (request.params as { issuer: string }).issuer);
    }),
  );

  route(
    ENDPOINTS.jwks,
    "get",
    reads,
    answer(async (_request, response) => {
      response.set("cache-control", "public, max-age=3600");
      return publicJwks(configuration.signingKeys);
    }),
  );

  router.use(faults(context));
  return router;
}

/** A JSON answer. */
function answer(handle: (request: Request, response: Response) => Promise<unknown>): RequestHandler {
  return async (request, response) => {
    const body = await handle(request, response);
    response.json(body);
  };
}

/** A JSON answer with an entity tag: whoever has it already gets 304 and no body, whatever the host's own settings are. */
function tagged(response: Response, body: unknown): void {
  const text = JSON.stringify(body);
  // Weak, because what the host puts around may compress the body.
  response.set("etag", `W/"${createHash("sha256").update(text).digest("base64url")}"`);
  response.type("json").send(text);
}

/** A page that the patient's browser visits; ends in a redirect or on a page of our own. */
function visit(context: Context, handle: (request: Request, response: Response) => Promise<Outcome>): RequestHandler {
  return async (request, response) => {
    // A link preview or a prefetch is not the patient: it binds nothing and takes no state.
    if (request.method === "HEAD" || /prefetch|preview/.test(purpose(request))) {
      response.status(200).end();
      return;
    }
    const outcome = await handle(request, response);
    if (outcome.to === "url") {
      // The bare header: Express's redirect would add a body with the address in it.
      response.status(303).set("location", outcome.url).end();
      return;
    }
    sendPage(context, request, response, outcome.page, outcome.link);
  };
}

function purpose(request: Request): string {
  return [request.headers["sec-purpose"], request.headers.purpose, request.headers["x-moz"]].join(" ").toLowerCase();
}

function sendPage(
  context: Context,
  request: Request,
  response: Response,
  name: Parameters<typeof renderPage>[0],
  link = context.configuration.homeUrl,
): void {
  const page = renderPage(name, link, request.headers["accept-language"]);
  response.status(page.status).set(page.headers).type("html").send(page.html);
}

/** The query as the browser sent it, apart from Express's reading, which makes arrays and objects of it. */
function queryOf(request: Request): URLSearchParams {
  const at = request.originalUrl.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : request.originalUrl.slice(at));
}

/** Who the host says is logged in, or null. */
async function patientOf(context: Context, request: Request): Promise<string | null> {
  const id = await context.configuration.patient(request);
  if (id === null || id === undefined) return null;
  if (typeof id === "string" && id.length >= 1 && id.length <= 200) return id;
  throw new ConnectError("config_missing", { reason: "patient_answer" });
}

async function loggedIn(context: Context, request: Request): Promise<string> {
  const id = await patientOf(context, request);
  if (id === null) throw new ConnectError("not_authenticated");
  return id;
}

/** From here on whatever goes wrong is told on a page. */
const asVisit: RequestHandler = (_request, response, next) => {
  response.locals.visit = true;
  next();
};

function identify(context: Context): RequestHandler {
  return (_request, response, next) => {
    response.locals.request_id ??= context.ids.next("req");
    response.set("x-request-id", response.locals.request_id);
    next();
  };
}

function awaiting(ready: Promise<void>): RequestHandler {
  return async (_request, _response, next) => {
    await ready;
    next();
  };
}

// A JSON answer is never a page, and nothing of ours is framed, sniffed or sent on as a referrer. Transport security and
// the policies of the host's pages stay the host's.
const secure = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  frameguard: { action: "deny" },
  referrerPolicy: { policy: "no-referrer" },
  strictTransportSecurity: false,
  crossOriginResourcePolicy: { policy: "same-origin" },
});
const headers: RequestHandler = (request, response, next) => {
  response.set("cache-control", "no-store");
  secure(request, response, next);
};

/** Lets through what the app's own pages sent. A form of another site can send neither JSON nor these headers. */
function sameOrigin(publicOrigin: string): RequestHandler {
  return (request, _response, next) => {
    const { origin, "sec-fetch-site": site, "content-type": type } = request.headers;
    const ours =
      (origin === undefined || origin === publicOrigin) &&
      (site === undefined || site === "same-origin") &&
      (origin !== undefined || site !== undefined);
    if (!ours) throw new ConnectError("forbidden");
    if (!/^application\/json\s*(;|$)/i.test(type ?? "")) {
      throw new ConnectError("bad_request", { message: "Send Content-Type: application/json", param: "Content-Type" });
    }
    next();
  };
}

/** @param limit requests a minute and address */
function limited(context: Context, limit: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders: "draft-8",
    legacyHeaders: false,
    handler: (request, response, next) => {
      if (response.locals.visit) sendPage(context, request, response, "too_many");
      else next(new ConnectError("throttled"));
    },
  });
}

function refuseMethod(allowed: string): RequestHandler {
  return (_request, response) => {
    response.set("allow", allowed === "get" ? "GET, HEAD" : allowed.toUpperCase());
    throw new ConnectError("method_not_allowed");
  };
}

/** Every fault of every route: a page for a visit, the envelope for all else; logged by name and code. */
function faults(context: Context) {
  return (thrown: unknown, request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    const fault = toConnectError(thrown);
    // An address that cannot be decoded fails before any handler has given the request its id.
    const request_id: string = response.locals.request_id ?? context.ids.next("req");
    response.set({ "x-request-id": request_id, "cache-control": "no-store" });
    if (fault.status >= 500) context.logger.error({ request_id, ...loggable(thrown) }, "A request failed");
    if (response.locals.visit) sendPage(context, request, response, "fault");
    else response.status(fault.status).json(errorEnvelope(fault, request_id));
  };
}

function toConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const { type, name } = thrown as { type?: unknown; name?: unknown };
  if (type === "entity.too.large") return new ConnectError("payload_too_large");
  if (typeof type === "string" && /^(entity|encoding|charset|request)\./.test(type)) {
    return new ConnectError("bad_request", { message: "The body is not valid JSON" });
  }
  if (thrown instanceof URIError) return new ConnectError("bad_request", { message: "The address is not valid" });
  const database = name === "SqliteError" || (typeof thrown === "object" && thrown !== null && "severity" in thrown);
  return new ConnectError(database ? "db_error" : "internal_error", { cause: thrown });
}
