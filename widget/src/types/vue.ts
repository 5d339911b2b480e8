/** `import type {} from "@mb-connect/widget/types/vue"`: `<mb-connect>` in Vue's templates. */
import type { HTMLAttributes, PublicProps } from "vue";
import type { NamedListeners, Properties } from "../framework-types.ts";

declare module "vue" {
  interface GlobalComponents {
    "mb-connect": new () => { $props: Properties & NamedListeners & HTMLAttributes & PublicProps };
  }
}
