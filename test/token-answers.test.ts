/** Token answers as hospitals send them, made into ones that an OAuth client reads. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lifeSeconds, normaliseTokenResponse, readExtras, readPatientId } from "#server/smart/token-response.js";

const normalise = async (body: unknown, init: ResponseInit = {}, quirks: { missing?: true; form?: true } = {}) => {
  const response = new Response(typeof body === "string" ? body : JSON.stringify(body), init);
  const result = await normaliseTokenResponse(response, {
    missing_token_type: quirks.missing ?? false,
    form_body: quirks.form ?? false,
  });
  return {
    status: result.response.status,
    body: (await result.response.json()) as Record<string, unknown>,
    aside: result.aside,
  };
};

describe("what OAuth says", () => {
  test("T7: optional members that are null or empty are dropped, an empty scope is kept", async () => {
    const raw = {
      access_token: "t",
      token_type: "Bearer",
      refresh_token: null,
      id_token: "",
      expires_in: null,
      scope: "",
    };
    assert.deepEqual((await normalise(raw)).body, { access_token: "t", token_type: "Bearer", scope: "" });
    assert.deepEqual((await normalise({ refresh_token: "", scope: null, token_type: null })).body, {});
    assert.deepEqual((await normalise({ scope: ["a", "b"] })).body, { scope: "a b" });
    assert.deepEqual((await normalise({ scope: [] })).body, { scope: "" });
  });

  test("T11: a life in words, in fractions, huge, absent or senseless is read, clamped or taken as five minutes", async () => {
    const life = async (expires_in: unknown) => {
      const { body } = await normalise({ expires_in });
      return lifeSeconds(body.expires_in as number | undefined);
    };
    assert.equal(await life(3600), 3600);
    assert.equal(await life("3600"), 3600);
    assert.equal(await life(16768.52), 16768.52);
    assert.equal(await life(1e9), 86_400);
    for (const none of [undefined, null, "", "soon", -1, 0, true, [60], {}]) assert.equal(await life(none), 300);
    assert.equal((await normalise('{"expires_in":1e999}')).body.expires_in, undefined);
  });

  test("T7: 201, a byte order mark and a wrong content type are read; an error in a 200 is an error", async () => {
    assert.equal((await normalise({ access_token: "t" }, { status: 201 })).status, 200);
    for (const type of ["text/html", "text/plain"]) {
      const read = await normalise(`\uFEFF{"access_token":"t"}`, { headers: { "content-type": type } });
      assert.deepEqual([read.status, read.body], [200, { access_token: "t" }]);
    }
    const plain = await normalise(
      { error: "invalid_grant" },
      { status: 400, headers: { "content-type": "text/plain" } },
    );
    assert.deepEqual([plain.status, plain.body], [400, { error: "invalid_grant" }]);
    assert.equal((await normalise({ error: "invalid_grant" })).status, 400);
    const challenge = await normaliseTokenResponse(
      Response.json({ error: "invalid_client" }, { status: 401, headers: { "www-authenticate": "Basic" } }),
      { missing_token_type: false, form_body: false },
    );
    assert.equal(challenge.response.headers.get("www-authenticate"), null);
    assert.deepEqual([challenge.response.status, await challenge.response.json()], [401, { error: "invalid_client" }]);
  });

  test("T7: an error that is null or empty beside a token is none", async () => {
    for (const error of [null, ""]) assert.equal((await normalise({ access_token: "t", error })).status, 200);
  });

  test("T7: HTML, an array and cut JSON are no answer, and the status is kept for who asks", async () => {
    for (const body of ["<html>", "[]", '{"access_token":"t"', "", "null", "access_token=t"]) {
      const read = await normalise(body);
      assert.deepEqual([read.status, read.aside.status], [502, 200]);
    }
    assert.equal((await normalise("<html>", { status: 503 })).status, 503);
  });

  test("T7: a form-encoded answer is read only where the profile says so", async () => {
    const form = "access_token=t&token_type=bearer&expires_in=3600&scope=a+b";
    assert.equal((await normalise(form)).status, 502);
    const read = await normalise(form, {}, { form: true });
    assert.deepEqual(read.body, { access_token: "t", token_type: "bearer", expires_in: 3600, scope: "a b" });
    assert.equal((await normalise("error=invalid_grant", { status: 400 }, { form: true })).body.error, "invalid_grant");
    assert.equal((await normalise("<html>a=b</html>", {}, { form: true })).status, 502);
  });

  test("T7: the id_token is set aside, and a missing token_type is Bearer only where the profile says so", async () => {
    const read = await normalise({ access_token: "t", id_token: "a.b.c" });
    assert.deepEqual([read.body, read.aside.id_token], [{ access_token: "t" }, "a.b.c"]);
    const odd = await normalise({ access_token: "t", id_token: { not: "text" } });
    assert.deepEqual([odd.body, odd.aside.id_token], [{ access_token: "t" }, null]);
    assert.deepEqual((await normalise({}, {}, { missing: true })).body, { token_type: "Bearer" });
  });
});

describe("what SMART and vendors add", () => {
  test("T8: a patient is a FHIR id, in text or a whole number", () => {
    assert.equal(readPatientId("eq081-VQ.EgP8"), "eq081-VQ.EgP8");
    assert.equal(readPatientId(1_234_567), "1234567");
    for (const none of [undefined, null, "", "Patient/1", "a b", "é", "x".repeat(65), 1.5, -1, {}, ["1"], true]) {
      assert.equal(readPatientId(none), null);
    }
  });

  test("T8: extras of wrong types count as left out; tokens, launch details and strangers' members are not kept", () => {
    const kept = (answer: unknown): unknown => JSON.parse(JSON.stringify(readExtras(answer)));
    assert.deepEqual(
      kept({
        access_token: "secret-1",
        refresh_token: "secret-2",
        patient: "p",
        ah_practice: 195_900,
        access_grant_expiration: "2027-12-01T10:00:00Z",
        need_patient_banner: "false",
        fhirContext: [
          { reference: "ImagingStudy/1", role: "launch", display: "Chest of Ms Invented" },
          { reference: 7, canonical: "https://example.org/q|1" },
        ],
        authorization_details: [{ type: "smart_on_fhir" }],
        patient_name: "Ms Invented",
      }),
      {
        ah_practice: "195900",
        access_grant_expiration: "2027-12-01T10:00:00Z",
        need_patient_banner: false,
        fhirContext: [{ reference: "ImagingStudy/1", role: "launch" }, { canonical: "https://example.org/q|1" }],
      },
    );
    const wrong = { ah_practice: {}, access_grant_expiration: 5, need_patient_banner: "perhaps", fhirContext: "x" };
    for (const one of Object.entries(wrong)) {
      const others = { ah_practice: "7", access_grant_expiration: "2027-12-01T10:00:00Z", need_patient_banner: true };
      const { [one[0]]: _, ...left } = others as Record<string, unknown>;
      assert.deepEqual(kept({ ...others, ...Object.fromEntries([one]) }), left);
    }
    for (const none of [{}, wrong, { fhirContext: [null] }, null, "text", []]) assert.equal(readExtras(none), null);
  });
});
