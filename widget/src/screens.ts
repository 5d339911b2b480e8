/**
 * The screens in place of the field or below it: the way out, and how it ended. Words are chosen by an error's code where it
 * has its own, else by what the registry says comes next; nothing that came from a URL or a hospital's answer is ever shown.
 */
import { html, nothing, type TemplateResult } from "lit";
import { nextStep } from "../../shared/src/next-steps.ts";
import { missingOf } from "./connections.ts";
import { renderButton } from "./pieces.ts";
import type { View } from "./state.ts";
import { fill, type OutcomeStep, type OutcomeWords, type Strings } from "./strings.ts";

/** What helps where the same hospital again would not. */
const STEPS: Record<string, OutcomeStep> = {
  not_authenticated: "reload",
  patient_access_denied: "reload",
  resource_not_found: "search",
  fix_setup: "search",
};

/** What comes next → the outcome whose words it has, unless a host gives it its own; `retry` where none is named. */
const ALIKE: Record<string, string> = { fix_setup: "resource_not_found" };

/** An outcome's words, filled in, and its colour. */
export interface Outcome extends OutcomeWords {
  button: string;
  /** Colours the screen: done, an ordinary end that the patient can mend, or something wrong elsewhere. */
  tone: "done" | "calm" | "wrong";
}

/** The screen of a view that has ended: by the error's code where it has words of its own, else by what comes next. */
export function outcomeOf(view: View, strings: Strings): Outcome {
  const { outcomes, connected, connectedName, fix } = strings;
  const { state, code, pick, link } = view;
  if (state === "connected") {
    const title = pick ? fill(connectedName, pick) : connected.title;
    const missing = missingOf(link, strings);
    return missing
      ? { title, text: missing, button: fix, tone: "done" }
      : { step: "search", ...connected, title, text: arrivalOf(view, strings), tone: "done" };
  }
  const name = code ?? "";
  const next = nextStep(name);
  const key = [name, next].find((one) => Object.hasOwn(outcomes, one)) ?? ALIKE[next] ?? "retry";
  const { title, text, button, step = STEPS[key] ?? "retry" } = outcomes[key] as OutcomeWords;
  return {
    title,
    text: fill(text, strings),
    button: button ?? strings[step],
    step,
    tone: key === name || key === "new_session" ? "calm" : "wrong",
  };
}

/** A pull that broke off is not all there is, so its records are told as though more were to come. */
function arrivalOf({ link }: View, strings: Strings): string {
  const { connected, arriving, arrived, arrivedNone, lang } = strings;
  const { state, failure, records = 0 } = link?.pull ?? {};
  const all = state === "settled" && !failure;
  const text = records ? (all ? arrived : arriving) : all ? arrivedNone : connected.text;
  return fill(text, { ...strings, count: records.toLocaleString(lang) });
}

/**
 * How it ended: heading, one sentence, one next step; where that may only repeat itself, also a way to another hospital; where
 * somebody else has to act, a code by which they find what happened.
 *
 * @param copy takes the code to the clipboard
 * @param said what was said last: that it is copied is seen as well
 */
export function renderOutcome(
  view: View,
  strings: Strings,
  take: (step: OutcomeStep) => void,
  copy: (code: string) => void,
  said: string,
): TemplateResult {
  const { title, text, button, step = "retry", tone } = outcomeOf(view, strings);
  const { pick, support } = view;
  const done = tone === "done";
  return html`
    <section part="notice" class=${tone}>
      <h2 part="notice-title" id="title" tabindex="-1">${title}</h2>
      <p>${text}</p>
      <slot name=${done ? "success" : "failure"}></slot>
      <div>
        ${renderButton(button, () => take(step))}
        ${pick && step === "retry" ? renderButton(done ? strings.connected.button : strings.search, () => take("search"), true) : nothing}
      </div>
      ${
        // Some of it comes from a URL, so that nothing but an id of ours is shown.
        tone === "wrong" && /^(ps|req)_[0-9A-HJKMNP-TV-Z]{26}$/.test(support)
          ? html`<p part="detail">${strings.support} <code>${support}</code></p>
              ${renderButton(said === strings.copied ? said : strings.copy, () => copy(support), true)}`
          : nothing
      }
    </section>
  `;
}

/** On the way out; Cancel works until the page is gone. */
export function renderLeaving({ pick }: View, strings: Strings, cancel: () => void): TemplateResult {
  return html`
    <section part="notice">
      <p>${pick && fill(strings.starting, pick)}</p>
      <div>${renderButton(strings.cancel, cancel, true)}</div>
    </section>
  `;
}
