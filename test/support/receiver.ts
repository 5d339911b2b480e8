/** A host's own server that receives events: keeps what came, and answers as a test says. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Log, newLog } from "./log.ts";

/** One request, its body as it came. */
export interface Delivery {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** A receiver of events. */
export interface Receiver {
  url: string;
  deliveries: Log<Delivery>;
  /** How it answers from now on; default with 200. */
  onDelivery(answer: (response: ServerResponse, delivery: Delivery) => void): void;
  close(): Promise<void>;
}

/** Listens on loopback. */
export async function startReceiver(): Promise<Receiver> {
  const deliveries = newLog<Delivery>();
  let answer = (response: ServerResponse, _delivery: Delivery): void => void response.end("thanks");
  const server = createServer(async (request, response) => {
    let body = "";
    request.setEncoding("utf8");
    for await (const chunk of request) body += chunk;
    const delivery = { path: request.url ?? "", headers: request.headers as Record<string, string>, body };
    deliveries.add(delivery);
    answer(response, delivery);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliveries,
    onDelivery(decide) {
      answer = decide;
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
