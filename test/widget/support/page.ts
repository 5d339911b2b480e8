/** A host's whole page in a frame, with the single-file build: loads, reloads and leaves like any page. */
import type { MbConnect } from "@mb-connect/widget";
import { type Mounted, mounted } from "./element.ts";

export interface Page {
  window: Window;
  at(): Mounted;
  /** Types, and picks the first row. */
  pick(query: string): Promise<void>;
  reload(): Promise<void>;
  /** The title of the page that is loaded next. */
  nextTitle(): Promise<string>;
  close(): void;
}

/** Opens the page with that query; resolves once the element has been rendered. */
export async function openPage(query: string): Promise<Page> {
  const frame = document.createElement("iframe");
  frame.title = "clinic";
  // What leaves here must not take the tests with it.
  frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
  const loaded = () => new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  const first = loaded();
  frame.src = `/host/page?${query}`;
  document.body.replaceChildren(frame);
  await first;
  const inside = () => frame.contentWindow as Window & typeof globalThis;
  const at = () => mounted(inside().document.querySelector("mb-connect") as MbConnect);
  const ready = () =>
    inside()
      .customElements.whenDefined("mb-connect")
      .then(() => at().element.updateComplete);
  await ready();
  return {
    window: inside(),
    at,
    async pick(text) {
      at().element.value = text;
      await at().until(() => at().options().length > 0, "there are rows");
      at().options()[0]?.click();
    },
    async reload() {
      const again = loaded();
      inside().location.reload();
      await again;
      await ready();
    },
    async nextTitle() {
      await loaded();
      return inside().document.title;
    },
    close: () => frame.remove(),
  };
}
