/** The end that a patient wants: forgotten here, and at the hospital if it will. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { access } from "#server/access.js";
import type { Context } from "#server/context.js";
import { refresh } from "#server/flow/refresh.js";
import { compose } from "#server/mb-connect.js";
import { findConnection } from "#server/store/connections.js";
import type { Database } from "#server/store/database.js";
import type { Host } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { type Answer, connected, openTokenHost, type TokenServer } from "./support/token-server.ts";

forEachDatabase(({ location }) => {
  let host: Host<TokenServer>;
  let context: Context;
  let database: Database;
  let patients = 0;
  let user = "";
  let id = "";

  before(async () => {
    host = await openTokenHost({ database: await location() });
    ({ context, database } = compose(host.options, { clock: () => Date.now() + 3_600_000 }));
  });
  beforeEach(async () => {
    host.hospital.onRefresh((_request, usual) => usual());
    host.hospital.onRevoke(() => ({ status: 200 }));
    host.hospital.revoked.all.length = 0;
    user = `patient-${++patients}`;
    id = await connected(host, user);
  });
  after(async () => {
    await context.door.close();
    await database.close();
    await host.close();
  });

  const rowOf = async () => {
    const row = await findConnection(context.db, id);
    assert.ok(row);
    return row;
  };
  const forgotten = async () => {
    const { status, sealed_tokens, renewable } = await rowOf();
    assert.deepEqual(
      { status, sealed_tokens, renewable },
      { status: "disconnected", sealed_tokens: null, renewable: 0 },
    );
  };

  const ANSWERS: [string, Answer, string][] = [
    ["200", { status: 200 }, "revoked"],
    ["204", { status: 204 }, "revoked"],
    ["202 with a text", { status: 202, body: "accepted" }, "revoked"],
    ["401", { status: 401, body: { error: "invalid_client" } }, "refused"],
    ["503", { status: 503 }, "refused"],
    ["a connection that breaks", null, "refused"],
  ];
  for (const [name, answer, outcome] of ANSWERS) {
    test(`T13: revoked, the refresh token first, and forgotten here whatever the hospital says: ${name}`, async () => {
      host.hospital.onRevoke(() => answer);
      const { session_id } = await rowOf();
      await host.mb.patients.disconnectConnection(user, id);
      await forgotten();
      const [first, second] = host.hospital.revoked.all;
      assert.match(first ?? "", /^refresh-/);
      assert.match(second ?? "", /^access-/);
      const trail = await host.mb.patientSession.trail(session_id ?? "");
      assert.equal(trail.find(({ step }) => step === "revoked")?.outcome, outcome);
    });
  }

  test("T13: the tokens are gone here before the hospital has answered, however long it takes", async () => {
    let asked = (): void => {};
    const asking = new Promise<void>((resolve) => (asked = resolve));
    let answer = (): void => {};
    const answered = new Promise<Answer>((resolve) => (answer = () => resolve(null)));
    host.hospital.onRevoke(() => {
      asked();
      return answered;
    });
    const ending = host.mb.patients.disconnectConnection(user, id);
    await asking;
    await forgotten();
    answer();
    await ending;
  });

  test("T13: the route does the same, for the patient's own connection", async () => {
    const ask = (who: string) =>
      fetch(`${host.api}/patient-connections/${id}`, {
        method: "DELETE",
        headers: { "x-user": who, "content-type": "application/json", origin: host.url },
      });
    assert.equal((await ask("somebody-else")).status, 404);
    assert.equal((await rowOf()).status, "active");
    assert.equal((await ask(user)).status, 200);
    await forgotten();
    assert.equal(host.hospital.revoked.all.length, 2);
  });

  test("T13: a refresh under way does not bring it back, and what the refresh brought is revoked too", async () => {
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    host.hospital.onRefresh(async (_request, usual) => {
      await held;
      return usual();
    });
    const before = host.hospital.refreshes.all.length;
    const asking = assert.rejects(access(context, id), { code: "token_unavailable" });
    await host.hospital.refreshes.reach(before + 1);
    await host.mb.patients.disconnectConnection(user, id);
    const revoked = [...host.hospital.revoked.all];
    answer();
    await asking;
    await forgotten();
    const late = host.hospital.revoked.all.slice(revoked.length);
    assert.equal(late.length, 2);
    assert.ok(late.every((token) => !revoked.includes(token)));
  });

  test("T13: a patient deleted while a refresh is under way leaves nothing alive at the hospital", async () => {
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    host.hospital.onRefresh(async (_request, usual) => {
      await held;
      return usual();
    });
    const before = host.hospital.refreshes.all.length;
    const asking = assert.rejects(access(context, id), { code: "token_unavailable", reason: "deleted" });
    await host.hospital.refreshes.reach(before + 1);
    await host.mb.patients.delete(user);
    answer();
    await asking;
    assert.equal(host.hospital.revoked.all.length, 4);
  });

  test("T13: its job ends quietly, and a new grant starts it again", async () => {
    await host.mb.patients.disconnectConnection(user, id);
    const before = host.hospital.refreshes.all.length;
    host.logged.length = 0;
    await refresh(context, { payload: { connection_id: id } });
    assert.equal(host.hospital.refreshes.all.length, before);
    assert.deepEqual(host.logged, []);
    assert.equal(await connected(host, user), id);
    assert.equal((await rowOf()).status, "active");
    assert.equal((await access(context, id)).generation, 4, "a grant, its end, another grant, and its refresh");
  });
});
