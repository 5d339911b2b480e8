/**
 * GET and POST /{facility}/consent: what the app asks for in a patient's words, and the patient's answer. Reads the visit,
 * ends it, and writes a code (60 seconds, one use) or the refusal on the way back to the app.
 *
 * @see RFC 6749 section 4.1.2
 */
import { accountOf } from "./accounts.ts";
import { authorizationResponse } from "./authorize.ts";
import { errorPage, html, sendPage } from "./page.ts";
import { formOf, queryOf, type Route } from "./route.ts";
import { grantable, inPlainWords } from "./scopes.ts";
import { VISIT_OVER, visitOf } from "./sign-in.ts";
import { randomToken } from "./state.ts";

const CODE_SECONDS = 60;

export const consentPage: Route = (place, request, response) => {
  const { facility } = place;
  const parameters = queryOf(request);
  const visit = visitOf(place, parameters);
  const account = accountOf(visit?.username ?? "");
  if (!visit || !account) return errorPage(facility, response, VISIT_OVER);
  const app = visit.client.client_name ?? visit.client.client_id;
  const scopes = grantable(visit.scopes, facility);
  const lasting = scopes.includes("offline_access")
    ? html`<p>It may go on reading new records after today.</p>`
    : html``;
  const main = html`<p>You are signed in as <strong>${account.given} ${account.family}</strong>.</p>
<p><strong>${app}</strong> asks to see:</p>
<ul>${inPlainWords(scopes).map((words) => html`<li>${words}</li>`)}</ul>
${lasting}
<p>It cannot change anything, and it never learns your password.</p>
<form method="post" action="${facility.issuer}/consent">
<input type="hidden" name="visit" value="${parameters.get("visit") ?? ""}">
<div class="actions">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="plain">Deny</button>
</div>
</form>`;
  sendPage(facility, response, `Share your records with ${app}?`, main, new URL(visit.redirect_uri).origin);
};

export const consent: Route = (place, request, response) => {
  const { state, facility } = place;
  const form = formOf(request);
  const visit = visitOf(place, form);
  if (!visit?.username) return errorPage(facility, response, VISIT_OVER);
  state.visits.delete(form.get("visit") ?? "");
  const back = (parameters: Record<string, string>): void =>
    response.redirect(303, authorizationResponse(facility, visit.redirect_uri, { ...parameters, state: visit.state }));
  if (form.get("decision") !== "allow") {
    return back({ error: "access_denied", error_description: "Declined at the portal" });
  }
  const code = randomToken();
  state.codes.set(code, {
    grant: {
      slug: facility.slug,
      client_id: visit.client.client_id,
      username: visit.username,
      scopes: grantable(visit.scopes, facility),
      nonce: visit.nonce,
      revoked: false,
    },
    redirect_uri: visit.redirect_uri,
    code_challenge: visit.code_challenge,
    expires_at: state.clock() + CODE_SECONDS * 1000,
    used: false,
  });
  back({ code });
};
