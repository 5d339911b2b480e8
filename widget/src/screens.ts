/**
 * What stands around the combobox: the way out, how it ended, and the patient's own connections. Words are chosen by an
 * error's code where it has its own, else by what the registry says comes next; nothing that came from a URL or a
 * hospital's answer is ever shown.
 */
import { html, nothing, type TemplateResult } from "lit";
import { nextStep } from "../../shared/src/next-steps.ts";
import type { Pull } from "./client.ts";
import type { View } from "./state.ts";
import { fill, type OutcomeStep, type OutcomeWords, type Strings } from "./strings.ts";

/**
 * A patient's connection, as `GET patient-connections` lists it; what the element does not show is left out. `id` is the
 * connection's (`conn_…`), `connection_id` the source's (`fhirsrc_…`).
 */
export interface PatientConnection {
  id: string;
  connection_id: string;
  name: string;
  status: "active" | "failed" | "expired" | "refresh_failed" | "disconnected";
  logo_url?: string | null;
}

/** An outcome's words, filled in, and its colour. */
export interface Outcome extends OutcomeWords {
  /** Colours the screen: done, an ordinary end that the patient can mend, or something wrong elsewhere. */
  tone: "done" | "calm" | "wrong";
}

/** The screen of a view that has ended: by the error's code where it has words of its own, else by what comes next. */
export function outcomeOf({ state, code, pick, pull }: View, strings: Strings): Outcome {
  const { outcomes, connected, connectedName, lang } = strings;
  if (state === "connected") {
    const title = pick ? fill(connectedName, pick) : connected.title;
    const count = (pull?.records ?? 0).toLocaleString(lang);
    return { ...connected, title, text: fill(arrivalOf(pull, strings), { ...strings, count }), tone: "done" };
  }
  const name = code ?? "";
  const key = Object.hasOwn(outcomes, name) ? name : nextStep(name);
  const words = outcomes[key] as OutcomeWords;
  const calm = key === name || key === "new_session";
  return { ...words, text: fill(words.text, strings), tone: calm ? "calm" : "wrong" };
}

/** A pull that broke off is not all there is, so its records are told as though more were to come. */
function arrivalOf(pull: Pull | null, { connected, arriving, arrived, arrivedNone }: Strings): string {
  const all = pull?.state === "settled" && !pull.failure;
  if (pull?.records) return all ? arrived : arriving;
  return all ? arrivedNone : connected.text;
}

/** How it ended: heading, one sentence, one next step; where that may only repeat itself, also a way to another hospital. */
export function renderOutcome(view: View, strings: Strings, take: (step: OutcomeStep) => void): TemplateResult {
  const { title, text, button, step = "retry", tone } = outcomeOf(view, strings);
  return html`
    <section part="notice" class=${tone}>
      <h2 part="notice-title" id="title" tabindex="-1">${title}</h2>
      <p>${text}</p>
      <slot name=${tone === "done" ? "success" : "failure"}></slot>
      <div>
        ${renderButton(button, () => take(step))}
        ${view.pick && step === "retry" ? renderButton(strings.searchAgain, () => take("search"), "button link") : nothing}
      </div>
    </section>
  `;
}

/** On the way out; Cancel works until the page is gone. */
export function renderLeaving({ pick }: View, strings: Strings, cancel: () => void): TemplateResult {
  return html`
    <section part="notice">
      <p>${pick && fill(strings.starting, pick)}</p>
      <div>${renderButton(strings.cancel, cancel, "button link")}</div>
    </section>
  `;
}

/** The patient's own connections, with a way back for those that have ended. */
export function renderConnections(
  connections: readonly PatientConnection[],
  strings: Strings,
  disabled: boolean,
  reconnect: (id: string) => void,
): TemplateResult | typeof nothing {
  if (connections.length === 0) return nothing;
  return html`
    <h2 id="connections">${strings.connections}</h2>
    <ul part="connections" aria-labelledby="connections">
      ${connections.map(
        ({ id, name, status }) => html`
          <li part="connection">
            <span part="name">${name}</span> <span part="detail">${strings.status[status]}</span>
            ${disabled || status === "active" ? nothing : renderButton(fill(strings.reconnect, { name }), () => reconnect(id))}
          </li>
        `,
      )}
    </ul>
  `;
}

/** A button; its part says how it looks: `clear` and `link` are the quiet ones. */
export function renderButton(text: string, press: () => void, part = "button"): TemplateResult {
  return html`<button part=${part} type="button" @click=${press}>${text}</button>`;
}
