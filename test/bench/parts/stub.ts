/** A hospital that says always the same, at the least cost: a smart-configuration, and tokens for any code. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { playPart } from "./part.ts";

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const configuration = JSON.stringify({
  issuer: url,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/token`,
  jwks_uri: `${url}/jwks`,
  code_challenge_methods_supported: ["S256"],
  capabilities: ["launch-standalone", "client-public", "context-standalone-patient", "permission-v1"],
});
const tokens = JSON.stringify({
  access_token: "A".repeat(600),
  refresh_token: "R".repeat(300),
  token_type: "Bearer",
  expires_in: 3600,
  scope: "launch/patient openid fhirUser offline_access patient/Patient.read patient/Observation.read",
  patient: "example-patient",
});

server.on("request", (request, response) => {
  response.setHeader("content-type", "application/json");
  request.resume().on("end", () => response.end(request.url === "/token" ? tokens : configuration));
});
playPart({ url: () => url });
