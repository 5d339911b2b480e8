/** Puts the element into the page, and reads it the way a patient meets it: by what is on show, focused and said. */
import type { MbConnect, MbConnectEventMap } from "@mb-connect/widget";
import "@mb-connect/widget";
import { executeServerCommand } from "@web/test-runner-commands";
import { ok } from "./assert.ts";

interface Asked {
  method: string;
  query: string | null;
  body: unknown;
  path: string;
}

/** An element in the page, with what it asked of its host. */
export interface Mounted {
  element: MbConnect;
  input(): HTMLInputElement;
  options(): HTMLElement[];
  /** Everything on show, as text. */
  text(): string;
  /** What the live regions say. */
  said(): string;
  button(name: string): HTMLButtonElement;
  find(selector: string): HTMLElement | null;
  /** Resolves once the condition holds; it is asked at every change of what is on show. */
  until(condition: () => unknown, what: string): Promise<void>;
  /** What the host was asked, oldest first. */
  asked(): Promise<Asked[]>;
  /** Resolves once the host saw its hanging request closed. */
  closed(): Promise<void>;
}

let marks = 0;

/** Mounts an element against a case of the host's, in place of the one before. */
export async function mount(kind = "sound", set: (element: MbConnect) => void = () => {}): Promise<Mounted> {
  document.body.replaceChildren();
  const base = `/host/${kind}/${Date.now()}-${marks++}`;
  const element = document.createElement("mb-connect");
  element.searchUrl = `${base}/connections`;
  element.sessionUrl = `${base}/patient-sessions`;
  element.connectionsUrl = `${base}/patient-connections`;
  element.appName = "Willow Clinic";
  set(element);
  document.body.append(element);
  await element.updateComplete;
  return mounted(element, base);
}

/** The same view of an element that stands somewhere already. */
export function mounted(element: MbConnect, base = ""): Mounted {
  const root = element.shadowRoot as ShadowRoot;
  const all = (selector: string): HTMLElement[] => [...root.querySelectorAll<HTMLElement>(selector)];
  const shown = (one: HTMLElement): boolean => one.checkVisibility();
  return {
    element,
    input: () => root.querySelector("input") as HTMLInputElement,
    options: () => all("[role=option]").filter(shown),
    text: () =>
      all("label, p:not([role]), h2, button, [part=name], span[part=detail]")
        .filter(shown)
        .map((one) => one.textContent?.trim())
        .join("\n"),
    said: () =>
      all("[role=status]")
        .map((one) => one.textContent)
        .join(""),
    find: (selector) => root.querySelector(selector),
    button(name) {
      const found = all("button").find((one) => shown(one) && one.textContent?.trim() === name);
      ok(found, `there is no button ${name}`);
      return found as HTMLButtonElement;
    },
    until: (condition, what) => until(root, condition, what),
    asked: async () => (await fetch(`${base}/log`)).json(),
    closed: async () => void (await fetch(`${base}/closed`)),
  };
}

function until(root: ShadowRoot, condition: () => unknown, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      observer.disconnect();
      clearTimeout(limit);
    };
    const check = () => {
      if (!condition()) return;
      stop();
      resolve();
    };
    const observer = new MutationObserver(check);
    const limit = setTimeout(() => {
      stop();
      reject(new Error(`still waiting until ${what}; on show: ${root.textContent?.replace(/\s+/g, " ")}`));
    }, 8_000);
    observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    check();
  });
}

/** Makes every wait of the page's short until the returned function is called: what comes after a pause comes at once. */
export function hurry(): () => void {
  const { setTimeout } = window;
  window.setTimeout = ((call: () => void, ms = 0) => setTimeout(call, ms > 2_000 ? ms : 0)) as typeof setTimeout;
  return () => {
    window.setTimeout = setTimeout;
  };
}

/** Stops the page's time; it passes when told, and what waits for it then comes in order. */
export function clock(): { now(): number; pass(ms: number): Promise<void>; end(): void } {
  const { setTimeout, clearTimeout } = window;
  const { now } = performance;
  const waiting = new Map<number, { at: number; call: () => void }>();
  let time = 0;
  let last = 0;
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  window.setTimeout = ((call: () => void, ms = 0) => {
    last += 1;
    waiting.set(last, { at: time + ms, call });
    return last;
  }) as typeof setTimeout;
  window.clearTimeout = ((id: number) => void waiting.delete(id)) as typeof clearTimeout;
  performance.now = () => time;
  return {
    now: () => time,
    async pass(ms) {
      const end = time + ms;
      for (;;) {
        await turn();
        const [next] = [...waiting].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at);
        if (!next) break;
        waiting.delete(next[0]);
        time = Math.max(time, next[1].at);
        next[1].call();
      }
      time = end;
    },
    end() {
      Object.assign(window, { setTimeout, clearTimeout });
      performance.now = now;
    },
  };
}

/** Resolves when everything that is ready to happen has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** Watches what moves in the page from now on, as the browser sees it; the function that it gives tells the texts of that. */
export async function watchMoves(): Promise<() => Promise<string[]>> {
  const control = document.createElement("p");
  control.textContent = "control";
  document.body.append(control);
  await settled();
  await settled();
  const moved: string[] = [];
  let over = false;
  const ended = new Promise<void>((resolve) => {
    new PerformanceObserver((list) => {
      for (const { sources } of list.getEntries() as (PerformanceEntry & { sources: { node: Node | null }[] })[]) {
        if (over && sources.some(({ node }) => node === control)) resolve();
        else moved.push(...sources.map(({ node }) => node?.textContent?.trim() ?? ""));
      }
    }).observe({ type: "layout-shift" });
  });
  return async () => {
    over = true;
    control.before(document.createElement("hr"));
    await ended;
    return moved;
  };
}

/** Presses keys of a real keyboard, one after another: `ArrowDown`, `Shift+Tab`, … */
export async function press(...keys: string[]): Promise<void> {
  for (const key of keys) {
    const parts = key.split("+");
    const last = parts.pop();
    for (const down of parts) await executeServerCommand("send-keys", { down });
    await executeServerCommand("send-keys", { press: last });
    for (const up of parts) await executeServerCommand("send-keys", { up });
  }
}

/** Types on a real keyboard. */
export async function type(text: string): Promise<void> {
  await executeServerCommand("send-keys", { type: text });
}

/** Presses the middle of something on show with a real mouse. */
export async function point(target: Element): Promise<void> {
  const { x, y, width, height } = target.getBoundingClientRect();
  const position = [Math.round(x + width / 2), Math.round(y + height / 2)];
  await executeServerCommand("send-mouse", { type: "click", position });
}

/** The next event of that name, as its detail; canceled where `cancel` says so. */
export function next<Name extends keyof MbConnectEventMap>(
  element: MbConnect,
  name: Name,
  cancel = false,
): Promise<MbConnectEventMap[Name]["detail"]> {
  return new Promise((resolve) => {
    element.addEventListener(
      name,
      (event) => {
        if (cancel) event.preventDefault();
        resolve((event as MbConnectEventMap[Name]).detail);
      },
      { once: true },
    );
  });
}

/** Types a query and waits for what comes of it. */
export async function search(at: Mounted, query: string): Promise<void> {
  at.input().focus();
  await type(query);
  await at.until(() => ["results", "empty"].includes(at.element.state), `an answer to ${query} is on show`);
  await at.element.updateComplete;
}
