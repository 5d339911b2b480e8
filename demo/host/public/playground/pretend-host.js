/**
 * A host that lives in this page: it answers the three routes that the tag asks for, so that the playground needs no server.
 * Whatever else is fetched goes its usual way.
 */

const id = (number) => `fhirsrc_${String(number).padStart(26, "0")}`;
const hospital = (number, name, rest = {}) => ({
  id: id(number),
  resource_type: "fhir_source",
  name,
  brand: null,
  city: "Willow Springs",
  state: "OH",
  zip: `448${String(number).padStart(2, "0")}`,
  portal_name: null,
  logo_url: null,
  distinction: null,
  locations: 1,
  matches: [],
  ...rest,
});

/** Invented hospitals; the first stands for several places behind one login. */
export const HOSPITALS = [
  hospital(1, "Larkmoor Health Willow Springs", { brand: "Larkmoor Health", locations: 4, logo_url: "/favicon.svg" }),
  hospital(2, "Willow Springs General Hospital", { portal_name: "MyPortal" }),
  hospital(3, "Saint Aldwyn Medical Center", { city: "Eastmere" }),
  hospital(4, "Eastmere Family Practice", { city: "Eastmere" }),
  hospital(5, "Eastmere Children’s Hospital", { city: "Eastmere", distinction: "KidsChart" }),
];

/** Where the patient comes back from, in the playground. */
export const CONNECTED = HOSPITALS[1];

const places = ["North", "South", "Riverside"].map((place, index) =>
  hospital(10 + index, `Larkmoor Health ${place}`, { brand: "Larkmoor Health" }),
);

const marked = (row, words) => {
  const at = row.name.toLowerCase().indexOf(words[0]);
  return { ...row, matches: at < 0 ? [] : [[at, at + words[0].length]] };
};

/** Rows for what was typed; without anything typed, what the host recommends. */
export function found(query) {
  const words = query.get("q").toLowerCase().split(" ").filter(Boolean);
  const rows = query.has("brand") ? [HOSPITALS[0], ...places] : HOSPITALS;
  const text = (row) => Object.values(row).join(" ").toLowerCase();
  if (words.length === 0) return list(rows.slice(0, 3));
  return list(rows.filter((row) => words.every((word) => text(row).includes(word))).map((row) => marked(row, words)));
}

export const list = (data, has_more = false) => json({ resource_type: "list", data, has_more, next_cursor: null });
export const json = (body, status = 200) => new Response(JSON.stringify(body), { status });
export const refusal = (code, status) =>
  json({ error: { code, message: "", request_id: "req_01ARZ3NDEKTSV4RRFFQ69G5FAV" } }, status);
/** An answer that never comes. */
export const silence = () => new Promise(() => {});
/** What `fetch` does without a network. */
export const noNetwork = () => Promise.reject(new TypeError("Failed to fetch"));

/** One of the patient's own connections. */
export const connection = (number, rest = {}) => ({
  id: `conn_${String(number).padStart(26, "0")}`,
  connection_id: HOSPITALS[number].id,
  name: HOSPITALS[number].name,
  logo_url: null,
  status: "active",
  last_refreshed_at: "2026-11-02T09:30:00.000Z",
  not_granted: [],
  pull: null,
  ...rest,
});

const SOUND = {
  connections: (query) => found(query),
  "patient-sessions": () => json({ url: "https://portal.example/sign-in" }),
  "patient-connections": () => list([]),
};

const network = window.fetch.bind(window);

/** Answers in place of the network from now on; what `routes` names answers differently than a sound host. */
export function pretendHost(routes) {
  let ended = [];
  window.fetch = (address, init = {}) => {
    const { pathname, searchParams } = new URL(address, document.baseURI);
    const [, route, own] = /^\/api\/([a-z-]+)(?:\/(.+))?$/.exec(pathname) ?? [];
    if (!route) return network(address, init);
    if (init.method === "DELETE") {
      ended = [...ended, own];
      return Promise.resolve(json({ id: own, disconnected: true }));
    }
    return Promise.resolve((routes[route] ?? SOUND[route])(searchParams, ended));
  };
}
