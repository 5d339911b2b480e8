/** The floor of `refresh`: openid-client alone, which keeps nothing. Option: the stub's URL. */
import * as client from "openid-client";
import { atOnce } from "./at-once.ts";
import { peakMemory } from "./memory.ts";
import { playPart } from "./part.ts";

const [stub = ""] = process.argv.slice(2);
const metadata = { issuer: stub, token_endpoint: `${stub}/token` };
const server = new client.Configuration(metadata, "app", {}, client.None());
client.allowInsecureRequests(server);

playPart({
  async run({ count, inFlight }: { count: number; inFlight: number }) {
    const peak = peakMemory();
    const tokens = Array.from({ length: count }, (_, n) => `bare-${n}`);
    await atOnce(tokens, inFlight, async (token) => void (await client.refreshTokenGrant(server, token)));
    return peak();
  },
});
