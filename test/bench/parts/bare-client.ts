/** The floor of `authorization`: openid-client alone, one request and one exchange a flow. Option: the stub's URL. */
import * as client from "openid-client";
import { atOnce } from "./at-once.ts";
import { playPart } from "./part.ts";

const [stub = ""] = process.argv.slice(2);
const redirect_uri = "http://localhost/api/callback";
const scope = "launch/patient openid fhirUser offline_access patient/Patient.read patient/Observation.read";
const metadata = { issuer: stub, authorization_endpoint: `${stub}/authorize`, token_endpoint: `${stub}/token` };
const server = new client.Configuration(metadata, "app", {}, client.None());
client.allowInsecureRequests(server);

async function flow(): Promise<void> {
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
  run: ({ count, inFlight }: { count: number; inFlight: number }) => atOnce(Array(count).fill(null), inFlight, flow),
});
