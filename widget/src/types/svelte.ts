/** `import type {} from "@mb-connect/widget/types/svelte"`: `<mb-connect>` in Svelte's templates. */
import type * as Svelte from "svelte/elements";
import type { Attributes, Listeners, Properties } from "../framework-types.ts";
import type { MbConnect } from "../mb-connect-element.ts";

declare module "svelte/elements" {
  interface SvelteHTMLElements {
    "mb-connect": Svelte.HTMLAttributes<MbConnect> & Properties & Attributes & Listeners;
  }
}
