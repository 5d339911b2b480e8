/**
 * A process that needs access to a connection, for tests that kill it. Its argument is JSON: the host's options, the
 * connection, how far its clock is ahead, and the step at which it stops for good, telling its parent of it: `before_dial`
 * (the refresh is journalled and nothing sent), `before_commit` (the answer is there and nothing written), `after_commit`
 * (the tokens are stored and not used). Without a step it tells the generation and the access token that it was given.
 */
import { access } from "#server/access.js";
import { compose } from "#server/mb-connect.js";

const { options, connection_id, ahead, step } = JSON.parse(process.argv[2] ?? "{}");
const stopAt = (name: string): Promise<never> => {
  process.send?.({ stopped: name });
  return new Promise(() => {});
};
const { context } = compose({ ...options, patient: () => null }, { clock: () => Date.now() + ahead });
// The channel to the parent keeps the process alive while it stands still.
process.on("disconnect", () => process.exit());
process.on("message", async () => {
  const db = new Proxy(context.db, {
    get(target, name) {
      if (name === "transaction" && step === "before_commit") return () => ({ execute: () => stopAt(step) });
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const door = step === "before_dial" ? { ...context.door, request: () => stopAt(step) } : context.door;
  try {
    const { generation, access_token } = await access({ ...context, db, door }, connection_id);
    if (step === "after_commit") await stopAt(step);
    process.send?.({ generation, access_token });
  } catch (thrown) {
    process.send?.({ refused: (thrown as { code?: string }).code });
  }
});
process.send?.({ ready: true });
