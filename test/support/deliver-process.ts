/** A worker that delivers one webhook's events, to be killed. Its one argument is JSON: `{ options, webhook_id, ahead }`. */
import { deliver } from "#server/flow/deliver.js";
import { compose } from "#server/mb-connect.js";

const { options, webhook_id, ahead } = JSON.parse(process.argv[2] ?? "{}");
const { context } = compose({ ...options, patient: () => null }, { clock: () => Date.now() + ahead });
await deliver(context, { payload: { webhook_id } });
