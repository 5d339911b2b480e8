/** Vue, with the bare tag in a template. Its types are those that Vue's own tools look up for a tag. */
import type {} from "@mb-connect/widget/types/vue";
import { createApp, type GlobalComponents } from "vue";
import { search, strings } from "../clinic.ts";
import App from "./app.vue";

createApp(App).mount(document.body.appendChild(document.createElement("main")));

type Props = InstanceType<GlobalComponents["mb-connect"]>["$props"];

export const right: Props = {
  searchConnections: search,
  strings,
  onMbSearch: ({ detail }) => detail.count.toFixed(),
};

// @ts-expect-error: a limit is a number
export const wrong: Props = { limit: "many" };
