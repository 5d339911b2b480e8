/**
 * The element: its public properties, methods and events, one render for each state. It asks the host's own routes for
 * sources and for a session, leaves for the hospital, and on return reads how that ended from the page's address, and from
 * the host how the records arrive. It knows nothing else past leaving.
 */
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { parseReturnUrl, type ReturnResult, stripReturnUrl } from "../../shared/src/return-url.ts";
import { AFTER_TYPING_MS, announcementOf } from "./announcements.ts";
import { followArrival } from "./arrival.ts";
import {
  type ClientFault,
  deadline,
  leavingAddress,
  type PatientConnection,
  pageOf,
  requestConnections,
  requestEnd,
  requestSession,
  requestSources,
  type SourcePage,
} from "./client.ts";
import { type ConnectionsActs, renderConnections, statusOf } from "./connections.ts";
import { type ErrorDetail, emit } from "./events.ts";
import { type Locales, localeOf, RIGHT_TO_LEFT } from "./locale.ts";
import { forgetPicks, recallPicks, rememberPick } from "./pick-memory.ts";
import { renderLeaving, renderOutcome } from "./screens.ts";
import { searchAsYouType } from "./search-as-you-type.ts";
import { type ComboboxActs, renderCombobox } from "./source-combobox.ts";
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
  type Row,
  reduce,
  returned,
  suggested,
  typed,
  unfolded,
  type View,
} from "./state.ts";
import { ENGLISH, fill, type OutcomeStep, type Strings, wordsOf } from "./strings.ts";
import { styles } from "./styles.ts";

const TIMEOUT_SECONDS = 30;
/** As many as the search route gives at once. */
const MOST_PLACES = 100;

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
  listMode: "combobox",
  disabled: false,
  relation: "self",
  connections: null,
  strings: {},
  searchConnections: null,
  createSession: null,
  view: INITIAL,
  spoken: ["", ""],
};

/** Whose records they are, which chooses some words: the patient's own, their child's, or somebody's they care for. */
export type Relation = "self" | "child" | "other";

/**
 * Takes the place of the search request. An empty query asks for what to suggest; `brand` is the id of a source whose other
 * places are wanted.
 */
export type SearchConnections = (
  query: string,
  how: { limit: number; signal: AbortSignal; brand?: string | undefined },
) => Promise<SourcePage>;

/** Takes the place of the session request. */
export type CreateSession = (
  connection: Picked,
  how: { reason: PickReason; signal: AbortSignal },
) => Promise<{ url: string }>;

/**
 * A patient finds their hospital, signs in there and comes back connected.
 *
 * Attributes mirror the properties in kebab-case; `connections`, `strings` and the two transports are properties only.
 * Nothing of what is typed is kept anywhere; the last picks are kept on this device only, until the patient has them
 * forgotten.
 * A return is read from the page's address once, when the element enters the page, and the address is cleaned before
 * anything is painted; `result` holds it before `mb-return` is dispatched, so that late listeners lose nothing.
 *
 * @summary Hospital search, leaving for the portal, and how it ended.
 * @tagname mb-connect
 *
 * @attr {string} search-url - GET route that answers `{ data, has_more }` for `q` and `limit`; `/api/connections`
 * @attr {string} session-url - POST route that answers `{ url }` for `{ connectionId, patientId? }`; `/api/patient-sessions`
 * @attr {string} connections-url - GET route for the patient's connections and how their records arrive, and with `/{id}` the DELETE that ends one; empty asks nothing; `/api/patient-connections`
 * @attr {string} app-name - who receives the records, in the words the patient reads
 * @attr {string} patient-id - only a hint, normally absent: the host's login says who the patient is
 * @attr {string} label - label of the field
 * @attr {string} hint - what can be typed
 * @attr {number} min-length - characters before search begins; 2
 * @attr {number} limit - rows to ask for; 20
 * @attr {"auto" | "manual"} return-mode - `manual` leaves the page's address to the host, see `handleReturn`
 * @attr {"combobox" | "buttons"} list-mode - rows as the options of a combobox, or as a plain list of buttons. The combobox is the default: one stop for a keyboard instead of one for each row, and keys that screen reader users know; with screen readers on a touch screen buttons may serve better, as `docs/assistive-technology.md` tells; `combobox`
 * @attr {"self" | "child" | "other"} relation - whose records they are, which chooses some words; `self`
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
 * @event {CustomEvent<NotListedDetail>} mb-not-listed - the patient says that their hospital is not listed
 * @event {CustomEvent<DisconnectDetail>} mb-disconnect - the patient has ended a connection
 * @event {CustomEvent<ErrorDetail>} mb-error - search, the start of a session or the end of a connection failed
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
 * @csspart logo - a hospital's logo, or the tile with its first letters
 * @csspart match - what of a name was typed
 * @csspart button - every other button
 * @csspart connections - the patient's connections
 * @csspart connection - one of them
 *
 * @cssState idle - nothing asked for
 * @cssState searching - an answer is awaited
 * @cssState results - rows are there
 * @cssState empty - none are, or (with `error`) search is down
 * @cssState starting - a session is being made
 * @cssState redirecting - the page is about to leave
 * @cssState connected - the patient came back connected
 * @cssState failed - declined, expired or gone wrong
 * @cssState open - the list is on show
 * @cssState error - something failed
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

  /**
   * The languages beside English, by tag in lower case: their words, or how to load their modules. The package's main entry
   * fills it with those of `@mb-connect/widget/locales/…`, each loaded where the page first needs it; the single file and
   * the class alone leave that to the page: `MbConnect.locales.es = () => import("/locales/es.js")`.
   */
  static locales: Locales = {};

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
  declare listMode: "combobox" | "buttons";
  declare disabled: boolean;
  declare relation: Relation;
  /**
   * The patient's connections. The host's route tells them, and tells them anew after the patient has ended one; a list that
   * the page sets is the page's, which sets it anew when it hears `mb-disconnect`. Until then what was ended here is shown as
   * such. Null until they are known; a page that knows them from the start sets them, so that nothing moves when they come.
   */
  declare connections: readonly PatientConnection[] | null;
  /** Words that take the place of the built-in ones. */
  declare strings: Partial<Strings>;
  /** Takes the place of the search request. */
  declare searchConnections: SearchConnections | null;
  /** Takes the place of the session request. */
  declare createSession: CreateSession | null;
  declare private view: View;
  /** Two live regions used by turns: a sentence is heard even where it follows another closely. */
  declare private spoken: readonly [string, string];

  #internals = this.attachInternals();
  #search = searchAsYouType(
    (query, signal) => this.#load(query, signal, this.limit),
    (query, page) => {
      if (this.state === "idle") return this.#suggest(page.data);
      this.#change(found(this.view, page));
      emit(this, "mb-search", { query, count: page.data.length, hasMore: page.has_more });
    },
    (error) => {
      // Without suggestions there is still the field.
      if (this.state === "idle") this.#suggest([]);
      else this.#change({ state: "empty", rows: [], ...this.#report("search", error) });
    },
  );
  #starting: AbortController | undefined;
  #following = {};
  #fetched: readonly PatientConnection[] | null = null;
  #ended = new WeakSet<PatientConnection>();
  #language: MutationObserver | undefined;
  #locale = ENGLISH;
  #shown: View | undefined;
  #said = "";
  #inside: Event | undefined;
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
    this.#change(typed(value, this.minLength));
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
    const pick = this.view.pick ?? recallPicks(false)[0];
    return pick ? this.#start(pick, "retry") : this.reset();
  }

  /** Back to the beginning: nothing typed, no outcome, nothing under way. */
  reset(): void {
    this.#stop();
    this.#change(INITIAL);
  }

  /** Renews a connection of `connections`, by its id; unknown ids are ignored. */
  async reconnect(id: string): Promise<void> {
    const connection = this.connections?.find((one) => one.id === id);
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
    this.#change(returned(result, recallPicks(false)[0] ?? null));
    if (result.success) forgetPicks(false);
    this.#follow();
    void this.updateComplete.then(() => emit(this, "mb-return", result));
    return result;
  }

  override connectedCallback(): void {
    // Before the first render, and after the properties that some frameworks set only once the element is in the page.
    queueMicrotask(() => {
      if (!this.isConnected) return;
      if (this.returnMode === "manual" || !this.handleReturn()) this.#follow();
      // Moved in the page, which ended the search.
      if (this.state === "searching") this.#search.ask(queryOf(this.value));
    });
    super.connectedCallback();
    this.addEventListener("pointerdown", this.#pressed);
    addEventListener("pointerdown", this.#pressed);
    addEventListener("pageshow", this.#cameBack);
    this.#language = new MutationObserver(() => this.requestUpdate());
    this.#language.observe(document, { subtree: true, attributeFilter: ["lang"] });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("pointerdown", this.#pressed);
    removeEventListener("pageshow", this.#cameBack);
    this.#language?.disconnect();
    clearTimeout(this.#speaking);
    this.#stop();
    this.#following = {};
    if (isLeaving(this.state)) this.#change(canceled(this.view));
  }

  /** Waits for a language that is still on its way, so that words do not change before the reader's eyes. */
  protected override async scheduleUpdate(): Promise<void> {
    // Frameworks set what a page leaves out to undefined or null.
    for (const [name, value] of Object.entries(DEFAULTS)) (this as Record<string, unknown>)[name] ??= value;
    this.#locale = await localeOf(this, MbConnect.locales);
    super.scheduleUpdate();
  }

  protected override update(changed: PropertyValues): void {
    const root = this.renderRoot as ShadowRoot;
    const held = root.activeElement;
    super.update(changed);
    const before = this.#shown;
    if (before === this.view) return;
    this.#shown = this.view;
    this.#showStates();
    const row = this.#find(`#option-${this.view.active}`);
    if (this.listMode !== "buttons") row?.scrollIntoView({ block: "nearest" });
    else if (before?.active !== this.view.active) row?.focus();
    const { activeElement, body } = document;
    const free = held ?? (!activeElement || activeElement === body);
    const arrived = hasEnded(this.state) && before?.state !== this.state;
    if (free && (arrived || (held && !root.activeElement))) this.focus();
    if (!(free && arrived)) this.#speak();
  }

  protected override render(): TemplateResult {
    const { view, spoken } = this;
    const words = this.#words();
    return html`<div lang=${words.lang} dir=${RIGHT_TO_LEFT.test(words.lang) ? "rtl" : nothing}>
      ${
        hasEnded(view.state)
          ? renderOutcome(view, words, this.#take, this.#copy, this.#said)
          : html`
              <slot name="heading"></slot>
              <label part="label" for="input">${words.label}</label>
              <p part="notice" id="notice">${fill(words.notice, words)}</p>
              <p part="hint" id="hint">${words.hint}</p>
              ${renderCombobox(view, words, this, this.#acts)}
              ${isLeaving(view.state) ? renderLeaving(view, words, this.#cancel) : renderConnections(this, this.#ended, view, words, this.#acts)}
            `
      }
      <slot name="footer"></slot>
      ${spoken.map((text) => html`<p role="status">${text}</p>`)}
    </div>`;
  }

  #words(): Strings {
    return wordsOf(this, this.#locale);
  }

  #find(selector: string): HTMLElement | null {
    return this.renderRoot.querySelector(selector);
  }

  #change = (change: Partial<View>): void => {
    this.view = reduce(this.view, change);
  };

  #suggest(recommended: readonly Row[]): void {
    this.#change(suggested(recallPicks(true), recommended));
  }

  #acts: ComboboxActs & ConnectionsActs = {
    change: this.#change,
    show: () => {
      if (this.state !== "idle" || this.view.rows.length > 0) this.#change({ open: true });
      else this.#search.ask("");
    },
    pick: (row) => void (row.unfolds ? this.#unfold(row) : this.#start(row, "search")),
    forget: () => {
      forgetPicks(true);
      this.#suggest(this.view.rows.filter(({ recent }) => !recent));
    },
    unlisted: () => {
      this.#change({ state: "empty", rows: [], open: true, unlisted: true });
      emit(this, "mb-not-listed", { query: queryOf(this.value) });
    },
    disconnect: async (connection) => {
      // Where the buttons go while it ends; nothing there can be pressed by mistake.
      this.#find("#connections")?.focus({ preventScroll: true });
      this.#change({ ending: { ...connection, told: "title" } });
      try {
        await requestEnd(this.connectionsUrl, connection.id);
        this.#ended.add(connection);
        this.#change({ ending: null });
        this.#say(`${connection.name}: ${statusOf("disconnected", this.#words())}`);
        this.#follow();
        emit(this, "mb-disconnect", { connection });
      } catch (error) {
        this.#report("disconnect", error);
        this.#change({ ending: { ...connection, told: "text" } });
      }
    },
  };

  async #unfold(row: Row): Promise<void> {
    try {
      const { signal } = deadline(TIMEOUT_SECONDS);
      const page = await this.#load(queryOf(this.value), signal, MOST_PLACES, row.id);
      this.#change(unfolded(this.view, row, page));
    } catch (error) {
      this.#report("search", error);
    }
  }

  async #load(query: string, signal: AbortSignal, limit: number, brand?: string): Promise<SourcePage> {
    const own = this.searchConnections?.(query, { limit, signal, brand });
    return pageOf(await (own ?? requestSources(this.searchUrl, { q: query, limit, brand }, signal)), limit);
  }

  async #start(pick: Picked, reason: PickReason): Promise<void> {
    if (this.disabled || isLeaving(this.state)) return;
    if (!emit(this, "mb-select", { connection: pick, reason }, true)) return;
    this.#stop();
    const own = deadline(TIMEOUT_SECONDS);
    const { signal } = own;
    this.#starting = own;
    this.#change(picked(pick));
    rememberPick(pick);
    try {
      const answer = this.createSession?.(pick, { reason, signal });
      const url = leavingAddress(await (answer ?? requestSession(this.sessionUrl, pick.id, this.patientId, signal)));
      if (own !== this.#starting) return;
      this.#change({ state: "redirecting" });
      if (emit(this, "mb-redirect", { url, connection: pick }, true)) {
        // Portals refuse frames, so the whole window leaves, unless whoever framed the page forbids it.
        open(url, "_top") ?? location.assign(url);
      }
    } catch (error) {
      if (own === this.#starting) this.#change({ state: "failed", ...this.#report("session", error) });
    }
  }

  /** Asks for the patient's connections once, and after a success until the records of what was connected are here. */
  #follow(): void {
    const { result, connectionsUrl } = this;
    if (!connectionsUrl) return;
    const own = {};
    this.#following = own;
    const wanted = () => own === this.#following;
    const look = async (): Promise<boolean> => {
      try {
        const list = await requestConnections(connectionsUrl);
        if (!wanted()) return false;
        if (this.connections === this.#fetched) this.connections = this.#fetched = list;
        if (!result?.success || result !== this.result) return false;
        const link = list.find((one) => one.connection_id === result.connection_id);
        if (link)
          this.#change({ link, pick: link.name ? { id: link.connection_id, name: link.name } : this.view.pick });
        return link?.pull?.state !== "settled";
      } catch (error) {
        // A host without this route, or nobody signed in: nothing to wait for, and nothing to complain of.
        return !!result?.success && ((error as ClientFault).status ?? 500) >= 500;
      }
    };
    void followArrival(look, wanted);
  }

  #cancel = (): void => {
    // The page may be on its way out already.
    if (this.state === "redirecting") stop();
    this.#stop();
    this.#change(canceled(this.view));
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
  }

  #copy = (code: string): void => {
    const copied = () => this.#say(this.#words().copied);
    // Pages without TLS have no clipboard, and frames may be forbidden it: the code can still be selected.
    navigator.clipboard?.writeText(code).then(copied, () => {});
  };

  /** Tells the page of a fault, and gives back what chooses the screen. */
  #report(phase: ErrorDetail["phase"], error: unknown): Pick<View, "code" | "support"> {
    const { code, status, request_id } = Object(error) as Partial<ClientFault>;
    // The browser's own errors carry numbers, which mean nothing here.
    const known = typeof code === "string" ? code : "internal_error";
    emit(this, "mb-error", { phase, status, code: known, error });
    return { code: known, support: `${request_id}` };
  }

  /** Closes the list where a press came by the window alone; its path leaves out the element where that is in a closed root. */
  #pressed = (event: Event): void => {
    if (event.currentTarget === this) this.#inside = event;
    else if (this.view.open && event !== this.#inside) this.#change({ open: false });
  };

  /** Back from the portal to a page that the browser kept alive: nothing is under way any more. */
  #cameBack = (event: PageTransitionEvent): void => {
    if (event.persisted && isLeaving(this.state)) this.reset();
  };

  #speak(): void {
    const { open, active } = this.view;
    const text = announcementOf(this.view, this.#words(), this.listMode);
    clearTimeout(this.#speaking);
    if (text === this.#said) return;
    this.#said = "";
    if (text) this.#speaking = setTimeout(() => this.#say(text), open && active < 0 ? AFTER_TYPING_MS : 0);
  }

  #say(text: string): void {
    this.#said = text;
    this.spoken = this.spoken[0] ? ["", text] : [text, ""];
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
