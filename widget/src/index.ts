/** The package's door: importing it defines `<mb-connect>`. The class alone is at `@mb-connect/widget/element`. */
import "./mb-connect-define.ts";

export {
  parseReturnUrl,
  type ReturnFailure,
  type ReturnResult,
  type ReturnSuccess,
} from "../../shared/src/return-url.ts";
export type { ClientFault, FaultCode, Pull, Source, SourcePage } from "./client.ts";
export type { ErrorDetail, MbConnectEventMap, RedirectDetail, SearchDetail, SelectDetail } from "./events.ts";
export { type CreateSession, MbConnect, type SearchConnections } from "./mb-connect-element.ts";
export type { PatientConnection } from "./screens.ts";
export type { ConnectState, Picked, PickReason } from "./state.ts";
export { ENGLISH, type OutcomeStep, type OutcomeWords, type Strings } from "./strings.ts";
