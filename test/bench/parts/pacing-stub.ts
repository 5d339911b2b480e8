/**
 * A hospital with a pace of its own: so many refreshes at a time, each of them as long, the rest in a line. Counts refresh
 * tokens that come twice. Options: milliseconds, how many at a time.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { playPart } from "./part.ts";

const [pace = 0, places = 1] = process.argv.slice(2).map(Number);
const line: (() => void)[] = [];
let taken = 0;
const spent = new Set<string>();
let twice = 0;

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const token = new URLSearchParams(body).get("refresh_token") ?? "";
  if (spent.has(token)) twice += 1;
  spent.add(token);
  if (taken === places) await new Promise<void>((next) => line.push(next));
  else taken += 1;
  setTimeout(() => {
    const next = line.shift();
    if (next) next();
    else taken -= 1;
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
