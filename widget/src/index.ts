/** The package's door: importing it defines `<mb-connect>`. The class alone is at `@mb-connect/widget/element`. */
import "./mb-connect-define.ts";
import { LOCALES } from "./locales.ts";
import { MbConnect } from "./mb-connect-element.ts";

Object.assign(MbConnect.locales, LOCALES);

export {
  parseReturnUrl,
  type ReturnFailure,
  type ReturnResult,
  type ReturnSuccess,
} from "../../shared/src/return-url.ts";
export type { ClientFault, FaultCode, PatientConnection, Pull, Source, SourcePage } from "./client.ts";
export type {
  DisconnectDetail,
  ErrorDetail,
  MbConnectEventMap,
  NotListedDetail,
  RedirectDetail,
  SearchDetail,
  SelectDetail,
} from "./events.ts";
export type { Locale, Locales } from "./locale.ts";
export { type CreateSession, MbConnect, type Relation, type SearchConnections } from "./mb-connect-element.ts";
export type { ConnectState, Picked, PickReason } from "./state.ts";
export { ENGLISH, type OutcomeStep, type OutcomeWords, type Strings } from "./strings.ts";
