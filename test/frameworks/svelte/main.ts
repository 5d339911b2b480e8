/** Svelte, with the bare tag in a template. Its types are those that Svelte's own tools look up for a tag. */
import type {} from "@mb-connect/widget/types/svelte";
import { mount } from "svelte";
import type { SvelteHTMLElements } from "svelte/elements";
import { search, strings } from "../clinic.ts";
import App from "./app.svelte";

mount(App, { target: document.body });

type Props = SvelteHTMLElements["mb-connect"];

export const right: Props = {
  searchConnections: search,
  strings,
  "connections-url": "",
  "onmb-search": ({ detail }) => detail.count.toFixed(),
};

// @ts-expect-error: a limit is a number
export const wrong: Props = { limit: "many" };
