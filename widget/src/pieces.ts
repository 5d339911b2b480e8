/** The smallest pieces of the screens: a button, a logo, a name with what was typed marked in it. */
import { html, nothing, type TemplateResult } from "lit";
import { logoAddress } from "./client.ts";
import type { Row } from "./state.ts";

/**
 * A button; `clear` is a part of its own, and `quiet` looks like the lesser of two. The second click of a double click is none:
 * by then another button may stand there.
 */
export function renderButton(text: string, press: () => void, quiet = false, part = "button"): TemplateResult {
  return html`<button part=${part} class=${quiet ? "quiet" : nothing} type="button" @click=${once(press)}>${text}</button>`;
}

/** Listens to clicks but the second of a double click. */
export const once =
  (press: () => void) =>
  ({ detail }: MouseEvent): void => {
    if (detail < 2) press();
  };

/**
 * A tile with the first letters of a name, and the logo over it where the host has one. Nothing moves when it comes, or does
 * not; it is asked for once the tile is nearly in sight.
 */
export function renderLogo({ name, logo_url }: Pick<Row, "name" | "logo_url">, searchUrl: string): TemplateResult {
  const address = logoAddress(logo_url, searchUrl);
  const letters = name.match(/(?<!\S)\p{L}/gu)?.slice(0, 2);
  return html`<span part="logo" aria-hidden="true"
    >${letters?.join("").toUpperCase()}${address && html`<img alt="" loading="lazy" referrerpolicy="no-referrer" src=${address} @error=${remove} />`}</span
  >`;
}

const remove = ({ target }: Event): void => (target as Element).remove();

/** A row's name, with what the search found in it marked. */
export function renderName({ name, matches }: Row): unknown[] {
  let done = 0;
  const pieces = matches?.map(([from, to]) => {
    const before = name.slice(done, from);
    done = to;
    return html`${before}<mark part="match">${name.slice(from, to)}</mark>`;
  });
  return [pieces, name.slice(done)];
}
