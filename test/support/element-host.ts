/**
 * A host's routes for the tests of the element, as a middleware of the test server: `/host/{case}/{mark}/…` answers the
 * way its case says, and remembers what was asked under that mark, so that every test has a log of its own.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

/** What a test reads back of one request. */
export interface Asked {
  method: string;
  /** `q` of a search, or null. */
  query: string | null;
  /** What was posted, or null. */
  body: unknown;
  path: string;
}

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
  URL: URL;
}

interface Answer {
  status?: number;
  type?: string;
  headers?: Record<string, string>;
  body: string;
}

const NAMES = ["Mercy General Hospital", "Mercy Hills Clinic", "Merit Eye Center", "Northwind Family Practice"];

const ROWS = NAMES.map((name, index) => ({
  id: `fhirsrc_0000000000000000000000000${index + 1}`,
  name,
  brand: index === 1 ? "Mercy Health" : null,
  city: "Springfield",
  state: "IL",
  zip: `6270${index}`,
  type: null,
  portal_name: index === 0 ? "MyPortal" : null,
  logo_url: null,
}));

const json = (body: unknown, status = 200): Answer => ({ status, body: JSON.stringify(body) });
const envelope = (code: string, status: number): Answer =>
  json(
    {
      error: {
        type: "api_error",
        code,
        message: "Not for the patient's eyes",
        param: null,
        doc_url: "",
        request_id: "r",
      },
    },
    status,
  );
const page = (data: unknown[], has_more = false): Answer =>
  json({ resource_type: "list", data, has_more, next_cursor: null });
const named = (name: string): Answer => page([{ ...ROWS[0], name }]);
const html = (status: number): Answer => ({ status, type: "text/html", body: "<h1>A proxy's own page</h1>" });

/** Case → its answer; what is not listed answers as a sound host does. */
const CASES: Record<string, (url: URL) => Answer> = {
  html: () => html(200),
  html500: () => html(502),
  down: () => envelope("internal_error", 500),
  "signed-out": () => envelope("not_authenticated", 401),
  throttled: () => envelope("throttled", 429),
  bare401: () => html(401),
  bare403: () => html(403),
  gone: () => envelope("resource_not_found", 404),
  unknown: () => envelope("constructor", 502),
  login: () => ({ ...html(302), headers: { location: "/host/sign-in" } }),
  none: () => page([]),
  broken: () => json({ data: "rows" }),
  rude: () => json({ data: [null, 7, { id: 1 }, { name: "No id" }, ROWS[0]], has_more: "yes" }),
  huge: () => page(Array.from({ length: 5000 }, (_, index) => ({ ...ROWS[0], id: `fhirsrc_${index}` }))),
  more: () => page(ROWS, true),
  markup: () => named(`<img src=x onerror="window.pwned = true"><b>Bold & Sons</b>`),
  long: () => named("Very Long Name Hospital ".repeat(84).slice(0, 2000)),
  unbroken: () => named("x".repeat(2000)),
  script: () => json({ url: "javascript:window.pwned = true" }),
  insecure: () => json({ url: "http://hospital.example/" }),
  disguised: () => json({ url: "http://localhost:80@hospital.example/" }),
  blob: () => json({ url: "blob:https://hospital.example/1" }),
  urlless: () => json({}),
  brands: (url) => page(url.searchParams.get("brand") ? PLACES : [PLACES[1], ROWS[2]]),
  marked: () =>
    page(
      [
        {
          ...ROWS[0],
          matches: [
            [0, 3],
            [6, 9],
          ],
        },
        { ...ROWS[2], matches: null },
      ],
      true,
    ),
  logos: (url) =>
    page([
      { ...ROWS[0], logo_url: `${url.origin}${url.pathname.replace("connections", "logos/sound")}` },
      { ...ROWS[1], logo_url: `${url.origin}${url.pathname.replace("connections", "logos/broken")}` },
      { ...ROWS[2], logo_url: "https://cdn.example/logo.svg" },
      { ...ROWS[3], logo_url: "http://[" },
    ]),
  told: () =>
    json({ error: { type: "api_error", code: "config_missing", request_id: "req_01ARZ3NDEKTSV4RRFFQ69G5FAV" } }, 500),
};

/** Three places behind one login; a search shows the second for all of them. */
const PLACES = ["Freeman Hospital East", "Freeman Hospital West", "Freeman Neosho"].map((name, index) => ({
  ...ROWS[0],
  id: `fhirsrc_0000000000000000000000001${index + 1}`,
  name,
  brand: "Freeman Health",
  portal_name: null,
  locations: index === 1 ? 3 : 1,
  distinction: index === 2 ? "Freeman Portal" : null,
}));

/** The patient's connections: one that gives less than was asked for, one whose access has ended. */
const CONNECTIONS = [
  {
    id: "conn_1",
    connection_id: "fhirsrc_1",
    name: "Mercy General Hospital",
    status: "active",
    last_refreshed_at: "2026-03-04T12:00:00.000Z",
    not_granted: ["Observation", "DiagnosticReport", "Goal", "Device"],
    pull: null,
  },
  { id: "conn_2", connection_id: "fhirsrc_2", name: "Northwind Family Practice", status: "refresh_failed" },
  { id: "conn_3", connection_id: "fhirsrc_3", name: "Willow Eye Center", status: "active", not_granted: [] },
];

const pulling = (state: string, records: number, failure: string | null = null): Answer => {
  const pull = { state, records, failure, reason: "connect", started_at: null, settled_at: null, types: [] };
  const of = (id: number) => ({ id: `conn_${id}`, connection_id: `fhirsrc_${id}`, name: "", status: "active" });
  return page([
    { ...of(2), pull: { ...pull, records: 7_777 } },
    { ...of(1), pull },
  ]);
};

/** Case → how the records of `fhirsrc_1` arrive, asked for the n-th time; in cases that are not listed nothing has begun. */
const PULLS: Record<string, (n: number) => Answer> = {
  arriving: (n) => pulling(...((ARRIVING[n - 1] ?? ["settled", 1240]) as [string, number])),
  waiting: () => pulling("waiting", 0),
  nothing: () => pulling("settled", 0),
  "broken-off": () => pulling("settled", 312, "token_unavailable"),
  moment: (n) => (n === 1 ? html(502) : pulling("settled", 1)),
  routeless: () => html(404),
  "signed-out": () => envelope("not_authenticated", 401),
  odd: () => json({ data: "rows" }),
  patient: () => page(CONNECTIONS),
  steady: () => page(CONNECTIONS),
  "hang-after": () => page(CONNECTIONS),
  "hang-end": () => page(CONNECTIONS),
  held: () => page(CONNECTIONS),
};
const ARRIVING = [
  ["waiting", 0],
  ["running", 312],
  ["running", 1100],
];

/**
 * Makes the middleware; `/host/{case}/{mark}/log` and `…/closed` read back what happened, and `…/release` lets the case `held`
 * answer how the connections are.
 */
export function elementHost(): (context: Exchange, next: () => Promise<void>) => Promise<void> {
  const log = new Map<string, Asked[]>();
  const closed = new Map<string, Promise<unknown>>();
  const gone = new Set<string>();
  const held = new Map<string, () => void>();
  return async (context, next) => {
    const [, root, kind = "", mark = "", route] = context.URL.pathname.split("/");
    if (root !== "host") return next();
    const { req, res, URL: url } = context;
    const key = `${kind}/${mark}`;
    // The framework around answers 404 by itself unless it is told that the answer is ours.
    Object.assign(context, { respond: false, status: 200 });
    if (route === "log") return send(res, json(log.get(key) ?? []));
    if (route === "closed") {
      await closed.get(key);
      return send(res, json({ closed: closed.has(key) }));
    }
    if (route === "release") {
      held.get(key)?.();
      return send(res, json({}));
    }
    if (kind === "page") return send(res, elementPage(url));
    if (!route) return send(res, { ...html(200), body: `<title>portal</title><h1>${kind}</h1>` });
    const body = await bodyOf(req);
    const seen = { method: req.method ?? "", query: url.searchParams.get("q"), body, path: url.pathname };
    log.set(key, [...(log.get(key) ?? []), seen]);
    if (route === "logos") {
      const logo = { type: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' };
      send(res, url.pathname.endsWith("sound") ? logo : html(404));
    } else if (req.method === "DELETE") {
      if (kind === "hang-end") return;
      gone.add(`${key}/${url.pathname.split("/").at(-1)}`);
      send(res, kind === "steady" ? envelope("internal_error", 500) : json({ disconnected: true }));
    } else if (route === "patient-connections") {
      const times = log.get(key)?.length ?? 0;
      // The list itself, then its end, then whatever else is asked.
      if (kind === "patient-once") return send(res, times === 1 ? page(CONNECTIONS) : html(502));
      if (kind === "hang-after" && times > 1) return;
      if (kind === "held") await new Promise<void>((resolve) => held.set(key, resolve));
      if (kind === "patient")
        return send(
          res,
          page(CONNECTIONS.map((one) => (gone.has(`${key}/${one.id}`) ? { ...one, status: "disconnected" } : one))),
        );
      send(res, PULLS[kind]?.(times) ?? page([{ connection_id: "fhirsrc_1", pull: null }]));
    } else if (kind.startsWith("hang")) closed.set(key, once(res, "close"));
    else send(res, CASES[kind]?.(url) ?? soundAnswer(req.method ?? "", url));
  };
}

function soundAnswer(method: string, url: URL): Answer {
  if (method === "POST") return json({ url: `${url.origin}/host/portal` });
  const words = (url.searchParams.get("q") ?? "").toLowerCase().split(" ");
  return page(ROWS.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word))));
}

/** A page as a host without a build would write it, with the single file, under a policy that forbids all it can. */
function elementPage(url: URL): Answer {
  const kind = url.searchParams.get("case") ?? "sound";
  const mark = url.searchParams.get("mark") ?? "page";
  return {
    type: "text/html",
    headers: {
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types lit-html",
    },
    body: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>clinic</title>
<script type="module" src="/widget/dist/mb-connect.min.js"></script></head>
<body><h1>Clinic</h1><mb-connect app-name="Clinic" search-url="/host/${kind}/${mark}/connections"
 session-url="/host/${kind}/${mark}/patient-sessions" connections-url="/host/${kind}/${mark}/patient-connections"></mb-connect></body></html>`,
  };
}

function send(res: ServerResponse, { status = 200, type = "application/json", headers, body }: Answer): void {
  res
    .writeHead(status, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache", ...headers })
    .end(body);
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : null;
}
