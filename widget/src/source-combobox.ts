/**
 * The search field with its list: an editable combobox with `aria-activedescendant`, or a field with buttons that take the
 * focus themselves, rendered into the element's own shadow root, because ids do not cross roots. The list stands in the flow
 * right after the field: touch screen readers reach it by swiping, no keyboard covers it, and zoom does not break it.
 *
 * @see WAI-ARIA Authoring Practices, Combobox pattern
 */
import { html, nothing, type TemplateResult } from "lit";
import { once, renderButton, renderLogo, renderName } from "./pieces.ts";
import { isLeaving, queryOf, type Row, type View } from "./state.ts";
import { fill, type Strings } from "./strings.ts";

/** How rows are offered: as the options of a combobox, or as buttons, each a stop for the Tab key. */
export type ListMode = "combobox" | "buttons";

/** What the combobox reads of the element. */
export interface ComboboxHost {
  /** A value that is set is searched for. */
  value: string;
  readonly listMode: ListMode;
  readonly disabled: boolean;
  readonly searchUrl: string;
  clear(): void;
}

/** What the patient can do with it. */
export interface ComboboxActs {
  change(change: Partial<View>): void;
  /** Puts the list on show; before anything is typed, with what is suggested. */
  show(): void;
  pick(row: Row): void;
  /** Has the picks of this device forgotten. */
  forget(): void;
  unlisted(): void;
}

/**
 * Acts on a key of the field or of its list. A key that is taken is kept from the browser and from the page: a dialog around
 * the element should close on Escape only when there is nothing left to close in here. Keys of an input method are never
 * taken.
 */
export function pressKey(event: KeyboardEvent, view: View, host: ComboboxHost, acts: ComboboxActs): void {
  const { key, altKey, ctrlKey, metaKey, isComposing } = event;
  const { rows, active, open, value, state } = view;
  const count = rows.length;
  const row = rows[active];
  const down = key === "ArrowDown";
  const up = key === "ArrowUp";
  if (isComposing || isLeaving(state)) return;
  if (altKey && up) acts.change({ open: false });
  // Control, Option and Space together are VoiceOver's command to show a list.
  else if (altKey && (ctrlKey ? key === " " : down)) acts.show();
  else if (altKey || ctrlKey || metaKey) return;
  else if (count && (up || down)) {
    acts.change({ open: true, active: (down ? active + 1 : Math.max(active, 0) + count - 1) % count });
  } else if (down) acts.show();
  else if (key === "Enter" && row) acts.pick(row);
  else if (key === "Escape" && open) acts.change({ open: false });
  else if (key === "Escape" && value) host.clear();
  else {
    // Tab moves on and text is edited as everywhere; either drops the active row, as every change does.
    if (host.listMode !== "buttons" && /^(Tab|Home|End|Arrow)/.test(key)) acts.change({ open: open && key !== "Tab" });
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** What a row is called. */
export function nameOf({ unfolds, locations, name }: Row, words: Strings): string {
  return unfolds ? fill(words.locations, { count: locations, name }) : name;
}

/** A row's second line: health system, place, portal; as much as is known and not said by the name. */
export function detailOf({ name, brand, city, state, zip, portal_name, distinction }: Row): string {
  const place = join(", ", city, join(" ", state, zip));
  return join(" · ", name.startsWith(brand ?? name) ? null : brand, place, distinction ?? portal_name);
}

function join(between: string, ...parts: (string | null | undefined)[]): string {
  return parts.filter(Boolean).join(between);
}

/** Renders the field, while there is something to show the list, and what stands below it. */
export function renderCombobox(view: View, words: Strings, host: ComboboxHost, acts: ComboboxActs): TemplateResult {
  const { value, rows, active, open, state } = view;
  const leaving = isLeaving(state);
  const listed = open && rows.length > 0;
  const buttons = host.listMode === "buttons";
  return html`
    <div part="field">
      <input
        part="input"
        id="input"
        role=${buttons ? "searchbox" : "combobox"}
        aria-autocomplete=${buttons ? nothing : "list"}
        aria-expanded=${buttons ? nothing : listed}
        aria-controls=${buttons ? nothing : "listbox"}
        aria-activedescendant=${listed && !buttons && active >= 0 ? `option-${active}` : nothing}
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
        @keydown=${(event: KeyboardEvent) => pressKey(event, view, host, acts)}
        @focus=${() => buttons && acts.change({})}
        @click=${() => acts.show()}
      />
      ${value && !leaving ? renderButton(words.clear, () => host.clear(), true, "clear") : nothing}
    </div>
    ${leaving ? nothing : renderResults(view, words, host, acts)}
  `;
}

/**
 * The list, and below it or in its place a remark and a button, which stay when the list closes: Tab does close it, and leads
 * to them. A press on the list is kept from moving the focus: it would blur the field first, and some browsers then drop the
 * click.
 */
function renderResults(
  view: View,
  words: Strings,
  host: ComboboxHost,
  acts: ComboboxActs,
): TemplateResult | typeof nothing {
  const { value, rows, active, open, turn, state, code, unlisted } = view;
  const buttons = host.listMode === "buttons";
  const remark = open || state === "empty" ? remarkOf(view, words) : "";
  const button = code
    ? renderButton(words.retry, () => {
        host.value = value;
      })
    : rows[0]?.recent
      ? renderButton(words.forget, () => acts.forget(), true)
      : unlisted || state === "idle" || (!rows[0] && state !== "empty")
        ? ""
        : renderButton(words.notListed, () => acts.unlisted(), true);
  if (!open && !remark && !button) return nothing;
  const foot =
    remark || button
      ? html`
          <div>
            ${remark && html`<p>${remark}</p>`}
            ${state === "empty" && !code ? html`<slot name="empty"></slot>` : nothing} ${button}
          </div>
        `
      : nothing;
  const list =
    open && rows[0]
      ? html`
          <ul
            part="listbox"
            id="listbox"
            role=${buttons ? "list" : "listbox"}
            aria-label=${words.label}
            @keydown=${(event: KeyboardEvent) => pressKey(event, view, host, acts)}
            @mousedown=${(event: Event) => event.preventDefault()}
          >
            ${rows.map((row, index) => {
              const inside = html`
                ${row.unfolds ? nothing : renderLogo(row, host.searchUrl)}
                <span part="name">${row.unfolds ? nameOf(row, words) : renderName(row)}</span>
                <span part="detail">${detailOf(row)}</span>
              `;
              const pick = once(() => acts.pick(row));
              return buttons
                ? html`
                    <li>
                      <button
                        part="option"
                        id=${`option-${index}`}
                        type="button"
                        @focus=${() => index === active || acts.change({ active: index })}
                        @click=${pick}
                      >${inside}</button>
                    </li>
                  `
                : html`
                    <li
                      part="option"
                      role="option"
                      id=${`option-${index}`}
                      tabindex="-1"
                      aria-selected=${index === active}
                      @click=${pick}
                    >${inside}</li>
                  `;
            })}
          </ul>
        `
      : nothing;
  const box = html`
    <div class=${open ? "results open" : "results"}>
      ${list}${/* Below rows it is another element than in their place, so that nothing moves. */ rows[0] ? html`${foot}` : foot}
    </div>
  `;
  return turn ? html`${box}` : box;
}

/** What stands below the rows or in their place, and is announced: more, none, searching, or that search is down. */
export function remarkOf({ state, code, rows, value, hasMore, unlisted }: View, words: Strings): string {
  if (code) return code === "offline" ? (words.outcomes.offline?.text ?? "") : words.searchDown;
  if (unlisted) return fill(words.unlisted, words);
  if (state === "empty") return fill(words.none, { query: queryOf(value) });
  if (rows.length === 0) return words.searching;
  return hasMore ? fill(words.countMore, { count: rows.length }) : "";
}
