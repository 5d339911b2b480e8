/**
 * A FHIR server that takes every transaction and keeps of it the names of resources and its own ids for them: for many records,
 * and for answers that a test holds back.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** A running server. */
export interface QuickFhirTarget {
  url: string;
  /** The transactions that came, their text. */
  transactions: string[];
  /** What each answer waits for; default nothing. */
  before(line: string): Promise<void> | undefined;
}

interface Sent {
  entry: { resource?: { identifier?: { value: string }[] }; request: { method: string; url: string } }[];
}

/** Starts it at `localhost`; it ends with the test. */
export async function startQuickFhirTarget(t: TestContext): Promise<QuickFhirTarget> {
  const ids = new Map<string, string>();
  const target: QuickFhirTarget = { url: "", transactions: [], before: () => undefined };

  function answer(line: string, body: string): unknown {
    if (line === "GET /metadata") return { resourceType: "CapabilityStatement", fhirVersion: "4.0.1" };
    if (line !== "POST /") return { resourceType: "Bundle", type: "searchset", entry: search(line) };
    target.transactions.push(body);
    const entry = (JSON.parse(body) as Sent).entry.map(({ resource, request }) => {
      if (request.method === "GET") return { response: { status: "200" } };
      const name = resource?.identifier?.at(-1)?.value ?? "";
      const id = ids.get(name) ?? `theirs-${ids.size}`;
      ids.set(name, id);
      return { response: { status: "200", location: `${request.url.split("?")[0]}/${id}/_history/1` } };
    });
    return { resourceType: "Bundle", type: "transaction-response", entry };
  }

  function search(line: string): unknown[] {
    const url = new URL(line.slice(4), "http://localhost");
    const system = "urn:mb-connect:record";
    return (url.searchParams.get("identifier") ?? "").split(",").flatMap((word) => {
      const value = word.slice(system.length + 1);
      const resource = { resourceType: url.pathname.slice(1), id: ids.get(value), identifier: [{ system, value }] };
      return ids.has(value) ? [{ resource }] : [];
    });
  }

  const server = createServer(async (request, response) => {
    let body = "";
    request.setEncoding("utf8");
    for await (const chunk of request) body += chunk;
    const line = `${request.method} ${request.url}`;
    await target.before(line);
    response.setHeader("content-type", "application/fhir+json").end(JSON.stringify(answer(line, body)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  target.url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return target;
}
