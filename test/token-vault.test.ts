/** The vault: what is sealed opens only in its place and with its key. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { createTokenVault } from "#server/store/token-vault.js";

const key = (kid: string) => ({ kid, key: randomBytes(32).toString("base64url") });
const place = { table: "connections", id: "conn_1", column: "tokens" } as const;

test("what is sealed opens in its own place", () => {
  const vault = createTokenVault([key("a")]);
  const sealed = vault.seal({ access_token: "canary-token" }, place);
  assert.ok(!sealed.includes("canary"));
  assert.deepEqual(vault.open(sealed, place), { access_token: "canary-token" });
  assert.notEqual(vault.seal({ access_token: "canary-token" }, place), sealed, "no nonce is used twice");
});

test("a ciphertext moved to another row, column or table does not open", () => {
  const vault = createTokenVault([key("a")]);
  const sealed = vault.seal("secret", place);
  for (const other of [
    { ...place, id: "conn_2" },
    { ...place, column: "code" },
    { ...place, table: "attempts" as const },
  ]) {
    assert.throws(() => vault.open(sealed, other));
  }
});

test("a changed ciphertext, a cut tag and a renamed key do not open", () => {
  const vault = createTokenVault([key("a"), key("b")]);
  const sealed = vault.seal("secret", place);
  const [version, kid, body = ""] = sealed.split(".");
  const bytes = Buffer.from(body, "base64url");
  bytes[15] = (bytes[15] ?? 0) ^ 1;
  assert.throws(() => vault.open(`${version}.${kid}.${bytes.toString("base64url")}`, place));
  assert.throws(() => vault.open(`${version}.${kid}.${body.slice(0, -4)}`, place));
  assert.throws(() => vault.open(`${version}.b.${body}`, place));
  assert.throws(() => vault.open("nothing of ours", place));
});

test("after a rotation the first key seals and the old one still opens", () => {
  const [old, young] = [key("old"), key("young")];
  const sealed = createTokenVault([old]).seal("secret", place);
  const rotated = createTokenVault([young, old]);
  assert.equal(rotated.open(sealed, place), "secret");
  assert.match(rotated.seal("secret", place), /^v1\.young\./);
  assert.throws(() => createTokenVault([young]).open(sealed, place));
});

test("a signature holds for its purpose and text, and over a rotation", () => {
  const [old, young] = [key("old"), key("young")];
  const before = createTokenVault([old]);
  const after = createTokenVault([young, old]);
  const signature = before.sign("url", "ps_1");
  assert.ok(after.verify("url", "ps_1", signature));
  assert.ok(!after.verify("url", "ps_2", signature));
  assert.ok(!after.verify("other", "ps_1", signature));
  assert.ok(!after.verify("url", "ps_1", ""));
  assert.ok(!createTokenVault([young]).verify("url", "ps_1", signature));
});
