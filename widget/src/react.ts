"use client";
/**
 * The element as a React component, for React 18, and for 19 where pages are rendered on a server: there React attaches no
 * listeners of an element's own events. Needs `react` and `@lit/react`.
 */
import { createComponent, type EventName } from "@lit/react";
import React from "react";
import type { MbConnectEventMap } from "./events.ts";
import { MbConnect as Element } from "./index.ts";

type Named<Name extends keyof MbConnectEventMap> = EventName<MbConnectEventMap[Name]>;

/** `<MbConnect>`: every property of the element as a prop, every event as `onMb…`, the element itself as `ref`. */
export const MbConnect = createComponent({
  react: React,
  tagName: "mb-connect",
  elementClass: Element,
  events: {
    onMbSearch: "mb-search" as Named<"mb-search">,
    onMbSelect: "mb-select" as Named<"mb-select">,
    onMbRedirect: "mb-redirect" as Named<"mb-redirect">,
    onMbReturn: "mb-return" as Named<"mb-return">,
    onMbNotListed: "mb-not-listed" as Named<"mb-not-listed">,
    onMbDisconnect: "mb-disconnect" as Named<"mb-disconnect">,
    onMbError: "mb-error" as Named<"mb-error">,
  },
});
