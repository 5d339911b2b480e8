/** The browsers of many patients, over plain HTTP on kept connections: what puts a server under load. */
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { atOnce } from "./at-once.ts";
import { playPart } from "./part.ts";

const agent = new Agent({ keepAlive: true });
let visitors = 0;

/** Headers of a patient's browser, at an address of its own. */
function visitor(user: string): Record<string, string> {
  visitors += 1;
  return { "x-user": user, "x-forwarded-for": `10.${visitors >> 16}.${(visitors >> 8) & 255}.${visitors & 255}` };
}

async function send(
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ answer: IncomingMessage; body: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    request(url, { agent, method, headers }, resolve).on("error", reject).end(body);
  });
  return { answer, body: await text(answer) };
}

function expect(answer: IncomingMessage, status: number, why: string): void {
  if (answer.statusCode !== status) throw new Error(`${why} answered ${answer.statusCode}, not ${status}`);
}

/** Where a patient who opened a session's url is sent, and back from there as if they had allowed it. */
async function walk({ user, url }: { user: string; url: string }): Promise<void> {
  const headers = visitor(user);
  const { answer: opened } = await send(url, headers);
  expect(opened, 303, "The session's url");
  const portal = new URL(opened.headers.location ?? "");
  const back = new URL(portal.searchParams.get("redirect_uri") ?? "");
  back.search = new URLSearchParams({ code: "example-code", state: portal.searchParams.get("state") ?? "" }).toString();
  const cookie = opened.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const { answer: arrived } = await send(back.href, { ...headers, cookie });
  expect(arrived, 303, "The callback");
  const { searchParams } = new URL(arrived.headers.location ?? "");
  if (searchParams.get("success") !== "true") throw new Error(`The flow ended in ${searchParams.get("error")}`);
}

interface Target {
  url: string;
  origin: string;
  connectionId: string;
}

playPart({
  /** Every patient posts for a session. */
  async post({ target, patients, inFlight }: { target: Target; patients: string[]; inFlight: number }) {
    const body = JSON.stringify({ connectionId: target.connectionId });
    const headers = { "content-type": "application/json", "content-length": `${body.length}`, origin: target.origin };
    await atOnce(patients, inFlight, async (user) => {
      const { answer } = await send(target.url, { ...visitor(user), ...headers }, body);
      expect(answer, 200, "The session route");
    });
  },
  /** Every session is walked to its end. */
  walk: ({ sessions, inFlight }: { sessions: { user: string; url: string }[]; inFlight: number }) =>
    atOnce(sessions, inFlight, walk),
});
