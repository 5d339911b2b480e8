/** A FHIR server that gives every patient the same pages of Conditions. Options: pages, and milliseconds before each answer. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { searchsets } from "./pages.ts";
import { playPart } from "./part.ts";

const [pages = "50", wait = "0"] = process.argv.slice(2);
let answers: Buffer[] = [];
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://hospital");
  if (Number(wait) > 0) await delay(Number(wait));
  response.setHeader("content-type", "application/fhir+json");
  response.end(bodyOf(pathname.replace("/fhir/", ""), Number(searchParams.get("page") ?? 0)));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
answers = searchsets(Number(pages), at);

function bodyOf(path: string, page: number): string | Buffer {
  if (path === "Condition") return answers[page] ?? "";
  if (path === "Patient/example-patient") return JSON.stringify({ resourceType: "Patient", id: "example-patient" });
  const resource = ["Patient", "Condition"].map((type) => ({
    type,
    interaction: [{ code: "read" }, { code: "search-type" }],
  }));
  return JSON.stringify({
    resourceType: "CapabilityStatement",
    fhirVersion: "4.0.1",
    rest: [{ mode: "server", resource }],
  });
}

playPart({ url: () => at });
