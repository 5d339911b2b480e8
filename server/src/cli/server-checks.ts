/** What `mb-connect doctor` finds out about one hospital's server: its clock, PKCE, client authentication, and what went wrong. */
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";
import { DoorError } from "../fetch.ts";
import { advertises } from "../smart/client-authentication.ts";
import { type SmartConfiguration, smartConfigurationUrl } from "../smart/configuration.ts";
import type { Registration } from "../smart/registration.ts";

/** One finding: `warn` may be right as it is, `fail` keeps patients from connecting. `todo` is what mends it. */
export interface Check {
  mark: "ok" | "warn" | "fail";
  what: string;
  says: string;
  todo?: string;
}

/**
 * The server's clock against ours.
 *
 * @throws where the server cannot be reached or is out of order, which discovery would bridge with its last good answer
 */
export async function clockCheck({ door, clock }: Context, fhir_base_url: string): Promise<Check> {
  const asked = clock();
  const headers = { accept: "application/json" };
  const answer = await door.request(smartConfigurationUrl(fhir_base_url), { headers, maxBytes: 8 * 1024 * 1024 });
  if (answer.status >= 500) throw new ConnectError("oauth_error", { reason: `discovery_http_${answer.status}` });
  const theirs = Date.parse(answer.headers.get("date") ?? "");
  if (Number.isNaN(theirs)) return { mark: "ok", what: "clock", says: "the server does not tell its time" };
  // It tells whole seconds, and told them somewhere between question and answer.
  const seconds = Math.round((theirs + 500 - (asked + clock()) / 2) / 1000);
  const apart = Math.abs(seconds);
  const says =
    apart < 2 ? "in step with the server's" : `${apart} s ${seconds > 0 ? "behind" : "ahead of"} the server's`;
  if (apart <= 30) return { mark: "ok", what: "clock", says };
  const todo = "Set this machine's clock by NTP; signed assertions and id_tokens are refused when clocks disagree.";
  return { mark: apart <= 120 ? "warn" : "fail", what: "clock", says, todo };
}

/** A server that the request was let through to: with S256, or by the exception. */
export function pkceCheck({ code_challenge_methods_supported: methods }: SmartConfiguration): Check {
  if (methods.includes("S256")) return { mark: "ok", what: "PKCE", says: "S256" };
  const says = "the server does not advertise S256; it is sent all the same, and the nonce is required";
  return { mark: "warn", what: "PKCE", says, todo: "Ask the vendor to turn PKCE on." };
}

/** Whether the server lists the way in which the app proves itself. */
export function methodCheck(configuration: SmartConfiguration, client: Registration["credentials"]): Check {
  const { token_endpoint_auth_method: method } = client;
  if (advertises(configuration, client)) return { mark: "ok", what: "client", says: `${method} is accepted` };
  const listed = configuration.token_endpoint_auth_methods_supported.join(", ");
  const todo = "Servers' lists are not always right; if tokens are refused, change token_endpoint_auth_method.";
  return { mark: "warn", what: "client", says: `${method} is not among what the server lists: ${listed}`, todo };
}

const FAULTS: Record<string, [what: string, says: string, todo: string]> = {
  unknown_host: [
    "discovery",
    "the server's name is not known to the DNS",
    "Look whether the catalog has it right, and whether this machine may resolve names.",
  ],
  unreachable: [
    "discovery",
    "the server cannot be reached",
    "Look whether it is up, and whether this machine may go out to it.",
  ],
  timeout: ["discovery", "the server does not answer in time", "Try again later."],
  blocked_address: [
    "discovery",
    "the server's address is not a public one",
    "Mend the catalog; only allowLoopback lets this machine's own through.",
  ],
  blocked_url: [
    "discovery",
    "the server's URL is not one that is let out: https, a usual port, no user info",
    "Mend the catalog.",
  ],
  no_endpoints: [
    "discovery",
    "the server names no endpoints to sign in at",
    "Ask the vendor for the right FHIR base URL for patients.",
  ],
  blocked_endpoint: [
    "endpoints",
    "the server names an endpoint whose URL is not let out",
    "Tell the hospital or its vendor.",
  ],
  no_s256: [
    "PKCE",
    "the server does not advertise S256, and this registration may not go without",
    "Ask the vendor to turn PKCE on; only a client with a secret or key and require_nonce may go without.",
  ],
  token_endpoint_foreign: [
    "endpoints",
    "the token endpoint stands on a host that does not belong to the sign-in's",
    "Ask the vendor; if it is right, name the host in the registration's token_hosts.",
  ],
};

/** What was thrown, in plain words; throws on what is no fault of the server's. */
export function faultCheck(thrown: unknown): Check {
  const reason =
    thrown instanceof DoorError
      ? thrown.reason
      : thrown instanceof ConnectError
        ? (thrown.reason ?? thrown.code)
        : null;
  if (reason === null) throw thrown;
  const known = FAULTS[reason.replace(/^discovery_/, "")];
  const [what, says, todo] = known ?? [
    "discovery",
    `it does not work (${reason})`,
    "Try again; if it stays, tell the hospital or its vendor.",
  ];
  return { mark: "fail", what, says, todo };
}
