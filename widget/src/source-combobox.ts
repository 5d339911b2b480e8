/**
 * The search field with its list: an editable combobox with `aria-activedescendant`, rendered into the element's own
 * shadow root, because ids do not cross roots. The list stands in the flow right after the field: touch screen readers
 * reach it by swiping, no keyboard covers it, and zoom does not break it.
 *
 * @see WAI-ARIA Authoring Practices, Combobox pattern
 */
import { html, nothing, type TemplateResult } from "lit";
import type { Source } from "./client.ts";
import { renderButton } from "./screens.ts";
import { isLeaving, queryOf, type View } from "./state.ts";
import { fill, type Strings } from "./strings.ts";

/** What the combobox asks of the element. */
export interface ComboboxHost {
  search(text: string): void;
  clear(): void;
  change(change: Partial<View>): void;
  pick(row: Source | undefined): void;
}

/**
 * Acts on a key of the field; one that is taken is kept from the browser, and Escape from a dialog around the element,
 * which should close only when there is nothing left to close in here. Keys of an input method are never taken.
 */
export function pressKey(event: KeyboardEvent, view: View, host: ComboboxHost): void {
  const { key } = event;
  const step = !event.isComposing && !isLeaving(view.state) && stepOf(event, view, host);
  if (!step) return;
  // Text is edited and Tab moves on, as everywhere.
  if (!/^(Tab|Home|End|Arrow[LR])/.test(key)) event.preventDefault();
  if (key === "Escape") event.stopPropagation();
  if (typeof step === "function") step();
  else host.change(step);
}

function stepOf(
  { key, altKey, ctrlKey, metaKey }: KeyboardEvent,
  { rows, active, open, value, state }: View,
  { pick, clear }: ComboboxHost,
): Partial<View> | (() => void) | false | "" | undefined {
  const opened = { open: state !== "idle" };
  const closed = { open: false };
  const move = (to: number) => rows.length > 0 && { open: true, active: to % rows.length };
  // Control, Option and Space together are VoiceOver's command to show a list.
  if (altKey) return { ArrowDown: opened, ArrowUp: closed, " ": ctrlKey && opened }[key];
  if (ctrlKey || metaKey) return;
  return {
    ArrowDown: move(active + 1),
    ArrowUp: move((active > 0 ? active : rows.length) - 1),
    Enter: active >= 0 && (() => pick(rows[active])),
    Escape: value && (open ? closed : clear),
    Tab: closed,
    // Editing drops the active row, as every change does.
    Home: {},
    End: {},
    ArrowLeft: {},
    ArrowRight: {},
  }[key];
}

/** A row's second line: health system, place, portal; as much as is known and not said by the name. */
export function detailOf({ name, brand, city, state, zip, portal_name }: Source): string {
  return join(" · ", brand === name ? null : brand, join(", ", city, join(" ", state, zip)), portal_name);
}

function join(between: string, ...parts: (string | null | undefined)[]): string {
  return parts.filter(Boolean).join(between);
}

/** Renders field, list and what stands in the list's place. */
export function renderCombobox(view: View, words: Strings, disabled: boolean, host: ComboboxHost): TemplateResult {
  const { value, rows, active, open, state, code } = view;
  const leaving = isLeaving(state);
  const listed = open && rows.length > 0;
  const remark = remarkOf(view, words);
  return html`
    <div part="field">
      <input
        part="input"
        id="input"
        role="combobox"
        aria-autocomplete="list"
        aria-expanded=${listed}
        aria-controls="listbox"
        aria-activedescendant=${listed && active >= 0 ? `option-${active}` : nothing}
        aria-describedby="hint notice"
        autocomplete="off"
        autocorrect="off"
        spellcheck="false"
        maxlength="200"
        .value=${value}
        ?readonly=${leaving}
        ?disabled=${disabled}
        @input=${(event: Event) => host.search((event.target as HTMLInputElement).value)}
        @keydown=${(event: KeyboardEvent) => pressKey(event, view, host)}
        @click=${() => host.change({ open: state !== "idle" })}
      />
      ${value && !leaving ? renderButton(words.clear, host.clear, "clear") : nothing}
    </div>
    <div class="results" ?hidden=${!open}>
      <ul part="listbox" id="listbox" role="listbox" aria-label=${words.label} ?hidden=${!listed} @mousedown=${keepFocus}>
        ${rows.map(
          (row, index) => html`
            <li
              part="option"
              role="option"
              id="option-${index}"
              tabindex="-1"
              aria-selected=${index === active}
              @click=${() => host.pick(row)}
            >
              <span part="name">${row.name}</span> <span part="detail">${detailOf(row)}</span>
            </li>
          `,
        )}
      </ul>
      <div ?hidden=${!remark}>
        <p>${remark}</p>
        ${code ? renderButton(words.tryAgain, () => host.search(value)) : nothing}
        <slot name="empty" ?hidden=${state !== "empty" || code}></slot>
      </div>
    </div>
  `;
}

/** What stands below the rows or in their place, and is announced: more, none, searching, or that search is down. */
export function remarkOf({ state, code, rows, value, hasMore }: View, words: Strings): string {
  if (code) return words.searchDown;
  if (state === "empty") return fill(words.none, { query: queryOf(value) });
  if (rows.length === 0) return words.searching;
  return hasMore ? fill(words.countMore, { count: rows.length }) : "";
}

/** A press on a row would blur the field first, and some browsers then drop the click. */
function keepFocus(event: Event): void {
  event.preventDefault();
}
