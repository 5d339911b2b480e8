/**
 * Plays back what the sandboxes of real vendors answered, each answer to the request that it was given to, in its own words.
 * What was not recorded is answered as those vendors answer what they do not have.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { operationOutcome, searchset, startFhirServer } from "./fhir-server.ts";
import { realData } from "./real-data.ts";

/** One recorded answer. */
export interface Recording {
  /** `Observation category=laboratory` of a search, `Patient/x` of a read. */
  asked: string;
  patient: string;
  /** As it is played back: the vendor's own address is the replaying server's. */
  text: string;
}

/** A replaying server, and what it has. */
export interface ReplayServer {
  base: string;
  tokenEndpoint: string;
  recordings: Recording[];
  /** FHIR ids of the patients whose searches were recorded. */
  patients: string[];
  close(): Promise<void>;
}

type Said = { _request?: { url: string; status: number }; body?: { resourceType?: string } };

/** Starts one for a vendor: `epic`, `cerner` or `meditech`. */
export async function startReplayServer(vendor: string): Promise<ReplayServer> {
  const server = await startFhirServer();
  const recordings: Recording[] = [];
  for (const file of filesOf(realData("records", "ehr-sandboxes", vendor))) {
    const whole = readFileSync(file, "utf8");
    const said = JSON.parse(whole) as Said;
    if (said._request?.status !== 200 || !said.body) continue;
    const url = new URL(said._request.url);
    const parts = /^(.*)\/([A-Z][A-Za-z]+(?:\/[^/]+)?)$/.exec(url.pathname);
    const [, root = "", path = ""] = parts ?? [];
    const read = path.includes("/");
    const { searchParams } = url;
    // One vendor finds these two types by another parameter than the patient.
    const patient = read
      ? (path.split("/")[1] ?? "")
      : (searchParams.get("patient") ?? searchParams.get("_id") ?? searchParams.get("patient.identifier") ?? "");
    const category = searchParams.get("category");
    const asked = category === null ? path : `${path} category=${category}`;
    if (recordings.some((one) => one.asked === asked && one.patient === patient)) continue;
    const own = new RegExp(`https://${url.hostname}(:443)?${root}`.replaceAll(".", "\\."), "g");
    recordings.push({ asked, patient, text: bodyOf(whole).replace(own, server.base) });
  }

  server.rules.push(({ path, query, headers }) => {
    if (headers.authorization !== "Bearer token-0") return { status: 401 };
    const patient = path.includes("/") ? (path.split("/")[1] ?? "") : query.get("patient");
    // The second page of a search was never recorded: its address has died.
    if (patient === null || query.has("-pageContext") || query.has("continue")) return { status: 410 };
    const category = query.get("category");
    const asked = category === null ? path : `${path} category=${category}`;
    const found = recordings.find((one) => one.asked === asked && one.patient === patient);
    if (found) return { body: found.text };
    if (path.includes("/") || path === "metadata") return { status: 404, body: operationOutcome("not-found") };
    const others = recordings.some((one) => one.asked.startsWith(`${path} `) && one.patient === patient);
    if (category === null && others)
      return { status: 400, body: operationOutcome("required", "Must have either code or category.") };
    return others
      ? { body: searchset([]) }
      : { status: 404, headers: { "content-type": "text/html" }, body: "<html>404</html>" };
  });

  const searched = recordings.filter(({ asked }) => !asked.includes("/"));
  return { ...server, recordings, patients: [...new Set(searched.map(({ patient }) => patient))] };
}

/** The text of a file's member `body`, as it stands: the last one, down to the file's own closing bracket. */
function bodyOf(whole: string): string {
  const at = /^ {0,4}"body":\s*/m.exec(whole);
  if (!at) throw new Error("The recording has no body");
  return whole.slice(at.index + at[0].length, whole.lastIndexOf("}")).trimEnd();
}

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesOf(path) : path.endsWith(".json") ? [path] : []))
    .sort();
}
