/** Every screen of the element, each reached as a patient reaches it: by typing, picking and coming back. */
import type { MbConnect } from "@mb-connect/widget";
import { type Mounted, mount, next, press, search, type } from "./element.ts";

const CONNECTIONS = [
  { id: "conn_1", connection_id: "fhirsrc_1", name: "Mercy General Hospital", status: "active" },
  { id: "conn_2", connection_id: "fhirsrc_2", name: "Northwind Family Practice", status: "refresh_failed" },
] as const;

/** Leaves for a case of the host's, up to where the page itself would go; `left` resolves there. */
export async function leave(kind: string): Promise<Mounted & { left: Promise<unknown> }> {
  const at = await mount("sound", (element) => {
    element.sessionUrl = `/host/${kind}/${Date.now()}/patient-sessions`;
  });
  const left = next(at.element, "mb-redirect", true);
  await search(at, "mercy");
  await press("ArrowDown", "Enter");
  return { ...at, left };
}

/** Comes back with a return URL's query, to a host of that case. */
export async function comeBack(
  query: string,
  kind = "sound",
  set: (element: MbConnect) => void = () => {},
): Promise<Mounted> {
  const at = await mount(kind, (element) => {
    element.returnMode = "manual";
    set(element);
  });
  const returned = next(at.element, "mb-return");
  at.element.handleReturn(`https://clinic.example/?patient_id=p1&patient_session_id=ps_1&${query}`);
  await returned;
  return at;
}

/** Comes back connected, up to where that sentence is on show. */
export async function arriving(kind: string, sentence: string): Promise<Mounted> {
  const at = await comeBack("success=true&connection_id=fhirsrc_1", kind);
  await at.until(() => at.text().includes(sentence), sentence);
  return at;
}

async function searched(kind: string, query: string): Promise<Mounted> {
  const at = await mount(kind);
  await search(at, query);
  return at;
}

async function failed(kind: string): Promise<Mounted> {
  const at = await leave(kind);
  await at.until(() => at.element.state === "failed", "the failure is on show");
  return at;
}

/** Name → how to get there. */
export const STATES: Record<string, () => Promise<Mounted>> = {
  idle: () => mount(),
  "idle with connections": () => mount("sound", (element) => void Object.assign(element, { connections: CONNECTIONS })),
  disabled: () => mount("sound", (element) => void Object.assign(element, { disabled: true })),
  searching: async () => {
    const at = await mount("hang");
    at.input().focus();
    await type("me");
    await at.until(() => at.text().includes("Searching"), "it says that it searches");
    return at;
  },
  results: async () => {
    const at = await searched("sound", "mer");
    await press("ArrowDown");
    return at;
  },
  "results as buttons": async () => {
    const at = await mount("sound", (element) => void Object.assign(element, { listMode: "buttons" }));
    await search(at, "mer");
    await press("ArrowDown");
    return at;
  },
  "no match, beside buttons": async () => {
    const at = await mount("none", (element) => void Object.assign(element, { listMode: "buttons" }));
    await search(at, "merci");
    return at;
  },
  "rows closed": async () => {
    const at = await searched("sound", "mer");
    await press("Escape");
    return at;
  },
  "more results": () => searched("more", "mer"),
  "a long name": () => searched("unbroken", "mer"),
  empty: () => searched("none", "merci"),
  "search down": () => searched("down", "mer"),
  starting: async () => {
    const at = await leave("hang");
    await at.until(() => at.element.state === "starting", "it starts");
    return at;
  },
  redirecting: async () => {
    const at = await leave("sound");
    await at.left;
    await at.element.updateComplete;
    return at;
  },
  connected: () => comeBack("success=true&connection_id=fhirsrc_1"),
  "records arriving": () => arriving("broken-off", "Your records are arriving: 312 so far"),
  "records here": () => arriving("moment", "Your records are here: 1"),
  "no records": () => arriving("nothing", "There are no records here yet."),
  declined: () => comeBack("success=false&error=user_denied&error_description=Patient+canceled"),
  expired: () => comeBack("success=false&error=session_expired&error_description=x"),
  failed: () => comeBack("success=false&error=token_exchange_failed&error_description=x"),
  "signed out": () => failed("signed-out"),
  busy: () => failed("throttled"),
  "not set up": () => failed("bare403"),
  gone: () => failed("gone"),
};
