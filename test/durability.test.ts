/** What was acknowledged survives SIGKILL: a session, a connection, its tokens. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { mbConnect } from "@mb-connect/server";
import { type Clinic, openClinic, type PatientBrowser, patientBrowser } from "./support/clinic.ts";
import { forEachDatabase } from "./support/databases.ts";
import { freePort } from "./support/free-port.ts";

forEachDatabase(({ location }) => {
  let clinic: Clinic;
  let host: ChildProcess;
  /** The clinic as the killed process serves it. */
  let served: Clinic;
  let port: number;

  const start = async (): Promise<void> => {
    const script = fileURLToPath(new URL("support/host-process.ts", import.meta.url));
    const { patient: _, logger: __, ...options } = served.options;
    host = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify({ port, options })], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(host.stdout);
    await once(host.stdout, "data");
  };
  const kill = async (): Promise<void> => {
    const gone = once(host, "exit");
    host.kill("SIGKILL");
    await gone;
  };
  const begin = async (browser: PatientBrowser): Promise<string> => {
    const { url } = (await (await browser.start(await clinic.source())).json()) as { url: string };
    return url;
  };

  before(async () => {
    clinic = await openClinic({ database: await location() });
    port = await freePort();
    const url = `http://localhost:${port}`;
    const api = `${url}/api`;
    served = {
      ...clinic,
      url,
      api,
      options: { ...clinic.options, publicUrl: api, homeUrl: url, returnUrls: [`${url}/connected`] },
    };
    clinic.hospital.register({
      client_id: "app",
      redirect_uris: [`${api}/callback`],
      token_endpoint_auth_method: "none",
    });
    await start();
  });
  after(async () => {
    await kill();
    await clinic.close();
  });

  test("a session answered before the kill opens after it, in the browser that it is bound to", async () => {
    const browser = patientBrowser(served, "alma");
    const url = await begin(browser);
    await kill();
    await start();
    const back = await browser.portal(url);
    await kill();
    await start();
    const returned = (await browser.visit(back.href)).headers.get("location") ?? "";
    assert.match(returned, /success=true/, "the attempt, its state and its verifier survived as well");
  });

  test("a connection answered before the kill is there after it, and its tokens open", async () => {
    const browser = patientBrowser(served, "bela");
    const back = await browser.portal(await begin(browser));
    const returned = (await browser.visit(back.href)).headers.get("location") ?? "";
    await kill();
    assert.match(returned, /success=true/);
    const mb = mbConnect(served.options);
    const [connection] = (await mb.patients.retrieve("bela")).connections;
    assert.equal(connection?.status, "active");
    assert.equal(await clinic.waiting("pull", connection?.id ?? ""), 1, "the pull that is due is not lost");
    await mb.patients.disconnectConnection("bela", connection?.id ?? "");
    await mb.close();
    const revoked = clinic.hospital.requests.filter(({ path }) => path.endsWith("/revoke"));
    assert.deepEqual(
      revoked.map(({ form }) => form?.token_type_hint),
      ["refresh_token", "access_token"],
    );
    await start();
  });

  test("killed while the hospital takes the code: no connection is half there, and a new try works", async () => {
    const browser = patientBrowser(served, "cato");
    const back = await browser.portal(await begin(browser));
    const tokenCalls = clinic.tokenCalls();
    const arriving = browser.visit(back.href).catch(() => null);
    while (clinic.tokenCalls() === tokenCalls) await new Promise((resolve) => setImmediate(resolve));
    await kill();
    await arriving;
    await start();
    const { connections } = await clinic.mb.patients.retrieve("cato");
    assert.ok(connections.length === 0 || connections[0]?.status === "active");
    assert.match((await browser.connect(await clinic.source())).href, /success=true/);
    assert.equal((await clinic.mb.patients.retrieve("cato")).connections.length, 1);
  });
});
