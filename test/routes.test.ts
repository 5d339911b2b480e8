/** Every route of the browser's, good and bad, as `supertest` sees it. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import request from "supertest";
import { openDatabase } from "#server/store/database.js";
import { patientConnection } from "#shared/connection.js";
import { ERRORS } from "#shared/errors.js";
import { fhirSource } from "#shared/source.js";
import { type Clinic, openClinic, patientBrowser } from "./support/clinic.ts";

let clinic: Clinic;
const signingKeys = await Promise.all(
  (["ES384", "RS384"] as const).map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(privateKey);
    return { ...jwk, alg, kid: await calculateJwkThumbprint(jwk) };
  }),
);
before(async () => {
  clinic = await openClinic({ options: { signingKeys } });
});
after(() => clinic.close());

/** The envelope of a refusal, checked against the registry. */
function envelope(response: request.Response, code: keyof typeof ERRORS, param: string | null = null): void {
  const { error } = response.body as { error: Record<string, unknown> };
  assert.equal(response.status, ERRORS[code].status);
  assert.deepEqual(Object.keys(error).sort(), ["code", "doc_url", "message", "param", "request_id", "type"]);
  assert.deepEqual([error.code, error.type, error.param], [code, ERRORS[code].type, param]);
  assert.equal(error.request_id, response.headers["x-request-id"]);
  assert.equal(response.headers["cache-control"], "no-store");
}

const post = (body: string | object | undefined, headers: Record<string, string> = {}) =>
  request(clinic.app)
    .post("/api/patient-sessions")
    .set({ origin: clinic.url, "content-type": "application/json", "x-user": "alma", ...headers })
    .send(body);

describe("GET connections", () => {
  test("answers sources in the wire's own shape", async () => {
    const response = await request(clinic.app).get("/api/connections").query({ q: "hospital", limit: 5 });
    assert.equal(response.status, 200);
    assert.equal(response.body.data.length, 5);
    for (const source of response.body.data) assert.deepEqual(fhirSource.parse(source), source);
    assert.equal(response.body.has_more, true);
  });

  test("a cursor goes on where the page ended, to the end and without repeats", async () => {
    const seen: string[] = [];
    let starting_after: string | undefined;
    do {
      const response = await request(clinic.app)
        .get("/api/connections")
        .query({ q: "hospital", limit: 20, starting_after });
      seen.push(...response.body.data.map(({ id }: { id: string }) => id));
      starting_after = response.body.next_cursor ?? undefined;
    } while (starting_after);
    assert.ok(seen.length > 20);
    assert.equal(new Set(seen).size, seen.length);
  });

  test("any text is answered", async () => {
    for (const q of ["", " ", "x", "a".repeat(10_000), "\u0000\u0007", "🏥", "' OR 1=1 --", ".*(", "%", "é́"]) {
      const response = await request(clinic.app).get("/api/connections").query({ q });
      assert.equal(response.status, 200, JSON.stringify(q.slice(0, 20)));
      assert.ok(Array.isArray(response.body.data));
    }
    assert.equal((await request(clinic.app).get("/api/connections?q=a&q=b")).status, 200);
  });

  test("what is no limit or no cursor is refused by name", async () => {
    for (const limit of ["0", "101", "abc", "1.5", "-1"]) {
      envelope(await request(clinic.app).get("/api/connections").query({ limit }), "bad_request", "limit");
    }
    const cursor = await request(clinic.app).get("/api/connections").query({ starting_after: "x" });
    envelope(cursor, "bad_request", "starting_after");
  });
});

describe("POST patient-sessions", () => {
  test("answers a url below publicUrl, and nothing else", async () => {
    const response = await post({ connectionId: await clinic.source() });
    assert.equal(response.status, 200);
    assert.deepEqual(Object.keys(response.body), ["url"]);
    assert.ok(response.body.url.startsWith(`${clinic.api}/connect/ps_`));
    assert.equal((await post({ connectionId: await clinic.source(), patientId: "alma" })).status, 200);
  });

  test("a malformed body is a bad_request that names the field", async () => {
    envelope(await post({}), "bad_request", "connectionId");
    envelope(await post({ connectionId: 7 }), "bad_request", "connectionId");
    envelope(await post({ connectionId: "conn_1" }), "bad_request", "connectionId");
    envelope(await post({ connectionId: await clinic.source(), extra: 1 }), "bad_request", "extra");
    envelope(await post({ connectionId: await clinic.source(), patientId: "" }), "bad_request", "patientId");
    envelope(await post("{"), "bad_request");
    envelope(await post("[]"), "bad_request");
    envelope(await post(undefined), "bad_request", "connectionId");
  });

  test("a body beyond 16 kB is payload_too_large", async () => {
    envelope(await post({ connectionId: "x".repeat(20_000) }), "payload_too_large");
  });

  test("a source unknown, retired or not registered for is resource_not_found", async () => {
    const database = openDatabase(clinic.database);
    const [retired, foreign] = [await clinic.source(null, 10), await clinic.source(null, 11)];
    await database.db.updateTable("sources").set({ status: "retired" }).where("id", "=", retired).execute();
    await database.db.updateTable("sources").set({ vendor: "Another", type: null }).where("id", "=", foreign).execute();
    await database.close();
    for (const connectionId of [`fhirsrc_${"0".repeat(26)}`, retired, foreign]) {
      envelope(await post({ connectionId }), "resource_not_found", "connection_id");
    }
  });

  test("nobody logged in is not_authenticated; another patient's id is patient_access_denied", async () => {
    const connectionId = await clinic.source();
    const nobody = await request(clinic.app)
      .post("/api/patient-sessions")
      .set({ origin: clinic.url, "content-type": "application/json" })
      .send({ connectionId });
    envelope(nobody, "not_authenticated");
    envelope(await post({ connectionId, patientId: "bela" }), "patient_access_denied", "patientId");
  });
});

describe("patient-connections", () => {
  test("lists the patient's own in the wire's shape, with an ETag that answers 304", async () => {
    await patientBrowser(clinic, "cato").connect(await clinic.source());
    const list = () => request(clinic.app).get("/api/patient-connections").set("x-user", "cato");
    const response = await list();
    assert.equal(response.body.data.length, 1);
    for (const one of response.body.data) assert.deepEqual(patientConnection.parse(one), one);
    const { etag } = response.headers;
    assert.ok(etag);
    assert.equal((await list().set("if-none-match", etag)).status, 304);
    assert.deepEqual((await list().set("x-user", "dora")).body.data, []);
    envelope(await request(clinic.app).get("/api/patient-connections"), "not_authenticated");
  });

  test("a disconnect ends the connection here and at the hospital, once and for all", async () => {
    await patientBrowser(clinic, "edda").connect(await clinic.source());
    const [connection] = (await clinic.mb.patients.retrieve("edda")).connections;
    const end = () =>
      request(clinic.app)
        .delete(`/api/patient-connections/${connection?.id}`)
        .set({ origin: clinic.url, "content-type": "application/json", "x-user": "edda" });
    const revoked = () => clinic.hospital.requests.filter(({ path }) => path.endsWith("/revoke")).length;
    const before = revoked();
    const response = await end();
    assert.deepEqual(response.body, { id: connection?.id, resource_type: "connection", disconnected: true });
    assert.equal(revoked(), before + 2, "refresh token and access token");
    assert.equal((await clinic.mb.patients.retrieve("edda")).connections[0]?.status, "disconnected");
    assert.equal((await end()).status, 200);
    assert.equal(revoked(), before + 2, "nothing is left to revoke");
    envelope(await end().set("x-user", "dora"), "resource_not_found", "id");
    const missing = await request(clinic.app)
      .delete("/api/patient-connections/conn_nothing")
      .set({ origin: clinic.url, "content-type": "application/json", "x-user": "edda" });
    envelope(missing, "resource_not_found", "id");
    envelope(await end().set("origin", "https://evil.example"), "forbidden");
  });
});

describe("GET .well-known/jwks.json", () => {
  test("publishes the public halves and no private member", async () => {
    const response = await request(clinic.app).get("/api/.well-known/jwks.json");
    assert.match(response.headers["cache-control"] ?? "", /max-age=3600/);
    const { keys } = response.body as { keys: Record<string, string>[] };
    assert.deepEqual(
      keys.map(({ kid, alg, use }) => ({ kid, alg, use })),
      signingKeys.map(({ kid, alg }) => ({ kid, alg, use: "sig" })),
    );
    for (const key of keys)
      assert.deepEqual(
        ["d", "p", "q", "dp", "dq", "qi", "k"].filter((member) => member in key),
        [],
      );
  });
});

describe("GET logos", () => {
  test("serves a catalog's logo from our own origin, an SVG sandboxed; what is no image is not found", async () => {
    const pictures: Record<string, [type: string, body: string]> = {
      "/logo.svg": [
        "image/svg+xml; charset=utf-8",
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
      ],
      "/page": ["text/html", "<script>alert(1)</script>"],
      "/huge.png": ["image/png", "x".repeat(300_000)],
    };
    const server = createServer(({ url = "" }, response) => {
      const [type, body] = pictures[url] ?? ["text/plain", ""];
      response.writeHead(type === "text/plain" ? 404 : 200, { "content-type": type }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const id = await clinic.source(null, 12);
    const database = openDatabase(clinic.database);
    const logo = async (path: string) => {
      await database.db.updateTable("sources").set({ logo_url: path }).where("id", "=", id).execute();
      return request(clinic.app).get(`/api/logos/${id}`);
    };
    const picture = await logo(`${origin}/logo.svg`);
    assert.equal(picture.status, 200);
    assert.match(picture.headers["content-type"] ?? "", /image\/svg/);
    assert.match(picture.headers["content-security-policy"] ?? "", /sandbox; default-src 'none'/);
    assert.match(picture.headers["x-content-type-options"] ?? "", /nosniff/);
    const inline = await logo(`data:image/png;base64,${Buffer.from("a picture").toString("base64")}`);
    assert.deepEqual([inline.status, inline.type, inline.body.toString()], [200, "image/png", "a picture"]);
    envelope(await logo(`data:text/html;base64,${Buffer.from("<script>").toString("base64")}`), "resource_not_found");
    for (const path of [
      `${origin}/page`,
      `${origin}/huge.png`,
      `${origin}/gone`,
      "http://169.254.169.254/x",
      "nothing",
    ]) {
      envelope(await logo(path), "resource_not_found");
    }
    envelope(await request(clinic.app).get(`/api/logos/${await clinic.source(null, 13)}`), "resource_not_found");
    await database.close();
    server.close();
  });
});

describe("what is no route of ours", () => {
  test("an address that cannot be decoded is a bad request in the envelope", async () => {
    envelope(await request(clinic.app).get("/api/connect/%E0%A4%A"), "bad_request");
  });

  test("a wrong method is told the right one", async () => {
    for (const [method, path, allow] of [
      ["post", "/api/connections", "GET, HEAD"],
      ["get", "/api/patient-sessions", "POST"],
      ["post", "/api/callback", "GET, HEAD"],
      ["put", "/api/patient-connections/x", "DELETE"],
      ["delete", "/api/.well-known/jwks.json", "GET, HEAD"],
    ] as const) {
      const response = await request(clinic.app)[method](path);
      envelope(response, "method_not_allowed");
      assert.equal(response.headers.allow, allow);
    }
  });

  test("the rest of the host's mount path is left to the host", async () => {
    clinic.app.get("/api/own", (_request, response) => {
      response.json({ own: true });
    });
    const response = await request(clinic.app).get("/api/own");
    assert.deepEqual(response.body, { own: true });
    assert.equal(response.headers["x-request-id"], undefined);
    assert.equal((await request(clinic.app).get("/api/nothing")).status, 404);
  });
});

test("too many requests are told to wait, a visit on a page of its own", async () => {
  const own = await openClinic();
  try {
    const visits = await Promise.all(
      Array.from({ length: 125 }, () => request(own.app).get("/api/connect/x").set("accept-language", "es-MX")),
    );
    const last = visits.filter(({ status }) => status === 429);
    assert.ok(last.length >= 5);
    assert.match(last[0]?.text ?? "", /<html lang="es">/);
    assert.ok(Number(last[0]?.headers["retry-after"]) > 0);
    const posts = await Promise.all(Array.from({ length: 125 }, () => request(own.app).post("/api/patient-sessions")));
    const refused = posts.filter(({ status }) => status === 429);
    assert.ok(refused.length >= 5);
    assert.equal(refused[0]?.body.error.code, "throttled");
  } finally {
    await own.close();
  }
});

test("a host whose patient function throws or answers nonsense gets a fault without a token call", async () => {
  for (const patient of [
    () => {
      throw new Error("canary-words");
    },
    () => ({ id: "alma" }) as never,
    () => "x".repeat(201),
  ]) {
    const own = await openClinic({ options: { patient } });
    try {
      const response = await request(own.app)
        .post("/api/patient-sessions")
        .set({ origin: own.url, "content-type": "application/json" })
        .send({ connectionId: await own.source() });
      assert.equal(response.status, 500);
      const page = await request(own.app).get("/api/callback?state=x&code=y");
      assert.equal(page.status, 500);
      assert.match(page.text, /<h1>/);
      assert.ok(!JSON.stringify([response.body, page.text, own.logged]).includes("canary"));
      assert.ok(own.logged.length >= 2, "the operator hears of it");
    } finally {
      await own.close();
    }
  }
});
