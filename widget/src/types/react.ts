/** `import type {} from "@mb-connect/widget/types/react"`: `<mb-connect>` in React 19's JSX, as it is. */
import type * as React from "react";
import type { Listeners, Properties } from "../framework-types.ts";
import type { MbConnect } from "../mb-connect-element.ts";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "mb-connect": React.DetailedHTMLProps<React.HTMLAttributes<MbConnect>, MbConnect> & Properties & Listeners;
    }
  }
}
