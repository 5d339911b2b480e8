/**
 * Makes a token answer as hospitals send it into one that openid-client reads, and takes the id_token out: the code is
 * spent by then, so an id_token that cannot be read must not cost the patient the grant. It is verified apart.
 *
 * @see RFC 6749 sections 5.1 and 5.2
 */

/** What is kept aside of a token answer. */
export interface SetAside {
  id_token: string | null;
}

const OPTIONAL = ["refresh_token", "id_token", "expires_in", "token_type"];

/**
 * @param response the endpoint's answer, its body read whole
 * @param options.missingTokenType lets an answer without `token_type` count as Bearer
 * @returns a JSON answer of status 200 or 4xx and above, and what was taken out of it
 */
export async function normaliseTokenResponse(
  response: Response,
  options: { missingTokenType: boolean },
): Promise<{ response: Response; aside: SetAside }> {
  const aside: SetAside = { id_token: null };
  const text = (await response.text()).replace(/^\uFEFF/, "");
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text);
    if (typeof body !== "object" || body === null || Array.isArray(body)) throw new SyntaxError("Not an object");
  } catch {
    const status = response.ok ? 502 : response.status;
    return { response: json({ error: "invalid_response" }, status), aside };
  }
  if (typeof body.error === "string") return { response: json(body, response.ok ? 400 : response.status), aside };
  for (const name of OPTIONAL) if (body[name] === null || body[name] === "") delete body[name];
  // An empty scope says that nothing was granted; a scope left out says that all was.
  if (body.scope === null) delete body.scope;
  if (Array.isArray(body.scope)) body.scope = body.scope.join(" ");
  const seconds = Number(body.expires_in);
  if (Number.isFinite(seconds) && seconds > 0) body.expires_in = seconds;
  else delete body.expires_in;
  if (body.token_type === undefined && options.missingTokenType) body.token_type = "Bearer";
  if (typeof body.id_token === "string") aside.id_token = body.id_token;
  delete body.id_token;
  return { response: json(body, response.ok ? 200 : response.status), aside };
}

// A 401 with WWW-Authenticate would be read as a challenge, without its OAuth error: headers are not passed on.
function json(body: unknown, status: number): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}
