/** `mb-connect doctor`: a set-up that works, and each way in which one does not, with what to do. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { readAudit } from "#server/audit.js";
import { importCatalog } from "#server/catalog/importer.js";
import type { Database } from "#server/store/database.js";
import { command, type Ran } from "./support/command.ts";
import { testDatabases } from "./support/databases.ts";
import { facility, jsonLines, listFolder } from "./support/source-lists.ts";

/** A server that says of itself what a test wants; it also stands in for the host, and publishes its keys. */
interface Odd {
  origin: string;
  configuration: Record<string, unknown>;
  status: number;
  date: () => Date;
  jwks: object | null;
  close(): void;
}

async function startOdd(): Promise<Odd> {
  const server = createServer((request, response) => {
    const json = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json", date: odd.date().toUTCString() });
      response.end(JSON.stringify(body));
    };
    if (request.url === "/api/.well-known/jwks.json" && odd.jwks) json(200, odd.jwks);
    else if (request.url === "/fhir/.well-known/smart-configuration") json(odd.status, odd.configuration);
    else json(404, {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const odd: Odd = {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    configuration: {},
    status: 200,
    date: () => new Date(),
    jwks: null,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return odd;
}

describe("doctor", () => {
  const databases = testDatabases("sqlite");
  const write = listFolder();
  let odd: Odd;
  let location: string;
  let database: Database;
  let runs = 0;
  let jwk: { kid: string; x: string; y: string; d: string };

  before(async () => {
    odd = await startOdd();
    jwk = JSON.parse((await command("keys", "new", "signing")).stdout);
  });
  beforeEach(async () => {
    location = await databases.location();
    database = await databases.open(location);
    const source = facility("Larkspur Clinic", { vendor: "Epic", fhirBaseUrl: `${odd.origin}/fhir` });
    const file = write("sources.jsonl", jsonLines([source]));
    await importCatalog(database, { files: [file], list: "odd" }, Date.now);
    odd.configuration = {
      authorization_endpoint: `${odd.origin}/authorize`,
      token_endpoint: `${odd.origin}/token`,
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["private_key_jwt", "client_secret_basic"],
      capabilities: ["permission-v2"],
    };
    odd.status = 200;
    odd.date = () => new Date();
    const { d: _, ...published } = jwk;
    odd.jwks = { keys: [published] };
  });
  after(() => odd.close());

  const registration = (match: object = { vendor: "Epic" }) => ({
    match,
    client_id: "clinic-app",
    token_endpoint_auth_method: "private_key_jwt",
  });
  const sealingKey = { kid: "a", key: randomBytes(32).toString("base64url") };

  /** Runs it on a config module with these changes of sound options. */
  async function doctor(change: object = {}, ...more: string[]): Promise<Ran> {
    const options = {
      publicUrl: `${odd.origin}/api`,
      homeUrl: odd.origin,
      appName: "Example",
      database: location,
      sealingKeys: [sealingKey],
      signingKeys: [jwk],
      returnUrls: [`${odd.origin}/connected`],
      registrations: [registration()],
      allowLoopback: true,
      ...change,
    };
    const text = `export const options = { patient: () => null, ...${JSON.stringify(options)} };`;
    return command("doctor", "--config", write(`config-${++runs}.mjs`, text), ...more);
  }

  test("a sound set-up: what to paste into the vendor's form, what will be asked, and nothing to do", async () => {
    const { code, stdout, stderr } = await doctor();
    assert.deepEqual([code, stderr], [0, ""], stdout);
    for (const line of [
      /^✓ catalog +sources that can be offered to patients: 1/m,
      new RegExp(`^✓ keys +${jwk.kid} \\(ES384\\) signs, and is published$`, "m"),
      /^vendor:epic, client clinic-app, private_key_jwt$/m,
      new RegExp(`redirect URI ${odd.origin}/api/callback$`, "m"),
      new RegExp(`JWKS URL +${odd.origin}/api/\\.well-known/jwks\\.json$`, "m"),
      /tried at +Larkspur Clinic \(fhirsrc_/,
      /^✓ clock +in step/m,
      /^✓ PKCE +S256$/m,
      /^✓ client +private_key_jwt is accepted$/m,
      /scopes +launch\/patient .* patient\/Observation\.rs /,
      // Epic's own words, out of its vendor file.
      /invalid_client: Either a non-production client id/,
      / 0 ! {2}0 ✗$/m,
    ]) {
      assert.match(stdout, line);
    }
    for (const secret of [jwk.d, sealingKey.key]) assert.ok(!stdout.includes(secret));

    const json = await doctor({}, "--json");
    const [report] = JSON.parse(json.stdout).registrations;
    assert.equal(report.redirect_uri, `${odd.origin}/api/callback`);
    assert.ok(report.checks.every(({ mark }: { mark: string }) => mark === "ok"));
  });

  const broken: [what: string, spoil: () => object | undefined, line: RegExp][] = [
    [
      "a host that publishes other keys",
      () => spoil({ jwks: { keys: [] } }),
      /^✗ keys .* is not what .* publishes\n.*→ Restart/m,
    ],
    ["private keys on show", () => spoil({ jwks: { keys: [jwk] } }), /^✗ keys .* gives away private keys\n.*→ /m],
    [
      "a registration that matches nothing",
      () => ({ registrations: [registration(), registration({ brand: "None" })] }),
      /^✗ sources +0 match.*\n.*→ Import/m,
    ],
    ["a server that is down", () => spoil({ status: 503 }), /^✗ discovery .*http_503.*\n.*→ /m],
    ["a server without endpoints", () => spoil({ configuration: {} }), /^✗ discovery .*names no endpoints.*\n.*→ /m],
    [
      "an endpoint inside a network",
      () => configured({ token_endpoint: "https://10.0.0.1/token" }),
      /^✗ endpoints .*\n.*→ /m,
    ],
    [
      "a token endpoint at a stranger's",
      () => configured({ token_endpoint: "https://evil.example/token" }),
      /^✗ endpoints .*does not belong.*\n.*token_hosts/m,
    ],
    [
      "no PKCE at a client that may not go without",
      () => configured({ code_challenge_methods_supported: ["plain"] }),
      /^✗ PKCE .*\n.*→ /m,
    ],
    [
      "a clock ten minutes behind",
      () => spoil({ date: () => new Date(Date.now() + 600_000) }),
      /^✗ clock +(599|600|601) s behind.*\n.*NTP/m,
    ],
    [
      "options that do not start",
      () => ({ homeUrl: "no", appName: "" }),
      /^✗ options +appName: .*\n✗ options +homeUrl: /m,
    ],
    ["a database that is not there", () => ({ database: "/no/such/file.db" }), /^✗ database +there is none/m],
    [
      "a database file that is something else",
      () => ({ database: write("text.db", "no database, but a text that is longer than a file's header".repeat(20)) }),
      /^✗ database +it cannot be opened: SQLITE_NOTADB;.*\n.*→ /m,
    ],
    [
      "a database server that is down",
      () => ({ database: "postgres://app:canary@127.0.0.1:1/app" }),
      /^✗ database +it cannot be used \(ECONNREFUSED\)\n.*→ /m,
    ],
  ];
  const spoil = (change: Partial<Odd>): undefined => void Object.assign(odd, change);
  const configured = (change: object): undefined => void Object.assign(odd.configuration, change);
  for (const [what, change, line] of broken) {
    test(`says what to do about ${what}, and ends with 1`, async () => {
      const { code, stdout, stderr } = await doctor(change());
      assert.deepEqual([code, stderr], [1, ""], stdout);
      assert.match(stdout, line);
      assert.ok(!stdout.includes("canary"));
    });
  }

  test("warns, and ends with 0, where it may be right as it is", async () => {
    odd.jwks = null;
    odd.date = () => new Date(Date.now() - 60_000);
    configured({ token_endpoint_auth_methods_supported: ["client_secret_post"] });
    const { code, stdout } = await doctor();
    assert.equal(code, 0, stdout);
    for (const line of [/^! keys .*cannot be read from here/m, /^! clock .*ahead of/m, /^! client .*not among/m]) {
      assert.match(stdout, line);
    }
  });

  test("D6: a token endpoint that moved is a fault until it is accepted by name, and the audit keeps who did", async () => {
    assert.equal((await doctor()).code, 0);
    configured({
      authorization_endpoint: "https://new.example.org/authorize",
      token_endpoint: "https://new.example.org/token",
    });
    // What another process learned within the hour would do for a host; the doctor asks anew.
    const base = `${odd.origin}/fhir`;
    const moved = await doctor();
    assert.equal(moved.code, 1);
    const change = `^✗ change .*token_endpoint_moved, from ${odd.origin}/token to https://new\\.example\\.org/token.*\n.*--accept-change ${base}$`;
    assert.match(moved.stdout, new RegExp(change, "m"));
    assert.match((await doctor({}, "--accept-change", `${odd.origin}/other`)).stdout, /^✗ change .*no change waits/m);
    const accepted = await doctor({}, "--accept-change", base);
    assert.equal(accepted.code, 0, accepted.stdout);
    assert.match(accepted.stdout, /^✓ change .*accepted/m);
    const audited = (await readAudit(database.db, null, 9)).filter(({ action }) => action === "change_accepted");
    assert.deepEqual(
      audited.map(({ actor, subject }) => [actor, subject]),
      [["operator", base]],
    );
  });

  test("a source is tried by its id; one that is not offered is a fault", async () => {
    const [row] = await database.db.selectFrom("sources").select("id").execute();
    const { code, stdout } = await doctor({}, "--source", row?.id ?? "");
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`tried at .*${row?.id}`));
    const none = await doctor({}, "--source", "fhirsrc_00000000000000000000000000");
    assert.deepEqual([none.code, /^✗ source +none of these ids/m.test(none.stdout)], [1, true], none.stdout);
  });

  test("says in one line what is wrong with the config module, and nothing that it threw", async () => {
    const wrong: [file: string, line: RegExp][] = [
      ["/no/such/config.mjs", /config\.mjs is not there/],
      [write("empty.mjs", "export const other = 1;"), /exports no options: export const options/],
      [write("throws.mjs", "throw new Error('canary');"), /cannot be loaded \(Error\)/],
    ];
    for (const [file, line] of wrong) {
      const { code, stdout, stderr } = await command("doctor", "--config", file);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, line);
      assert.ok(!stderr.includes("canary") && stderr.trimEnd().split("\n").length === 1, stderr);
    }
  });
});
