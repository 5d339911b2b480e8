/**
 * Secrets that can be recognised, planted in every place that has one, and looked for wherever they must not be: in what a
 * host's process prints with every debug switch on, killed in the middle or ended by an exception, in the database's files,
 * in answers, and in what the library tells.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Host, openHost, type PatientBrowser, patientBrowser } from "./support/clinic.ts";
import { freePort } from "./support/free-port.ts";
import { type HostileServer, startHostileServer } from "./support/hostile-server.ts";
import { type Receiver, startReceiver } from "./support/receiver.ts";

const CLIENT_SECRET = "client-secret-canary-7f3a";
const SEALING_KEY = randomBytes(32).toString("base64url");
const SIGNING_KEY = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "jwk" });

let host: Host<HostileServer>;
/** The same host as a process of its own serves it. */
let served: Pick<Host<HostileServer>, "api" | "url">;
/** Hears of all events, and answers badly enough to be logged. */
let receiver: Receiver;
let webhook_id: string;
let child: ChildProcess;
let start: () => Promise<void>;
/** All that the process printed. */
let printed = "";
/** What must be nowhere: each with a name that may be printed. */
const secrets = new Map<string, string>();
/** Bodies and headers of all answers to the browser. */
const answers: string[] = [];

before(async () => {
  host = await openHost(() => startHostileServer(), {
    options: {
      registrations: [
        {
          match: { vendor: "Simulated" },
          client_id: "app",
          client_secret: CLIENT_SECRET,
          token_endpoint_auth_method: "client_secret_post",
        },
      ],
      sealingKeys: [{ kid: "canary", key: SEALING_KEY }],
      signingKeys: [{ ...SIGNING_KEY, kid: "signing", alg: "ES384" }],
    },
  });
  receiver = await startReceiver();
  receiver.onDelivery((response) => response.writeHead(500).end());
  const { id, secret } = await host.mb.webhooks.create({ url: `${receiver.url}/webhook-path-canary` });
  webhook_id = id;
  secrets.set("webhook secret", secret).set("webhook secret's bytes", secret.slice("whsec_".length));
  const rotated = await host.mb.webhooks.rotateSecret(id);
  secrets.set("newer webhook secret", rotated.secret);
  const evil = host.hospital;
  evil.metadata = { token_endpoint_auth_methods_supported: ["client_secret_post"], revocation_endpoint: undefined };
  let count = 0;
  evil.tokenAnswer = async () => {
    count += 1;
    const answer = {
      access_token: `access-canary-${count}`,
      refresh_token: `refresh-canary-${count}`,
      id_token: await evil.idToken("another nonce, so that it is refused when it is read"),
    };
    for (const [name, value] of Object.entries(answer)) secrets.set(`${name} ${count}`, value);
    // The first answer is taken whole, and its id_token is left out for that.
    return { ...answer, patient: "p-1", ...(count === 1 ? { id_token: undefined } : {}) };
  };
  secrets
    .set("client_secret", CLIENT_SECRET)
    .set("sealing key", SEALING_KEY)
    .set("signing key", SIGNING_KEY.d ?? "");

  const port = await freePort();
  const url = `http://localhost:${port}`;
  served = { url, api: `${url}/api` };
  const { patient: _, logger: __, ...rest } = host.options;
  const options = { ...rest, publicUrl: served.api, homeUrl: url, returnUrls: [`${url}/connected`] };
  start = async () => {
    const script = fileURLToPath(new URL("support/host-process.ts", import.meta.url));
    child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify({ port, options })], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_DEBUG: "http,https,net,tls,undici,fetch,stream,timer" },
    });
    const ready = new Promise<void>((resolve) => {
      child.stdout?.on("data", (chunk) => {
        printed += chunk;
        if (String(chunk).includes("ready")) resolve();
      });
    });
    child.stderr?.on("data", (chunk) => {
      printed += chunk;
    });
    await ready;
  };
  await start();
});
after(async () => {
  child.kill("SIGKILL");
  await host.close();
  await receiver.close();
});

/** From the tag to a callback's address with a planted code. */
async function callbackOf(browser: PatientBrowser, name: string): Promise<string> {
  const started = await browser.start(host.sourceOf({ name: "Nettleship Clinic", city: "Elmford" }));
  const { url } = (await started.json()) as { url: string };
  const sent = new URL((await browser.visit(url)).headers.get("location") ?? "");
  const state = sent.searchParams.get("state") ?? "";
  secrets.set(`state ${name}`, state).set(`nonce ${name}`, sent.searchParams.get("nonce") ?? "");
  secrets.set(`code ${name}`, `code-canary-${name}`);
  return `${served.api}/callback?${new URLSearchParams({ state, code: `code-canary-${name}` })}`;
}

async function visit(browser: PatientBrowser, url: string): Promise<Response> {
  const response = await browser.visit(url);
  answers.push(JSON.stringify([...response.headers]), await response.text());
  return response;
}

/** Fails with the names of the secrets that a text holds. */
function holdsNone(where: string, text: string | Buffer): void {
  for (const { form } of host.hospital.received) {
    if (form.code_verifier) secrets.set(`verifier of ${form.code}`, form.code_verifier);
  }
  const found = [...secrets].filter(([, value]) => value.length > 0 && text.includes(value)).map(([name]) => name);
  assert.deepEqual(found, [], where);
}

async function filesHoldNone(): Promise<void> {
  const folder = dirname(host.database);
  const files = (await readdir(folder)).filter((name) => name.startsWith("mb-connect.db"));
  assert.deepEqual(files.sort(), ["mb-connect.db", "mb-connect.db-shm", "mb-connect.db-wal"]);
  for (const name of files) holdsNone(name, await readFile(join(folder, name)));
}

test("S10, S11, S20: a grant, a refused id_token and a declined one leave no secret in print, on disk or in an answer", async () => {
  const browser = patientBrowser(served, "alma");
  const connected = await visit(browser, await callbackOf(browser, "good"));
  assert.match(connected.headers.get("location") ?? "", /success=true/);
  const refused = await visit(browser, await callbackOf(browser, "refused"));
  assert.match(refused.headers.get("location") ?? "", /error=oauth_error/);
  const declined = (await callbackOf(browser, "declined")).replace("code=", "error=access_denied&code=");
  assert.match((await visit(browser, declined)).headers.get("location") ?? "", /error=user_denied/);
  await visit(patientBrowser(served, "alma"), await callbackOf(browser, "elsewhere"));
  await visit(browser, `${served.api}/patient-connections`);
  assert.match(printed, /undici|HTTP|NET/i, "the debug switches were on");
  assert.ok(secrets.size >= 18, `${secrets.size} secrets were planted`);
  holdsNone("print", printed);
  await filesHoldNone();
  holdsNone("answers", answers.join("\n"));
  const { connections } = await host.mb.patients.retrieve("alma");
  assert.equal(connections[0]?.status, "active");
  await host.mb.worker.start();
  const heard = await receiver.deliveries.reach(5);
  await host.mb.worker.stop();
  for (const type of ["patient_session.completed", "connection.failed"]) {
    assert.ok(
      heard.some(({ body }) => JSON.parse(body).type === type),
      type,
    );
  }
  holdsNone("events", JSON.stringify(heard));
  const events = await host.mb.webhooks.listEvents(webhook_id);
  holdsNone("webhooks", JSON.stringify([await host.mb.webhooks.retrieve(webhook_id), events.data]));
  const sessions = (await host.mb.patients.listPatientSessions("alma")).data;
  const trails = await Promise.all(sessions.map(({ id }) => host.mb.patientSession.trail(id)));
  holdsNone("library", JSON.stringify([sessions, connections, trails, host.logged]));
});

test("S10, S11: killed while the hospital has the code, the process leaves no secret behind", async () => {
  const browser = patientBrowser(served, "bela");
  const url = await callbackOf(browser, "killed");
  const asked = new Promise<void>((resolve) => {
    host.hospital.onToken = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  const arriving = browser.visit(url).catch(() => null);
  await asked;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await Promise.all([gone, arriving]);
  assert.ok(host.hospital.received.some(({ form }) => form.code === "code-canary-killed" && form.code_verifier));
  host.hospital.onToken = () => {};
  holdsNone("print", printed);
  await filesHoldNone();
});

test("S10: a host that prints all it holds and ends by an exception prints no secret", async () => {
  await start();
  const browser = patientBrowser(served, "cato");
  await visit(browser, await callbackOf(browser, "last"));
  const gone = once(child, "close");
  child.kill("SIGUSR2");
  assert.notDeepEqual(await gone, [0, null]);
  assert.match(printed, /a fault of the host's own/);
  assert.match(printed, /patientSession/, "what it held was printed");
  holdsNone("print", printed);
});
