/**
 * The element: its public properties, methods and events, one render for each state. It asks the host's own routes for
 * sources and for a session, leaves for the hospital, and on return reads how that ended from the page's address, and from
 * the host how the records arrive. It knows nothing else past leaving.
 */
import { html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { parseReturnUrl, type ReturnResult, stripReturnUrl } from "../../shared/src/return-url.ts";
import { announcementOf } from "./announcements.ts";
import { followArrival } from "./arrival.ts";
import {
  type ClientFault,
  deadline,
  leavingAddress,
  pageOf,
  requestPull,
  requestSession,
  requestSources,
  type Source,
  type SourcePage,
} from "./client.ts";
import { emit } from "./events.ts";
import { recallPick, rememberPick } from "./pick-memory.ts";
import { type PatientConnection, renderConnections, renderLeaving, renderOutcome } from "./screens.ts";
import { searchAsYouType } from "./search-as-you-type.ts";
import { renderCombobox } from "./source-combobox.ts";
import {
  type ConnectState,
  canceled,
  found,
  hasEnded,
  INITIAL,
  isLeaving,
  type Picked,
  type PickReason,
  picked,
  queryOf,
  reduce,
  returned,
  typed,
  type View,
} from "./state.ts";
import { fill, type OutcomeStep, type Strings, wordsOf } from "./strings.ts";
import { styles } from "./styles.ts";

const TIMEOUT_SECONDS = 30;

/** Every property, with its default. Those that hold no object have an attribute of the same name in kebab-case. */
const DEFAULTS = {
  searchUrl: "/api/connections",
  sessionUrl: "/api/patient-sessions",
  connectionsUrl: "/api/patient-connections",
  appName: undefined,
  patientId: undefined,
  label: undefined,
  hint: undefined,
  minLength: 2,
  limit: 20,
  returnMode: "auto",
  disabled: false,
  connections: [],
  strings: {},
  searchConnections: null,
  createSession: null,
  view: INITIAL,
  spoken: ["", ""],
};

/** Takes the place of the search request. */
export type SearchConnections = (query: string, how: { limit: number; signal: AbortSignal }) => Promise<SourcePage>;

/** Takes the place of the session request. */
export type CreateSession = (
  connection: Picked,
  how: { reason: PickReason; signal: AbortSignal },
) => Promise<{ url: string }>;

/**
 * A patient finds their hospital, signs in there and comes back connected.
 *
 * Attributes mirror the properties in kebab-case; `connections`, `strings` and the two transports are properties only.
 * A return is read from the page's address once, when the element enters the page, and the address is cleaned before
 * anything is painted; `result` holds it before `mb-return` is dispatched, so that late listeners lose nothing.
 *
 * @summary Hospital search, leaving for the portal, and how it ended.
 * @tagname mb-connect
 *
 * @attr {string} search-url - GET route that answers `{ data, has_more }` for `q` and `limit`; `/api/connections`
 * @attr {string} session-url - POST route that answers `{ url }` for `{ connectionId, patientId? }`; `/api/patient-sessions`
 * @attr {string} connections-url - GET route that tells how records arrive, asked after a success; empty asks nothing; `/api/patient-connections`
 * @attr {string} app-name - who receives the records, in the words the patient reads
 * @attr {string} patient-id - only a hint, normally absent: the host's login says who the patient is
 * @attr {string} label - label of the field
 * @attr {string} hint - what can be typed
 * @attr {number} min-length - characters before search begins; 2
 * @attr {number} limit - rows to ask for; 20
 * @attr {"auto" | "manual"} return-mode - `manual` leaves the page's address to the host, see `handleReturn`
 * @attr {boolean} disabled - nothing can be typed or started
 *
 * @slot heading - above the field's label
 * @slot empty - below "no match": where a link to another way belongs
 * @slot success - below the sentence of a success
 * @slot failure - below the sentence of any other end
 * @slot footer - at the end of every screen
 *
 * @event {CustomEvent<SearchDetail>} mb-search - an answer to what was typed is about to be shown
 * @event {CustomEvent<SelectDetail>} mb-select - a source was picked; cancel to take over, nothing is posted
 * @event {CustomEvent<RedirectDetail>} mb-redirect - about to leave; cancel to navigate by other means
 * @event {CustomEvent<ReturnResult>} mb-return - the patient has come back, in the wire's own names
 * @event {CustomEvent<ErrorDetail>} mb-error - search or the start of a session failed
 *
 * @csspart label - the field's label
 * @csspart notice - the sentence before leaving, the way out, an outcome
 * @csspart notice-title - an outcome's heading
 * @csspart hint - what can be typed
 * @csspart field - frame of input and clear button
 * @csspart input - the input
 * @csspart clear - button that empties the input
 * @csspart listbox - the rows
 * @csspart option - one row
 * @csspart name - a hospital's name
 * @csspart detail - a row's second line
 * @csspart button - every other button
 * @csspart link - a button that is the lesser of two, or cancels
 * @csspart connections - the patient's connections
 * @csspart connection - one of them
 *
 * @cssprop --mb-accent - buttons, focus and the active row
 * @cssprop --mb-on-accent - text on it
 * @cssprop --mb-text - text
 * @cssprop --mb-muted - secondary text
 * @cssprop --mb-surface - background of field, list and screens
 * @cssprop --mb-border - lines
 * @cssprop --mb-success - mark of a success
 * @cssprop --mb-danger - mark of a failure
 * @cssprop --mb-font - font family; the page's own
 * @cssprop --mb-radius - corners; 12px
 * @cssprop --mb-space - unit of distance; 1rem
 * @cssprop --mb-target - least height of what can be pressed; 48px
 */
export class MbConnect extends LitElement {
  static override styles = styles;

  static override properties = Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, value]) => [
      name,
      {
        attribute: typeof value !== "object" && name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
        type: value?.constructor,
        reflect: value === false,
      },
    ]),
  );

  declare searchUrl: string;
  declare sessionUrl: string;
  declare connectionsUrl: string;
  declare appName: string | undefined;
  declare patientId: string | undefined;
  declare label: string | undefined;
  declare hint: string | undefined;
  declare minLength: number;
  declare limit: number;
  declare returnMode: "auto" | "manual";
  declare disabled: boolean;
  /** The patient's connections, shown with a way to renew those that have ended. */
  declare connections: readonly PatientConnection[];
  /** Words that take the place of the built-in ones. */
  declare strings: Partial<Strings>;
  declare searchConnections: SearchConnections | null;
  declare createSession: CreateSession | null;
  declare private view: View;
  /** Two live regions used by turns: a sentence is heard even where it follows another closely. */
  declare private spoken: readonly [string, string];

  #internals = this.attachInternals();
  #search = searchAsYouType(
    async (query, signal) => {
      const { limit, searchConnections } = this;
      const own = searchConnections?.(query, { limit, signal });
      return pageOf(await (own ?? requestSources(this.searchUrl, query, limit, signal)), limit);
    },
    (query, page) => {
      this.#on(found(page));
      emit(this, "mb-search", { query, count: page.data.length, hasMore: page.has_more });
    },
    (error) => this.#on({ state: "empty", rows: [], code: this.#report("search", error) }),
  );
  #starting: AbortController | undefined;
  #following: object | undefined;
  #said = "";
  #speaking: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    Object.assign(this, DEFAULTS);
  }

  /** Registers the tag unless it is taken; for a tag or a registry of one's own, in place of the package's main entry. */
  static define(tag = "mb-connect", registry: CustomElementRegistry = customElements): void {
    if (!registry.get(tag)) registry.define(tag, tag === "mb-connect" ? MbConnect : class extends MbConnect {});
  }

  /** Where the patient is. */
  get state(): ConnectState {
    return this.view.state;
  }

  /** How the patient came back, in the wire's own names, or null. A hint for the page: the host's server knows the truth. */
  get result(): ReturnResult | null {
    return this.view.result;
  }

  /** What stands in the field; setting it searches. */
  get value(): string {
    return this.view.value;
  }

  set value(value: string) {
    this.#on(typed(value, this.minLength));
    if (this.state === "idle") this.#search.stop();
    else this.#search.ask(queryOf(value));
  }

  /** Focuses the outcome's heading where there is one, else the field. */
  override focus(options?: FocusOptions): void {
    this.#find("#title, #input")?.focus(options);
  }

  /** Empties the field. */
  clear(): void {
    this.value = "";
    this.focus();
  }

  /** Starts again with the last pick; without one, leads back to the search. */
  async retry(): Promise<void> {
    const pick = this.view.pick ?? recallPick();
    return pick ? this.#start(pick, "retry") : this.reset();
  }

  /** Back to the beginning: nothing typed, no outcome, nothing under way. */
  reset(): void {
    this.#stop();
    this.#on(INITIAL);
  }

  /** Renews a connection of `connections`, by its id; unknown ids are ignored. */
  async reconnect(id: string): Promise<void> {
    const connection = this.connections.find((one) => one.id === id);
    if (connection) return this.#start({ id: connection.connection_id, name: connection.name }, "reconnect");
  }

  /**
   * Shows how the patient came back. Without an argument it reads the page's own address and cleans it.
   *
   * @returns the result, or null where the URL is no return
   */
  handleReturn(url?: string): ReturnResult | null {
    const result = parseReturnUrl(url);
    if (!result) return null;
    if (url === undefined) history.replaceState(history.state, "", stripReturnUrl(location.href));
    this.#on(returned(result, recallPick()));
    if (result.success) rememberPick(null);
    this.#follow();
    void this.updateComplete.then(() => emit(this, "mb-return", result));
    return result;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("pointerdown", this.#pressedOutside);
    addEventListener("pageshow", this.#cameBack);
    if (this.returnMode === "manual" || !this.handleReturn()) this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("pointerdown", this.#pressedOutside);
    removeEventListener("pageshow", this.#cameBack);
    clearTimeout(this.#speaking);
    this.#stop();
    if (isLeaving(this.state)) this.#on(canceled(this.view));
  }

  protected override update(changed: PropertyValues): void {
    const root = this.renderRoot as ShadowRoot;
    const held = root.activeElement;
    super.update(changed);
    if (!changed.has("view")) return;
    this.#showStates();
    this.#find("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
    const { activeElement, body } = document;
    const free = held ?? (!activeElement || activeElement === body);
    const arrived = hasEnded(this.state) && (changed.get("view") as View | undefined)?.state !== this.state;
    if (free && (arrived || (held && !root.activeElement))) this.focus();
    if (!(free && arrived)) this.#speak();
  }

  protected override render(): TemplateResult {
    const { view, connections, spoken, disabled } = this;
    const pick = (row: Source) => void this.#start(row, "search");
    const words = wordsOf(this);
    return html`
      ${
        hasEnded(view.state)
          ? renderOutcome(view, words, this.#take)
          : html`
              <slot name="heading"></slot>
              <label part="label" for="input">${words.label}</label>
              <p part="notice" id="notice">${fill(words.notice, words)}</p>
              <p part="hint" id="hint">${words.hint}</p>
              ${renderCombobox(view, words, this, this.#on, pick)}
              ${
                isLeaving(view.state)
                  ? renderLeaving(view, words, this.#cancel)
                  : renderConnections(connections, words, disabled, (id) => void this.reconnect(id))
              }
            `
      }
      <slot name="footer"></slot>
      ${spoken.map((text) => html`<p role="status">${text}</p>`)}
    `;
  }

  #find(selector: string): HTMLElement | null {
    return this.renderRoot.querySelector(selector);
  }

  #on = (change: Partial<View>): void => {
    this.view = reduce(this.view, change);
  };

  async #start(pick: Picked, reason: PickReason): Promise<void> {
    if (this.disabled || isLeaving(this.state)) return;
    if (!emit(this, "mb-select", { connection: pick, reason }, true)) return;
    this.#stop();
    const own = deadline(TIMEOUT_SECONDS);
    const { signal } = own;
    this.#starting = own;
    this.#on(picked(pick));
    rememberPick(pick);
    try {
      const answer = this.createSession?.(pick, { reason, signal });
      const url = leavingAddress(await (answer ?? requestSession(this.sessionUrl, pick.id, this.patientId, signal)));
      if (own !== this.#starting) return;
      this.#on({ state: "redirecting" });
      if (emit(this, "mb-redirect", { url, connection: pick }, true)) {
        // Portals refuse frames, so the whole window leaves, unless whoever framed the page forbids it.
        open(url, "_top") ?? location.assign(url);
      }
    } catch (error) {
      if (own === this.#starting) this.#on({ state: "failed", code: this.#report("session", error) });
    }
  }

  /** Follows how the records arrive of what was just connected. */
  #follow(): void {
    const { result, connectionsUrl } = this;
    if (!result?.success || !connectionsUrl) return;
    const own = {};
    this.#following = own;
    const wanted = () => own === this.#following;
    const look = async (): Promise<boolean> => {
      try {
        const pull = await requestPull(connectionsUrl, result.connection_id);
        if (!wanted()) return false;
        if (pull) this.#on({ pull });
        return pull?.state !== "settled";
      } catch (error) {
        // A host without this route, or nobody signed in: nothing to wait for, and nothing to complain of.
        return ((error as ClientFault).status ?? 500) >= 500;
      }
    };
    void followArrival(look, wanted);
  }

  #cancel = (): void => {
    // The page may be on its way out already.
    if (this.state === "redirecting") stop();
    this.#stop();
    this.#on(canceled(this.view));
  };

  #take = (step: OutcomeStep): void => {
    if (step === "reload") location.reload();
    else if (step === "retry") void this.retry();
    else this.reset();
  };

  #stop(): void {
    this.#search.stop();
    this.#starting?.abort();
    this.#starting = undefined;
    this.#following = undefined;
  }

  /** Tells the page of a fault, and gives back the code that chooses the screen. */
  #report(phase: "search" | "session", error: unknown): string {
    const { code, status } = Object(error) as Partial<ClientFault>;
    // The browser's own errors carry numbers, which mean nothing here.
    const known = typeof code === "string" ? code : "internal_error";
    emit(this, "mb-error", { phase, status, code: known, error });
    return known;
  }

  #pressedOutside = (event: Event): void => {
    if (this.view.open && !event.composedPath().includes(this)) this.#on({ open: false });
  };

  /** Back from the portal to a page that the browser kept alive: nothing is under way any more. */
  #cameBack = (event: PageTransitionEvent): void => {
    if (event.persisted && isLeaving(this.state)) this.reset();
  };

  #speak(): void {
    const { text, delayMs } = announcementOf(this.view, wordsOf(this));
    clearTimeout(this.#speaking);
    if (text === this.#said) return;
    this.#said = "";
    if (!text) return;
    this.#speaking = setTimeout(() => {
      this.#said = text;
      this.spoken = this.spoken[0] ? ["", text] : [text, ""];
    }, delayMs);
  }

  #showStates(): void {
    const { state, open, code } = this.view;
    const { states } = this.#internals;
    // Engines without the set, or with its older form that took only dashed names, go without.
    try {
      states.clear();
      states.add(state);
      if (open) states.add("open");
      if (code !== null) states.add("error");
    } catch {}
  }
}
