/** What a receiver believes: `Webhooks.constructEvent`, against signatures made here by the rules as they are told. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { WebhookSignatureError, Webhooks } from "@mb-connect/server";
import { Webhook } from "standardwebhooks";
import { newSecret, signatureHeaders } from "#server/webhook-signature.js";

const SECRET = "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlIQ==";
const NOW = 1_777_127_700_000;
const EVENT = {
  id: "evt_01KQ00000000000000000000AA",
  object: "event",
  type: "records.sync.completed",
  api_version: "2026-04-25",
  created_at: "2026-04-25T14:35:00.000Z",
  data: {
    object: { id: "conn_1", patient_id: "Zoë", connection_id: "fhirsrc_1", total: 3, errors: 0, duration_ms: 9 },
  },
};
const BODY = JSON.stringify(EVENT);

const sign = (body = BODY, secret = SECRET, t = NOW / 1000): string =>
  createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
const header = (t: number | string = NOW / 1000, v1 = sign(BODY, SECRET, Number(t))): string => `t=${t},v1=${v1}`;
const believe = (body: unknown, signature: unknown, secret: unknown = SECRET, now = NOW) =>
  Webhooks.constructEvent(body as string, signature as string, secret as string, { clock: () => now });
const refuses = (code: string, message: RegExp, ...given: Parameters<typeof believe>): void =>
  assert.throws(
    () => believe(...given),
    (thrown) => {
      assert.ok(thrown instanceof WebhookSignatureError && thrown instanceof Error);
      assert.equal(thrown.code, code);
      assert.match(thrown.message, message);
      for (const secret of [SECRET, sign(), "Zoë"]) assert.ok(!thrown.message.includes(secret));
      return true;
    },
  );

describe("an event that is ours", () => {
  test("is answered, whether its body is text or bytes", () => {
    const event = believe(BODY, header());
    assert.deepEqual(event, EVENT);
    assert.ok(event.type === "records.sync.completed" && event.data.object.total === 3);
    assert.deepEqual(believe(Buffer.from(BODY), header()), EVENT);
    assert.deepEqual(believe(new TextEncoder().encode(BODY), header()), EVENT);
  });

  test("is believed for one good signature among several, as while a secret is rotated", () => {
    const other = sign(BODY, newSecret());
    assert.deepEqual(believe(BODY, `t=${NOW / 1000},v1=${other},v1=${sign()}`), EVENT);
    assert.deepEqual(believe(BODY, `t=${NOW / 1000}, v0=abc, v1=${sign()}, v2=xyz`), EVENT);
    assert.deepEqual(believe(BODY, [header()]), EVENT);
  });

  test("is believed up to five minutes late or early", () => {
    for (const seconds of [-300, 300]) assert.deepEqual(believe(BODY, header(), SECRET, NOW + seconds * 1000), EVENT);
  });

  test("needs no clock given", () => {
    const t = Math.floor(Date.now() / 1000);
    assert.deepEqual(Webhooks.constructEvent(BODY, header(t), SECRET), EVENT);
  });
});

describe("what is not believed", () => {
  const mismatch = /No signature fits/;
  test("a body that was changed, or written anew", () => {
    refuses("signature_mismatch", mismatch, BODY.replace('"total":3', '"total":4'), header());
    refuses("signature_mismatch", mismatch, JSON.stringify(EVENT, null, 1), header());
    refuses("signature_mismatch", mismatch, `${BODY}\n`, header());
    refuses("signature_mismatch", mismatch, "", header());
  });

  test("another secret, and the secret without its first letters", () => {
    refuses("signature_mismatch", mismatch, BODY, header(), newSecret());
    refuses("signature_mismatch", mismatch, BODY, header(), SECRET.slice("whsec_".length));
  });

  test("a time that was not signed", () => {
    refuses("signature_mismatch", mismatch, BODY, header(NOW / 1000 + 1, sign()));
  });

  test("a replay, and a time to come", () => {
    for (const seconds of [-301, 301, -86_400]) {
      refuses("timestamp_outside_tolerance", /five minutes/, BODY, header(), SECRET, NOW + seconds * 1000);
    }
  });

  test("a body that was parsed, with a word on how not to", () => {
    for (const body of [EVENT, [EVENT], null, undefined, 7]) {
      refuses("body_not_raw", /express\.raw/, body, header());
    }
  });

  test("no signature, no secret", () => {
    for (const none of [undefined, null, "", []]) refuses("missing_header", /Medblocks-Signature/, BODY, none);
    for (const none of [undefined, null, ""]) refuses("missing_secret", /whsec_/, BODY, header(), none ?? "");
  });

  test("a header that is not of its form", () => {
    const good = sign();
    const odd = [
      "v1=",
      good,
      `v1=${good}`,
      `t=${NOW / 1000}`,
      `t=,v1=${good}`,
      `t=now,v1=${good}`,
      `t=-5,v1=${good}`,
      `t=1e9,v1=${good}`,
      `t=${NOW / 1000},t=${NOW / 1000},v1=${good}`,
      `t=${NOW / 1000},v1=${good.slice(2)}`,
      `t=${NOW / 1000},v1=${good}00`,
      `t=${NOW / 1000},v1=${"z".repeat(64)}`,
    ];
    for (const text of odd) refuses("malformed_header", /t=SECONDS,v1=HEX/, BODY, text);
  });

  test("what is signed and no event", () => {
    for (const body of ["not json", "null", "[]", '{"object":"list"}', '{"object":"event"}']) {
      refuses("malformed_event", /no event/, body, header(NOW / 1000, sign(body)));
    }
  });
});

describe("one secret", () => {
  test("is whsec_ and 32 bytes in base64, never the same twice", () => {
    const [one, other] = [newSecret(), newSecret()];
    assert.notEqual(one, other);
    assert.match(one, /^whsec_/);
    assert.equal(Buffer.from(one.slice(6), "base64").length, 32);
  });

  test("signs by its text in Medblocks-Signature, and by its bytes in the headers of Standard Webhooks", () => {
    const at = Date.now();
    const t = Math.floor(at / 1000);
    const headers = signatureHeaders([SECRET], { id: EVENT.id, body: BODY, at });
    assert.equal(headers["medblocks-signature"], `t=${t},v1=${sign(BODY, SECRET, t)}`);
    const bytes = Buffer.from(SECRET.slice("whsec_".length), "base64");
    const signed = createHmac("sha256", bytes).update(`${EVENT.id}.${t}.${BODY}`).digest("base64");
    assert.equal(headers["webhook-signature"], `v1,${signed}`);
    assert.deepEqual(new Webhook(SECRET).verify(BODY, headers), EVENT);
    assert.throws(() => new Webhook(newSecret()).verify(BODY, headers));
  });
});
