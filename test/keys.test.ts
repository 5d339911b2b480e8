/** Keys: made, listed, rotated, dropped by command; and hosts that go on working while they change. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type MbConnect, type MbConnectOptions, mbConnect } from "@mb-connect/server";
import express from "express";
import { sql } from "kysely";
import { access } from "#server/access.js";
import { readAudit } from "#server/audit.js";
import type { Context } from "#server/context.js";
import { compose } from "#server/mb-connect.js";
import { readOptions } from "#server/options.js";
import type { Database } from "#server/store/database.js";
import { keyInUse, keyState } from "#server/store/key-ring.js";
import { countSealedBy, resealAll } from "#server/store/resealing.js";
import { createTokenVault } from "#server/store/token-vault.js";
import { startHospital } from "../demo/hospital/server.ts";
import { type Host, openHost, patientBrowser, until } from "./support/clinic.ts";
import { command } from "./support/command.ts";
import { forEachDatabase, testDatabases } from "./support/databases.ts";
import { listFolder } from "./support/source-lists.ts";
import { connected, openTokenHost, type TokenServer, tokenBrowser } from "./support/token-server.ts";

const HOUR = 60 * 60 * 1000;
type Keys = Required<Pick<MbConnectOptions, "sealingKeys" | "signingKeys">>;

const readKeys = (file: string): Keys => JSON.parse(readFileSync(file, "utf8"));
const retired = (file: string, ...rings: (keyof Keys)[]): void => {
  // As it would stand two days later: the newest key has been in use since yesterday.
  const keys = readKeys(file);
  const use_from = new Date(Date.now() - 25 * HOUR).toISOString();
  for (const ring of rings) keys[ring][0] = { ...keys[ring][0], use_from } as never;
  writeFileSync(file, JSON.stringify(keys));
};

describe("a ring of keys", () => {
  const key = (kid: string, use_from?: number) => ({
    kid,
    ...(use_from === undefined ? {} : { use_from: new Date(use_from).toISOString() }),
  });

  test("the first key whose time has come is in use; the oldest, where none has", () => {
    const ring = [key("next", 2000), key("now", 1000), key("old")];
    assert.equal(keyInUse(ring, 2000)?.kid, "next");
    assert.equal(keyInUse(ring, 1999)?.kid, "now");
    assert.equal(keyInUse(ring, 999)?.kid, "old");
    assert.equal(keyInUse([key("b", 2000), key("a", 1000)], 1)?.kid, "a");
    assert.equal(keyState(ring, "next", 1500)?.state, "waits");
    assert.deepEqual(keyState(ring, "old", 1500), { state: "retired", until: 1000 + 24 * HOUR });
  });

  test("a vault seals and signs with a key from its time on, and opens with it before", () => {
    const [old, next] = ["old", "next"].map((kid, n) => ({ kid, key: Buffer.alloc(32, n).toString("base64url") }));
    assert.ok(old && next);
    const ring = [{ ...next, use_from: new Date(1000).toISOString() }, old];
    const place = { table: "connections", id: "c", column: "tokens" } as const;
    const at = (now: number) => createTokenVault(ring, { clock: () => now });
    assert.match(at(999).seal("x", place), /^v1\.old\./);
    assert.match(at(1000).seal("x", place), /^v1\.next\./);
    assert.equal(at(999).open(at(1000).seal("x", place), place), "x");
    assert.ok(at(999).verify("url", "ps", at(1000).sign("url", "ps")));
    assert.notEqual(at(999).sign("url", "ps"), at(1000).sign("url", "ps"));
  });
});

describe("the commands", () => {
  const databases = testDatabases("sqlite");
  const write = listFolder();
  const fileOf = (name: string) => join(write("beside", ""), "..", name);
  const secrets = (keys: Keys) => [...keys.sealingKeys.map(({ key }) => key), ...keys.signingKeys.map(({ d }) => d)];

  test("make a key file that only its owner reads, and that the options take as it is", async () => {
    const file = fileOf("first.json");
    for (const purpose of ["sealing", "signing"]) {
      const made = await command("keys", "new", purpose, "--file", file);
      assert.equal(made.code, 0, made.stderr);
      assert.match(made.stdout, new RegExp(`^${purpose}-[0-9a-f]{12}\n$`));
    }
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const configuration = readOptions({
      publicUrl: "https://app.example.com/api",
      homeUrl: "https://app.example.com/",
      appName: "Example",
      patient: () => null,
      returnUrls: ["https://app.example.com/connected"],
      registrations: [{ match: { vendor: "x" }, client_id: "a", token_endpoint_auth_method: "private_key_jwt" }],
      ...readKeys(file),
    });
    assert.equal(configuration.registrations.get("vendor:x")?.credentials.signingKey?.alg, "ES384");
    const again = await command("keys", "new", "sealing", "--file", file);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /holds a sealing key already: mb-connect keys rotate sealing/);
  });

  test("S11: refuse a key file that others may read", { skip: process.platform === "win32" }, async () => {
    const file = fileOf("open.json");
    await command("keys", "new", "sealing", "--file", file);
    const content = readFileSync(file, "utf8");
    for (const mode of [0o640, 0o604]) {
      chmodSync(file, mode);
      const refused = await command("keys", "rotate", "sealing", "--file", file);
      assert.deepEqual([refused.code, refused.stdout], [1, ""]);
      assert.match(refused.stderr, /open\.json may be read or written by others: chmod 600 .*open\.json$/m);
      assert.equal(readFileSync(file, "utf8"), content);
    }
    chmodSync(file, 0o600);
    assert.equal((await command("keys", "rotate", "sealing", "--file", file)).code, 0);
  });

  test("T5: rotation adds a key that waits: it is published at once and signs an hour later at the soonest", async () => {
    const file = fileOf("rotated.json");
    for (const purpose of ["sealing", "signing"]) await command("keys", "new", purpose, "--file", file);
    for (const purpose of ["sealing", "signing"]) {
      const rotated = await command("keys", "rotate", purpose, "--file", file);
      assert.equal(rotated.code, 0, rotated.stderr);
      assert.match(rotated.stderr, /It is used from .* Restart every process of the host before /);
    }
    const soon = await command("keys", "rotate", "signing", "--file", file, "--in", "0.5");
    assert.deepEqual([soon.code, soon.stdout], [1, ""]);
    assert.match(soon.stderr, /--in takes hours, 1 or more/);

    assert.equal(statSync(file).mode & 0o777, 0o600);
    const keys = readKeys(file);
    for (const ring of [keys.sealingKeys, keys.signingKeys]) {
      assert.equal(ring.length, 2);
      assert.ok(Date.parse(ring[0]?.use_from ?? "") > Date.now() + 23 * HOUR);
      assert.equal(keyInUse(ring as { kid: string }[], Date.now())?.kid, ring[1]?.kid);
    }
    const words = await command("keys", "list", "--file", file);
    assert.deepEqual(
      words.stdout
        .trimEnd()
        .split("\n")
        .map((line) => /(sealing|signing) .*(waits|in use)/.exec(line)?.slice(1)),
      [
        ["sealing", "waits"],
        ["sealing", "in use"],
        ["signing", "waits"],
        ["signing", "in use"],
      ],
    );
    const json = await command("keys", "list", "--file", file, "--json");
    assert.equal(JSON.parse(json.stdout).length, 4);
    for (const secret of secrets(keys)) assert.ok(secret && !`${words.stdout}${json.stdout}`.includes(secret));
  });

  test("T5: no key is dropped while it is in use, nor within 24 h after", async () => {
    const file = fileOf("dropped.json");
    await command("keys", "new", "signing", "--file", file);
    const [first] = readKeys(file).signingKeys;
    const drop = () => command("keys", "drop", first?.kid ?? "", "--file", file);
    assert.match((await drop()).stderr, /is in use: rotate first/);
    await command("keys", "rotate", "signing", "--file", file);
    assert.match((await drop()).stderr, /is in use: rotate first/);
    const keys = readKeys(file);
    keys.signingKeys[0] = { ...keys.signingKeys[0], use_from: new Date(Date.now() - 23 * HOUR).toISOString() };
    writeFileSync(file, JSON.stringify(keys));
    assert.match((await drop()).stderr, /was in use less than 24 h ago: drop it from /);
    retired(file, "signingKeys");
    assert.equal((await drop()).code, 0);
    assert.deepEqual(
      readKeys(file).signingKeys.map(({ kid }) => kid),
      [keys.signingKeys[0]?.kid],
    );
  });

  test("T5: where the next key says no time of use, the 24 h count from its making; unknown, the old one stays", async () => {
    const file = fileOf("pasted.json");
    for (const purpose of ["signing", "sealing"]) await command("keys", "new", purpose, "--file", file);
    const keys = readKeys(file);
    const [old] = keys.signingKeys;
    const next = JSON.parse((await command("keys", "new", "signing")).stdout);
    const drop = (made: object) => {
      writeFileSync(file, JSON.stringify({ ...keys, signingKeys: [{ ...next, ...made }, old] }));
      return command("keys", "drop", old?.kid ?? "", "--file", file);
    };
    const ago = (hours: number) => ({ created_at: new Date(Date.now() - hours * HOUR).toISOString() });
    assert.match((await drop(ago(23))).stderr, /was in use less than 24 h ago: drop it from /);
    assert.match((await drop({})).stderr, new RegExp(`nobody can tell .*: give ${next.kid} its created_at in `));
    assert.equal((await drop(ago(25))).code, 0);
  });

  test("S11: no key is dropped or added on the word of a database that is not there", async () => {
    const file = fileOf("elsewhere.json");
    await command("keys", "new", "sealing", "--file", file);
    await command("keys", "rotate", "sealing", "--file", file);
    retired(file, "sealingKeys");
    const before = readKeys(file);
    const old = before.sealingKeys.at(-1)?.kid ?? "";
    for (const words of [["drop", old], ["rotate", "sealing"], ["reseal"]]) {
      const { code, stderr } = await command("keys", ...words, "--file", file, "--database", `${file}.db`);
      assert.equal(code, 1);
      assert.match(stderr, /there is no database at .*elsewhere\.json\.db: /);
    }
    assert.deepEqual(readKeys(file), before);
    assert.equal(existsSync(`${file}.db`), false);
  });

  test("S11: a sealing key that waits is not dropped, since running hosts seal with it when its time comes", async () => {
    const file = fileOf("waiting.json");
    const location = await databases.location();
    await databases.open(location);
    await command("keys", "new", "sealing", "--file", file);
    const rotated = await command("keys", "rotate", "sealing", "--file", file);
    const waiting = rotated.stdout.trim();
    const dropped = await command("keys", "drop", waiting, "--file", file, "--database", location);
    assert.deepEqual([dropped.code, dropped.stdout], [1, ""]);
    assert.match(dropped.stderr, /waits, and running hosts may know it: they seal with it from .*Z/);
    assert.ok(readKeys(file).sealingKeys.some(({ kid }) => kid === waiting));
  });

  test("S11: a sealing key is dropped only when nothing in the database needs it, and the audit says who did what", async () => {
    const file = fileOf("resealed.json");
    const location = await databases.location();
    const { db } = await databases.open(location);
    await command("keys", "new", "sealing", "--file", file);
    const [old] = readKeys(file).sealingKeys;
    assert.ok(old);
    const place = { table: "attempts", column: "verifier" } as const;
    const seal = (id: string) => createTokenVault([old]).seal(`of ${id}`, { ...place, id });
    await insertAttempt(db, "a", seal("a"));
    await insertAttempt(db, "b", seal("b"));
    await insertAttempt(db, "lost", "v1.gone.AAAA");
    await command("keys", "rotate", "sealing", "--file", file, "--in", "0", "--database", location);
    retired(file, "sealingKeys");

    const drop = (...more: string[]) => command("keys", "drop", old.kid, "--file", file, ...more);
    assert.match((await drop()).stderr, /name the --database/);
    assert.match((await drop("--database", location)).stderr, /still seals 2 values: mb-connect keys reseal/);
    const resealed = await command("keys", "reseal", "--file", file, "--database", location);
    assert.match(resealed.stdout, /^2 values sealed anew by sealing-/);
    assert.deepEqual([resealed.code, /1 cannot be opened/.test(resealed.stderr)], [1, true]);
    assert.equal((await drop("--database", location)).code, 0);

    const vault = createTokenVault(readKeys(file).sealingKeys);
    const row = await db.selectFrom("attempts").select("sealed_verifier").where("id", "=", "a").executeTakeFirst();
    assert.equal(vault.open(row?.sealed_verifier ?? "", { ...place, id: "a" }), "of a");
    assert.deepEqual(
      (await readAudit(db, null, 9)).map(({ action, actor, subject }) => [action, actor, subject]),
      [
        ["key_added", "operator", vault.kid()],
        ["values_resealed", "operator", vault.kid()],
        ["key_dropped", "operator", old.kid],
      ],
    );
  });

  test("S11: what a host writes while its row is sealed anew stays", async () => {
    const { db } = await databases.open();
    const [old, next] = ["old", "next"].map((kid, n) => ({ kid, key: Buffer.alloc(32, n).toString("base64url") }));
    assert.ok(old && next);
    const place = { table: "attempts", column: "verifier", id: "a" } as const;
    const [before, vault] = [createTokenVault([old]), createTokenVault([next, old])];
    await insertAttempt(db, "a", before.seal("first", place));
    const written = before.seal("second", place);
    const writes: Promise<unknown>[] = [];
    const overtaken: typeof vault = {
      ...vault,
      open(sealed, at) {
        writes.push(db.updateTable("attempts").set({ sealed_verifier: written }).execute());
        return vault.open(sealed, at);
      },
    };
    assert.deepEqual(await resealAll(db, overtaken), { resealed: 0, unreadable: 0, changed: 1 });
    await Promise.all(writes);
    const row = await db.selectFrom("attempts").select("sealed_verifier").executeTakeFirstOrThrow();
    assert.equal(vault.open(row.sealed_verifier ?? "", place), "second");
    assert.deepEqual(await resealAll(db, vault), { resealed: 1, unreadable: 0, changed: 0 });
  });

  test("say in one line what is wrong, and never what stands in the file", async () => {
    const absent = fileOf("absent.json");
    const writeOwn = (name: string, content: unknown) => {
      const file = write(name, content);
      chmodSync(file, 0o600);
      return file;
    };
    const odd = writeOwn("odd.json", { sealingKeys: [{ kid: "a", key: "canary", more: "canary" }] });
    const wrong: [words: string[], line: RegExp][] = [
      [["list", "--file", absent], /absent\.json cannot be read; a key file is made by: mb-connect keys new/],
      [["list", "--file", writeOwn("text.json", "canary")], /text\.json is no JSON/],
      [["rotate", "sealing", "--file", odd], /odd\.json is no key file: look at sealingKeys\.0/],
      [["rotate", "house", "--file", odd], /there is no house key/],
      [["new", "sealing", "--file", "/no/such/folder/keys.json"], /cannot be written/],
    ];
    for (const [words, line] of wrong) {
      const { code, stdout, stderr } = await command("keys", ...words);
      assert.deepEqual([code, stdout], [1, ""], words.join(" "));
      assert.match(stderr, line);
      assert.ok(!stderr.includes("canary") && stderr.trimEnd().split("\n").length === 1, stderr);
    }
    assert.ok(!existsSync(absent));
  });
});

describe("a signing key's rotation", () => {
  const databases = testDatabases("sqlite");
  const write = listFolder();
  let clinic: Host<Awaited<ReturnType<typeof startHospital>>>;
  let database: Database;
  let keys: Keys;

  before(async () => {
    const file = join(write("beside", ""), "..", "keys.json");
    await command("keys", "new", "signing", "--file", file);
    await command("keys", "rotate", "signing", "--file", file, "--in", "1");
    keys = readKeys(file);
    const location = await databases.location();
    clinic = await openHost(
      (redirect_uri) => {
        const jwks_uri = redirect_uri.replace("/callback", "/.well-known/jwks.json");
        const method = { token_endpoint_auth_method: "private_key_jwt", jwks_uri } as const;
        return startHospital({ clients: [{ client_id: "app", redirect_uris: [redirect_uri], ...method }] });
      },
      {
        database: location,
        options: {
          signingKeys: keys.signingKeys,
          registrations: [
            { match: { vendor: "Simulated" }, client_id: "app", token_endpoint_auth_method: "private_key_jwt" },
          ],
        },
      },
    );
    database = await databases.open(location);
  });
  after(() => clinic.close());

  const connect = async (user: string): Promise<string | null> => {
    const facility = clinic.hospital.facilities.find(({ fault }) => fault === null);
    assert.ok(facility);
    const returned = await patientBrowser(clinic, user).connect(clinic.sourceOf(facility));
    return returned.searchParams.get("success");
  };
  const signers = async (): Promise<(string | null)[]> =>
    (await readAudit(database.db, null, 100)).filter(({ detail }) => detail?.use === "sign").map((row) => row.subject);

  test("T5: both keys are published, without their private members; the old one signs until the new one's time", async () => {
    const [next, old] = keys.signingKeys;
    const answer = await fetch(`${clinic.api}/.well-known/jwks.json`);
    const [, maxAge = "none"] = /^public, max-age=(\d+)$/.exec(answer.headers.get("cache-control") ?? "") ?? [];
    assert.ok(Number(maxAge) <= 3600, maxAge);
    const published = ((await answer.json()) as { keys: Record<string, string>[] }).keys;
    assert.deepEqual(
      published,
      keys.signingKeys.map((jwk) => {
        const { kty, crv, x, y } = createPublicKey({ key: jwk as never, format: "jwk" }).export({ format: "jwk" });
        return { kty, crv, x, y, kid: jwk.kid, alg: "ES384", use: "sig" };
      }),
    );

    assert.equal(await connect("ada"), "true");
    assert.deepEqual(await until(signers, (found) => found.length === 1), [old?.kid]);
    clinic.pass(3601);
    assert.equal(await connect("ben"), "true");
    assert.deepEqual(await until(signers, (found) => found.length === 2), [old?.kid, next?.kid]);
  });
});

forEachDatabase((databases) => {
  describe("sealing keys rotated under load", () => {
    const [old, next] = ["old", "next"].map((kid, n) => ({ kid, key: Buffer.alloc(32, n + 1).toString("base64url") }));
    assert.ok(old && next);
    let host: Host<TokenServer>;
    let ahead = 0;
    const opened: { context: Context; database: Database }[] = [];
    const servers: { api: string; close(): Promise<void> }[] = [];

    /** A further process of the app, as far as the database can tell: routes of its own, and a context for refreshes. */
    const instance = async (sealingKeys: MbConnectOptions["sealingKeys"]) => {
      const clock = () => Date.now() + ahead;
      const one = compose({ ...host.options, sealingKeys }, { clock });
      opened.push(one);
      const served = await serve(mbConnect({ ...host.options, sealingKeys }, { clock }));
      servers.push(served);
      return { ...one, ...served };
    };

    before(async () => {
      host = await openTokenHost({ database: await databases.location(), options: { sealingKeys: [old] } });
    });
    after(async () => {
      for (const { close } of servers) await close();
      for (const { context, database } of opened) await Promise.all([context.door.close(), database.close()]);
      await host.close();
    });

    test("S11: an old and a new process work on one database while its rows are sealed anew; nobody fails", async () => {
      const early = await Promise.all(Array.from({ length: 6 }, (_, n) => connected(host, `early-${n}`)));
      const [before, after] = [await instance([old, next]), await instance([next, old])];
      ahead += 3600_000;

      const flows = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => {
        const way = [n & 1, n & 2, n & 4].map((bit) => (bit ? after.api : before.api));
        return connectThrough(host, `flow-${n}`, way as [string, string, string]);
      });
      const refreshes = early.flatMap((id, n) => {
        const both = [access(before.context, id), access(after.context, id)];
        return n % 2 ? both : both.reverse();
      });
      const load = { over: false };
      const done = Promise.all([Promise.all(flows), Promise.all(refreshes)]).finally(() => {
        load.over = true;
      });
      const sealer = createTokenVault([next, old]);
      const passes = (async () => {
        let unreadable = 0;
        while (!load.over) {
          unreadable += (await resealAll(after.context.db, sealer)).unreadable;
          // SQLite answers at once: without a pause nobody else would get a turn.
          await setImmediate();
        }
        return unreadable;
      })();
      const [ends] = await done;
      assert.equal(await passes, 0);
      assert.deepEqual([...new Set(ends)], ["true"]);
      assert.equal(host.hospital.replays(), 0, "no refresh token was used twice");
      assert.equal(host.hospital.refreshes.all.length, early.length);

      await resealAll(after.context.db, sealer);
      assert.equal(await countSealedBy(after.context.db, old.kid), 0);
      const last = await instance([next]);
      ahead += 3600_000;
      for (const id of early) assert.ok((await access(last.context, id)).access_token);
    });

    test("every column that holds ciphertext is sealed anew", async () => {
      const { db } = await databases.open();
      const tables = (await db.introspection.getTables()).flatMap(({ name, columns }) =>
        columns.filter((column) => column.name.startsWith("sealed_")).map((column) => `${name}.${column.name}`),
      );
      assert.deepEqual(tables.sort(), [
        "attachments.sealed_key",
        "attachments.sealed_version",
        "attempts.sealed_code",
        "attempts.sealed_verifier",
        "connections.sealed_tokens",
        "destinations.sealed_secrets",
        "record_keys.sealed_key",
        "webhooks.sealed_previous_secret",
        "webhooks.sealed_secret",
      ]);
    });
  });
});

/** An attempt, and what it hangs on, with this sealed verifier. */
async function insertAttempt(db: Database["db"], id: string, sealed: string): Promise<void> {
  await sql`insert into patients (id, created_at, updated_at) values ('p', 1, 1) on conflict do nothing`.execute(db);
  await sql`insert into patient_sessions
    (id, patient_id, recommended_source_ids, return_url, status, expires_at, created_at)
    values ('s', 'p', '[]', '', 'open', 1, 1) on conflict do nothing`.execute(db);
  await sql`insert into attempts
    (id, session_id, source_id, status, state_hash, sealed_verifier, snapshot, created_at, expires_at)
    values (${id}, 's', 'f', 'pending', ${id}, ${sealed}, '{}', 1, 1)`.execute(db);
}

async function serve(mb: MbConnect): Promise<{ api: string; close(): Promise<void> }> {
  await mb.ready;
  const server = createServer(express().use("/api", mb.router));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    api: `http://localhost:${(server.address() as AddressInfo).port}/api`,
    async close() {
      server.closeAllConnections();
      server.close();
      await mb.close();
    },
  };
}

/** Connects a patient whose session, opening and callback are each served by another process; answers `success`. */
async function connectThrough(host: Host<TokenServer>, user: string, way: [string, string, string]) {
  const [starts, opens, calls] = way;
  const [facility] = host.hospital.facilities;
  const browser = tokenBrowser(host, user);
  const connectionId = host.sourceOf(facility as { name: string; city: string });
  const started = await browser.visit(`${starts}/patient-sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: host.url },
    body: JSON.stringify({ connectionId }),
  });
  const { url } = (await started.json()) as { url: string };
  const back = await browser.portal(url.replace(host.api, opens));
  const arrived = await browser.visit(back.href.replace(host.api, calls));
  return new URL(arrived.headers.get("location") ?? "about:blank").searchParams.get("success");
}
