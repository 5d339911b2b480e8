/**
 * GET and POST /{facility}/sign-in: the portal's login. Reads the visit that `authorize` opened, writes who signed in, and
 * leads to the consent page; the facility that declines goes straight back to the app.
 */
import { ACCOUNTS, type Account, accountOf } from "./accounts.ts";
import { authorizationResponse } from "./authorize.ts";
import { errorPage, html, sendPage } from "./page.ts";
import { formOf, type Place, queryOf, type Route } from "./route.ts";
import type { Visit } from "./state.ts";

/** The visit that a parameter names, or null where there is none at this facility. */
export function visitOf({ state, facility }: Place, parameters: URLSearchParams): Visit | null {
  const visit = state.visits.get(parameters.get("visit") ?? "");
  return visit?.slug === facility.slug ? visit : null;
}

/** Why a visit cannot go on. */
export const VISIT_OVER = "This visit to the portal is over.";

const credentials = ({ username, password }: Account) => html`<code>${username}</code> and <code>${password}</code>`;

export const signInPage: Route = (place, request, response) => {
  const parameters = queryOf(request);
  const visit = visitOf(place, parameters);
  if (!visit) return errorPage(place.facility, response, VISIT_OVER);
  const [first, second] = ACCOUNTS;
  const wrong = parameters.has("again")
    ? html`<p role="alert">That username and password do not belong together.</p>`
    : html``;
  const main = html`${wrong}
<p><strong>${visit.client.client_name ?? visit.client.client_id}</strong> sent you here. Sign in to decide what it may see.</p>
<form method="post" action="${place.facility.issuer}/sign-in">
<input type="hidden" name="visit" value="${parameters.get("visit") ?? ""}">
<label for="username">Username</label>
<input id="username" name="username" autocomplete="off" autocapitalize="none" spellcheck="false" required value="${first.username}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="off" required value="${first.password}">
<div class="actions"><button type="submit">Sign in</button></div>
</form>
<p class="hint">For this demo: ${credentials(first)}. To be somebody else: ${credentials(second)}.</p>`;
  sendPage(place.facility, response, "Sign in to your portal", main, new URL(visit.redirect_uri).origin);
};

export const signIn: Route = (place, request, response) => {
  const { state, facility } = place;
  const form = formOf(request);
  const visit = visitOf(place, form);
  if (!visit) return errorPage(facility, response, VISIT_OVER);
  const account = accountOf(form.get("username") ?? "");
  const handle = form.get("visit") ?? "";
  if (!account || account.password !== form.get("password")) {
    return response.redirect(303, `${facility.issuer}/sign-in?visit=${handle}&again=1`);
  }
  visit.username = account.username;
  if (facility.fault !== "declines") return response.redirect(303, `${facility.issuer}/consent?visit=${handle}`);
  state.visits.delete(handle);
  const declined = { error: "access_denied", error_description: "No app is let in here", state: visit.state };
  response.redirect(303, authorizationResponse(facility, visit.redirect_uri, declined));
};
