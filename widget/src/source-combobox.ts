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

/** What the combobox needs of the element; a value that is set is searched for. */
export interface ComboboxHost {
  value: string;
  readonly disabled: boolean;
  clear(): void;
}

type Change = (change: Partial<View>) => void;
type PickRow = (row: Source) => void;

/**
 * Acts on a key of the field. A key that is taken is kept from the browser and from the page: a dialog around the element
 * should close on Escape only when there is nothing left to close in here. Keys of an input method are never taken.
 */
export function pressKey(event: KeyboardEvent, view: View, host: ComboboxHost, change: Change, pick: PickRow): void {
  const { key, altKey, ctrlKey, metaKey, isComposing } = event;
  const { rows, active, open, value, state } = view;
  const count = rows.length;
  const row = rows[active];
  if (isComposing || isLeaving(state)) return;
  if (altKey && key === "ArrowUp") change({ open: false });
  // Control, Option and Space together are VoiceOver's command to show a list.
  else if (altKey && key === (ctrlKey ? " " : "ArrowDown")) change({ open: state !== "idle" });
  else if (altKey || ctrlKey || metaKey) return;
  else if (key === "ArrowDown" && count) change({ open: true, active: (active + 1) % count });
  else if (key === "ArrowUp" && count) change({ open: true, active: (active > 0 ? active : count) - 1 });
  else if (key === "Enter" && row) pick(row);
  else if (key === "Escape" && open) change({ open: false });
  else if (key === "Escape" && value) host.clear();
  else {
    // Tab moves on and text is edited as everywhere; either drops the active row, as every change does.
    if (/^(Tab|Home|End|Arrow)/.test(key)) change({ open: open && key !== "Tab" });
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** A row's second line: health system, place, portal; as much as is known and not said by the name. */
export function detailOf({ name, brand, city, state, zip, portal_name }: Source): string {
  return join(" · ", brand === name ? null : brand, join(", ", city, join(" ", state, zip)), portal_name);
}

function join(between: string, ...parts: (string | null | undefined)[]): string {
  return parts.filter(Boolean).join(between);
}

/** Renders the field, and while there is something to show, the list. */
export function renderCombobox(
  view: View,
  words: Strings,
  host: ComboboxHost,
  change: Change,
  pick: PickRow,
): TemplateResult {
  const { value, rows, active, open, state } = view;
  const leaving = isLeaving(state);
  const listed = open && rows.length > 0;
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
        .value=${value}
        ?readonly=${leaving}
        ?disabled=${host.disabled}
        @input=${(event: Event) => {
          host.value = (event.target as HTMLInputElement).value;
        }}
        @keydown=${(event: KeyboardEvent) => pressKey(event, view, host, change, pick)}
        @click=${() => change({ open: state !== "idle" })}
      />
      ${value && !leaving ? renderButton(words.clear, () => host.clear(), "clear") : nothing}
    </div>
    ${open ? renderResults(view, words, host, pick) : nothing}
  `;
}

/**
 * The list, and below it or in its place a remark. A press on the list is kept from moving the focus: it would blur the
 * field first, and some browsers then drop the click.
 */
function renderResults(view: View, words: Strings, host: ComboboxHost, pick: PickRow): TemplateResult {
  const { value, rows, active, state, code } = view;
  const remark = remarkOf(view, words);
  return html`
    <div class="results">
      <ul
        part="listbox"
        id="listbox"
        role="listbox"
        aria-label=${words.label}
        ?hidden=${rows.length === 0}
        @mousedown=${(event: Event) => event.preventDefault()}
      >
        ${rows.map(
          (row, index) => html`
            <li
              part="option"
              role="option"
              id="option-${index}"
              tabindex="-1"
              aria-selected=${index === active}
              @click=${() => pick(row)}
            >
              <span part="name">${row.name}</span> <span part="detail">${detailOf(row)}</span>
            </li>
          `,
        )}
      </ul>
      ${
        remark &&
        html`
          <div>
            <p>${remark}</p>
            ${
              code
                ? renderButton(words.tryAgain, () => {
                    host.value = value;
                  })
                : state === "empty"
                  ? html`<slot name="empty"></slot>`
                  : nothing
            }
          </div>
        `
      }
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
