/** What frameworks' own types need to know of the element, derived from its class and its events. Types only. */
import type { LitElement } from "lit";
import type { MbConnectEventMap } from "./events.ts";
import type { MbConnect } from "./mb-connect-element.ts";

type OwnNames = Exclude<keyof MbConnect, keyof LitElement | "state" | "result">;

/** The properties that a page can set. */
export type Properties = {
  [Name in OwnNames as MbConnect[Name] extends (...given: never[]) => unknown ? never : Name]?: MbConnect[Name];
};

type Kebab<Name> = Name extends `${infer First}${infer Rest}`
  ? `${Lowercase<First>}${Rest extends Uncapitalize<Rest> ? "" : "-"}${Kebab<Rest>}`
  : Name;

/** The same as attributes are written. */
export type Attributes = { [Name in keyof Properties as Kebab<Name>]?: Properties[Name] };

type Pascal<Name> = Name extends `${infer First}-${infer Rest}`
  ? `${Capitalize<First>}${Pascal<Rest>}`
  : Capitalize<`${Name & string}`>;

/** `onmb-select`, as React 19 and Svelte write listeners of an element's own events. */
export type Listeners = { [Name in keyof MbConnectEventMap as `on${Name}`]?: (event: MbConnectEventMap[Name]) => void };

/** `onMbSelect`, as the React wrapper and Vue name them. */
export type NamedListeners = {
  [Name in keyof MbConnectEventMap as `on${Pascal<Name>}`]?: (event: MbConnectEventMap[Name]) => void;
};
