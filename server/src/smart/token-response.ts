/**
 * Makes a token answer as hospitals send it into one that openid-client reads, and takes the id_token out: the code is
 * spent by then, so an id_token that cannot be read must not cost the patient the grant. It is verified apart.
 *
 * @see RFC 6749 sections 5.1 and 5.2
 */
import { z } from "zod";
import { FHIR_ID } from "../fhir/patient.ts";

/** What is kept aside of a token answer. */
export interface SetAside {
  id_token: string | null;
  /** HTTP status as the server sent it; null before any answer. */
  status: number | null;
  /** The tokens that the answer holds, whether or not the rest of it can be read; null where it holds none. */
  tokens: { access_token: string; refresh_token: string | null } | null;
}

/** What a source's profile lets a token answer be. */
export interface TokenQuirks {
  /** An answer without `token_type` counts as Bearer. */
  missing_token_type: boolean;
  /** An answer may be form-encoded. */
  form_body: boolean;
}

/** What a token answer says beside the tokens, as far as refreshes and pulls need it. No token, and nothing clinical: of `fhirContext` the references alone. */
export type TokenExtras = z.output<typeof extras>;

const OPTIONAL = ["refresh_token", "id_token", "expires_in", "token_type"];
const DEFAULT_SECONDS = 300;
const LONGEST_SECONDS = 86_400;

const loosely = <T extends z.ZodType>(type: T) => type.optional().catch(undefined);
const short = z.string().min(1).max(400);
const word = z.union([short, z.number().transform(String)]);

const extras = z.object({
  /** athenahealth: the practice, which each read names again. */
  ah_practice: loosely(word),
  /** Blue Button: when the grant as a whole ends. */
  access_grant_expiration: loosely(short),
  need_patient_banner: loosely(z.union([z.boolean(), z.stringbool()])),
  fhirContext: loosely(
    z
      .array(
        z.object({ reference: loosely(short), canonical: loosely(short), type: loosely(short), role: loosely(short) }),
      )
      .max(50),
  ),
});

const patientId = z.union([z.string(), z.int().nonnegative().transform(String)]).pipe(z.string().regex(FHIR_ID));

/**
 * @param response the endpoint's answer, its body read whole
 * @returns a JSON answer of status 200 or 3xx and above, and what was taken out of it
 */
export async function normaliseTokenResponse(
  response: Response,
  quirks: TokenQuirks,
): Promise<{ response: Response; aside: SetAside }> {
  const { status, ok } = response;
  const aside: SetAside = { id_token: null, status, tokens: null };
  const body = readBody(await response.text(), quirks);
  if (body === null) return { response: json({ error: "invalid_response" }, ok ? 502 : status), aside };
  if (typeof body.error === "string" && body.error !== "") {
    return { response: json(body, ok ? 400 : status), aside };
  }
  for (const name of OPTIONAL) if (body[name] === null || body[name] === "") delete body[name];
  // An empty scope says that nothing was granted; a scope left out says that all was.
  if (body.scope === null) delete body.scope;
  if (Array.isArray(body.scope)) body.scope = body.scope.join(" ");
  const seconds = secondsOf(body.expires_in);
  if (seconds === null) delete body.expires_in;
  else body.expires_in = seconds;
  if (body.token_type === undefined && quirks.missing_token_type) body.token_type = "Bearer";
  if (typeof body.id_token === "string") aside.id_token = body.id_token;
  delete body.id_token;
  const { access_token, refresh_token } = body;
  if (typeof access_token === "string") {
    aside.tokens = { access_token, refresh_token: typeof refresh_token === "string" ? refresh_token : null };
  }
  return { response: json(body, ok ? 200 : status), aside };
}

function readBody(text: string, quirks: TokenQuirks): Record<string, unknown> | null {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : null;
  } catch {
    const form = quirks.form_body ? new URLSearchParams(text) : new URLSearchParams();
    return form.has("access_token") || form.has("error") ? Object.fromEntries(form) : null;
  }
}

function secondsOf(expires_in: unknown): number | null {
  const seconds = typeof expires_in === "string" ? Number(expires_in) : expires_in;
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}

// A 401 with WWW-Authenticate would be read as a challenge, without its OAuth error: headers are not passed on.
function json(body: unknown, status: number): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

/** Seconds that an access token is taken to live: 300 where the answer said nothing, 24 hours at the most. */
export function lifeSeconds(expires_in: number | undefined): number {
  return Math.min(expires_in ?? DEFAULT_SECONDS, LONGEST_SECONDS);
}

/** The launch context's FHIR patient id, or null where the answer has none that could be one. */
export function readPatientId(patient: unknown): string | null {
  return patientId.safeParse(patient).data ?? null;
}

/** What an answer says beside the tokens; a member of a wrong type counts as left out. Null where nothing is left. */
export function readExtras(answer: unknown): TokenExtras | null {
  const read = extras.safeParse(answer).data ?? {};
  const said = Object.entries(read).filter(([, value]) => value !== undefined);
  return said.length === 0 ? null : (Object.fromEntries(said) as TokenExtras);
}
