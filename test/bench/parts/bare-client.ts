/**
 * The floors of `authorization`: openid-client alone, one authorization URL and one exchange a flow, and before it, where
 * asked for, its discovery. Option: the stub's URL.
 */
import * as client from "openid-client";
import { atOnce } from "./at-once.ts";
import { playPart } from "./part.ts";

const [stub = ""] = process.argv.slice(2);
const redirect_uri = "http://localhost/api/callback";
const scope = "launch/patient openid fhirUser offline_access patient/Patient.read patient/Observation.read";
const discover = () =>
  client.discovery(new URL(`${stub}/fhir/.well-known/smart-configuration`), "app", {}, client.None(), {
    execute: [client.allowInsecureRequests],
  });
const discovered = await discover();

async function flow(server: client.Configuration): Promise<void> {
  const state = client.randomState();
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(server, {
    redirect_uri,
    scope,
    state,
    aud: stub,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  const back = new URL(redirect_uri);
  back.searchParams.set("code", "example-code");
  back.searchParams.set("state", url.searchParams.get("state") ?? "");
  await client.authorizationCodeGrant(server, back, { pkceCodeVerifier, expectedState: state });
}

playPart({
  run: ({ count, inFlight, discovers }: { count: number; inFlight: number; discovers: boolean }) =>
    atOnce(Array(count).fill(null), inFlight, async () => flow(discovers ? await discover() : discovered)),
});
