/** Records handed on to S3-compatible storage: the bytes that were stored, read back by another client and compared. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachDatabase } from "./support/databases.ts";
import { addDestination, lineNames, openExportDesk, record, recordNames, records } from "./support/export-desk.ts";
import { CREDENTIALS, startS3 } from "./support/s3-server.ts";

forEachDatabase((databases) => {
  test("what lies in the bucket are the records' own bytes, and each once", async (t) => {
    const desk = await openExportDesk(t, databases);
    const { endpoint, bucket, objects } = await startS3(t);
    const s3 = { kind: "s3", bucket, region: "us-east-1", endpoint, prefix: "mb/", credentials: CREDENTIALS } as const;
    const id = await addDestination(desk, s3);
    const link = await desk.connect("alma");
    const exact = {
      ...record("Observation", "o-exact"),
      body: '{"resourceType":"Observation","id":"o-exact","meta":{"versionId":"1"},"valueQuantity":{"value":1.10},"note":[{"text":"größer als 1,5 – ✓"}]}',
    };
    // Enough for several chunks of a stream, were it one.
    const all = [...records(2500), exact];
    for (let from = 0; from < all.length; from += 500) await desk.store(link, all.slice(from, from + 500));
    await desk.run(id, link);
    const stored = new Map([...(await objects())].filter(([key]) => key !== "mb/mb-connect-test"));
    const keys = [...stored.keys()];
    assert.ok(
      keys.every((key) => new RegExp(`^mb/${link.id}/run_[0-9A-Z]{26}\\.0000-\\w+\\.ndjson$`).test(key)),
      keys.join(),
    );
    const files = new Map([...stored].map(([key, body]) => [key, body.toString("utf8").trimEnd().split("\n")]));
    assert.deepEqual(lineNames(files).sort(), recordNames(all).sort());
    const lines = new Set([...files.values()].flat());
    for (const { type, body } of all) if (type !== "Patient") assert.ok(lines.has(body), body);
    const [run] = await desk.runs(id);
    assert.equal(run?.bytes, [...stored.values()].reduce((sum, body) => sum + body.byteLength, 0) - all.length);
  });

  test("it is tried when it is configured, and the refusal says what failed and what to do", async (t) => {
    const desk = await openExportDesk(t, databases);
    const { endpoint, bucket, gate } = await startS3(t);
    const s3 = { kind: "s3", bucket, region: "us-east-1", endpoint, credentials: CREDENTIALS } as const;
    const create = (changes: object) => desk.mb.destinations.create({ ...s3, ...changes });
    await assert.rejects(create({ bucket: "elsewhere" }), {
      code: "bad_request",
      reason: "http_404",
      param: "bucket",
      message: /make the bucket/,
    });
    await assert.rejects(
      create({ credentials: { ...CREDENTIALS, secret_access_key: "canary-secret" } }),
      (thrown: Error) => {
        assert.match(thrown.message, /403: check the keys/);
        assert.doesNotMatch(JSON.stringify(thrown) + thrown.message, /canary-secret/);
        return true;
      },
    );
    await assert.rejects(create({ endpoint: "http://10.0.0.1:9000" }), { code: "bad_request", param: "endpoint" });
    gate.alter = (body) => Buffer.concat([body, Buffer.from("\r\n0\r\n")]);
    await assert.rejects(create({}), {
      code: "bad_request",
      reason: "not_kept",
      message: /does not give back the bytes/,
    });
    gate.alter = (body) => body;
    assert.equal((await desk.mb.destinations.list()).data.length, 0, "nothing that cannot be used is kept");

    const { id } = await create({});
    assert.deepEqual((await desk.mb.destinations.test(id)).error, null);
    gate.shut = true;
    const { ok, error } = await desk.mb.destinations.test(id);
    assert.deepEqual([ok, error?.code], [false, "unreachable"]);
  });

  test("storage that is away fails the run, and has everything once it is back", async (t) => {
    const desk = await openExportDesk(t, databases);
    const { endpoint, bucket, gate, objects } = await startS3(t);
    const s3 = { kind: "s3", bucket, region: "us-east-1", endpoint, credentials: CREDENTIALS } as const;
    const id = await addDestination(desk, s3);
    const link = await desk.connect("alma");
    await desk.store(link, records(9));
    gate.shut = true;
    await assert.rejects(desk.run(id, link), { name: "DestinationError", code: "unreachable" });
    const state = async () => (await desk.runs(id)).map(({ status, error, records }) => [status, error, records]);
    assert.deepEqual(await state(), [["failed", "unreachable", 0]]);
    gate.shut = false;
    await desk.run(id, link);
    assert.deepEqual(await state(), [["ok", null, 9]]);
    const files = [...(await objects())].filter(([key]) => key.endsWith(".ndjson"));
    const lines = new Map(files.map(([key, body]) => [key, body.toString("utf8").trimEnd().split("\n")]));
    assert.deepEqual(lineNames(lines).sort(), recordNames(records(9)).sort());
  });
});
