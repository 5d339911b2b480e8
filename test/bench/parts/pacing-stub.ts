/** A hospital that takes its time for a refresh, always as long, and counts refresh tokens that come twice. Option: milliseconds. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { playPart } from "./part.ts";

const pace = Number(process.argv[2]);
const spent = new Set<string>();
let twice = 0;

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const token = new URLSearchParams(body).get("refresh_token") ?? "";
  if (spent.has(token)) twice += 1;
  spent.add(token);
  setTimeout(() => {
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        access_token: "A".repeat(600),
        refresh_token: `${token}+`,
        token_type: "Bearer",
        expires_in: 3600,
      }),
    );
  }, pace);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
playPart({
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  seen: () => ({ spent: spent.size, twice }),
});
