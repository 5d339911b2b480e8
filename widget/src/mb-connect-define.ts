/** Registers `<mb-connect>`; a second copy of the package on the same page changes nothing. The single file is made of this. */
import { MbConnect } from "./mb-connect-element.ts";

declare global {
  interface HTMLElementTagNameMap {
    "mb-connect": MbConnect;
  }
}

MbConnect.define();

export { MbConnect };
