/** The one door out: what it lets through, what it refuses, and that a name cannot change its mind. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo, LookupFunction, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { createDoor, type DoorError, type DoorStream } from "#server/fetch.js";

const refused = (reason: string) => (thrown: DoorError) => {
  assert.equal(thrown.name, "DoorError");
  assert.equal(thrown.reason, reason);
  return true;
};

const ENCODINGS: Record<string, [string, (bytes: Uint8Array) => Buffer]> = {
  gzip: ["gzip", gzipSync],
  deflate: ["Deflate", deflateSync],
  "bare-deflate": ["deflate", deflateRawSync],
  brotli: ["br", brotliCompressSync],
};

describe("addresses", () => {
  const door = createDoor({ allowLoopback: false });
  after(() => door.close());
  const hostile = [
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "https://user:secret@example.org/",
    "https://example.org:22/",
    "https://example.org:25/",
    "https://example.org:6000/",
    "https://example.org:6667/",
    "https://example.org:10080/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[2002:7f00:1::]/",
    "https://localhost/",
    "https://a.localhost/",
    "https://:443/",
    "no url at all",
  ];
  for (const url of hostile) {
    test(`S6: refuses ${url}`, async () => {
      await assert.rejects(door.request(url), (thrown: DoorError) => {
        assert.match(thrown.reason, /^blocked_(url|address)$/);
        return true;
      });
    });
  }

  test("S6: a public address is let out by its looks, on 443 and on the ports that hospitals use", () => {
    for (const url of [
      "https://example.org/fhir",
      "https://example.org:9443/",
      "https://example.org:444/",
      "https://8.8.8.8/",
    ]) {
      assert.ok(door.allows(url), url);
    }
  });

  test("S6: a name is checked by what it resolves to when the connection is made, each time anew", async () => {
    const answers = [["203.0.113.7"], ["93.184.216.34", "10.0.0.1"], ["127.0.0.1"], ["::1"], []];
    const asked: string[] = [];
    const lookup: LookupFunction = (hostname, _options, callback) => {
      asked.push(hostname);
      const addresses = answers[asked.length - 1] ?? [];
      callback(null, addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })) as never);
    };
    const rebinding = createDoor({ allowLoopback: false, lookup });
    for (const _ of answers) {
      await assert.rejects(rebinding.request("https://hospital.example/"), refused("blocked_address"));
    }
    assert.equal(asked.length, answers.length);
    await rebinding.close();
  });

  test("S6: with loopback allowed, a public name that resolves to loopback is still refused", async () => {
    const lookup: LookupFunction = (_hostname, _options, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }] as never);
    const rebinding = createDoor({ allowLoopback: true, lookup });
    await assert.rejects(rebinding.request("https://hospital.example/"), refused("blocked_address"));
    await rebinding.close();
  });
});

describe("private networks, where the operator chose the place himself", () => {
  const lookup: LookupFunction = (hostname, _options, callback) =>
    callback(null, [{ address: hostname === "mixed.example" ? "169.254.169.254" : "127.0.0.1", family: 4 }] as never);
  const door = createDoor({ allowLoopback: false, privateNetwork: true, lookup });
  after(() => door.close());

  test("S6: their addresses are let through, over https", () => {
    for (const url of [
      "https://10.0.0.1/",
      "https://172.16.9.9:8443/",
      "https://192.168.1.1/",
      "https://[fd12:3456::1]/",
    ]) {
      assert.ok(door.allows(url), url);
    }
    assert.ok(!door.allows("http://10.0.0.1/"));
    assert.ok(!door.allows("https://10.0.0.1:25/"));
  });

  for (const url of [
    "https://169.254.169.254/latest/meta-data/",
    "https://[fe80::1]/",
    "https://[fd00:ec2::254]/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://100.64.0.1/",
    "https://localhost/",
    "https://mixed.example/",
    "https://inward.example/",
  ]) {
    test(`S6: ${url} stays refused`, async () => {
      await assert.rejects(door.request(url), refused("blocked_address"));
    });
  }
});

describe("over loopback, where it is allowed", () => {
  const door = createDoor({ allowLoopback: true });
  const closed = createDoor({ allowLoopback: false });
  const seen: IncomingMessage[] = [];
  const routes: Record<string, RequestListener> = {
    "/ok": (_request, response) => response.end("ok"),
    "/away": (_request, response) => response.writeHead(302, { location: `${other.url}/there` }).end(),
    "/near": (_request, response) => response.writeHead(302, { location: "/ok" }).end(),
    "/loop": (_request, response) => response.writeHead(302, { location: "/loop" }).end(),
    "/inward": (_request, response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
    "/posted": (_request, response) => response.writeHead(307, { location: `${other.url}/there` }).end(),
    "/large": (_request, response) => response.end(Buffer.alloc(200_000)),
    "/silent": () => {},
    "/begun": (_request, response) => void response.write("begun"),
    "/begun-in-gzip": (_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.write(gzipSync(randomBytes(100_000)).subarray(0, 90_000));
    },
    "/broken": (_request, response) => void response.write("begun", () => response.destroy()),
    "/away-slowly": (_request, response) => void response.writeHead(302, { location: "/ok" }).write("begun"),
    "/kept": async (request, response) => response.end(await buffer(request)),
  };
  for (const [name, [encoding, compress]] of Object.entries(ENCODINGS)) {
    routes[`/${name}`] = (_request, response) =>
      response.writeHead(200, { "content-encoding": encoding }).end(compress(Buffer.from("ok".repeat(100))));
    routes[`/${name}-bomb`] = (_request, response) =>
      response.writeHead(200, { "content-encoding": encoding }).end(compress(Buffer.alloc(20_000_000)));
    routes[`/${name}-broken`] = (_request, response) =>
      response
        .writeHead(200, { "content-encoding": encoding })
        .end(compress(Buffer.from("ok".repeat(100))).subarray(0, -3));
    routes[`/${name}-empty`] = (_request, response) => response.writeHead(200, { "content-encoding": encoding }).end();
  }
  let here: { url: string; server: Server };
  let other: { url: string; server: Server };
  before(async () => {
    const listener: RequestListener = (request, response) => {
      seen.push(request);
      (routes[(request.url ?? "").split("?")[0] ?? ""] ?? routes["/ok"])?.(request, response);
    };
    [here, other] = await Promise.all([serve(listener), serve(listener)]);
  });
  after(async () => {
    for (const { server } of [here, other]) {
      server.closeAllConnections();
      server.close();
    }
    await Promise.all([door.close(), closed.close()]);
  });

  test("S6: http reaches loopback only by the allowance", async () => {
    assert.equal(await (await door.request(`${here.url}/ok`)).text(), "ok");
    await assert.rejects(closed.request(`${here.url}/ok`), refused("blocked_url"));
  });

  test("S6, S7: a redirect is followed on GET, and credentials do not cross an origin", async () => {
    const headers = { authorization: "Bearer canary" };
    seen.length = 0;
    await door.request(`${here.url}/near`, { headers });
    assert.deepEqual(
      seen.map((request) => request.headers.authorization),
      ["Bearer canary", "Bearer canary"],
    );
    seen.length = 0;
    await door.request(`${here.url}/away`, { headers });
    assert.deepEqual(
      seen.map((request) => request.headers.authorization),
      ["Bearer canary", undefined],
    );
  });

  test("S6: each hop is checked, and there are not many", async () => {
    await assert.rejects(door.request(`${here.url}/inward`), refused("blocked_url"));
    await assert.rejects(door.request(`${here.url}/loop`), refused("too_many_redirects"));
  });

  test("S7: a POST is not sent on", async () => {
    seen.length = 0;
    const response = await door.request(`${here.url}/posted`, { method: "POST", body: "code=canary" });
    assert.equal(response.status, 307);
    assert.equal(seen.length, 1);
  });

  test("S6: size is capped as decoded, time in all", async () => {
    await assert.rejects(door.request(`${here.url}/large`, { maxBytes: 100_000 }), refused("too_large"));
    await assert.rejects(door.request(`${here.url}/silent`, { timeoutSeconds: 0.2 }), refused("timeout"));
    await assert.rejects(door.request(`${here.url}/begun`, { timeoutSeconds: 0.2 }), refused("timeout"));
    await assert.rejects(door.request(`${here.url}/away-slowly`, { timeoutSeconds: 0.2 }), refused("timeout"));
  });

  test("S6: the time runs while a name is being resolved too", { timeout: 5_000 }, async () => {
    const lost = createDoor({ allowLoopback: false, lookup: () => {} });
    await assert.rejects(lost.request("https://hospital.example/", { timeoutSeconds: 0.1 }), refused("timeout"));
    await assert.rejects(
      lost.request("https://hospital.example/", { signal: AbortSignal.abort() }),
      refused("unreachable"),
    );
  });

  for (const name of Object.keys(ENCODINGS)) {
    test(`a body in ${name} is read as what it was, and so is an empty one`, async () => {
      const answer = await door.request(`${here.url}/${name}`);
      assert.equal(await answer.text(), "ok".repeat(100));
      assert.equal(answer.headers.get("content-encoding"), null);
      assert.equal(await (await door.request(`${here.url}/${name}-empty`)).text(), "");
    });

    test(`S6: a bomb in ${name} is left before it has gone off`, async () => {
      await assert.rejects(door.request(`${here.url}/${name}-bomb`, { maxBytes: 1_000_000 }), refused("too_large"));
    });

    test(`a body in ${name} that breaks off is not taken for a whole one`, async () => {
      await assert.rejects(door.request(`${here.url}/${name}-broken`), refused("unreachable"));
    });
  }

  test("bytes go out by PUT as they are", async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 195]);
    seen.length = 0;
    const answer = await door.request(`${here.url}/kept`, { method: "PUT", body: bytes });
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
    assert.equal(seen[0]?.method, "PUT");
  });

  describe("a body read as it comes", () => {
    test("is there before its end", async () => {
      const { status, body } = await door.stream(`${here.url}/begun`);
      assert.equal(status, 200);
      for await (const chunk of body) {
        assert.equal(Buffer.from(chunk).toString(), "begun");
        break;
      }
    });

    test("S6: passes the same checks on its way", async () => {
      await assert.rejects(closed.stream(`${here.url}/ok`), refused("blocked_url"));
      await assert.rejects(door.stream(`${here.url}/inward`), refused("blocked_url"));
      const { body } = await door.stream(`${here.url}/near`);
      assert.equal((await buffer(body)).toString(), "ok");
    });

    test("S6: is held to its size, as decoded, and to its time", async () => {
      for (const path of ["large", "gzip-bomb"]) {
        const { body } = await door.stream(`${here.url}/${path}`, { maxBytes: 100_000 });
        let read = 0;
        const reading = async () => {
          for await (const chunk of body) read += chunk.byteLength;
        };
        await assert.rejects(reading, refused("too_large"));
        assert.ok(read <= 100_000);
      }
      const slow = await door.stream(`${here.url}/begun`, { timeoutSeconds: 0.2 });
      await assert.rejects(buffer(slow.body), refused("timeout"));
      const broken = await door.stream(`${here.url}/broken`);
      await assert.rejects(buffer(broken.body), (thrown: DoorError) => {
        assert.equal(thrown.status, 200);
        return refused("unreachable")(thrown);
      });
    });

    for (const [how, leave] of Object.entries({
      "in the middle": async ({ body }: DoorStream) => {
        for await (const _ of body) break;
      },
      "in the middle of its compression": async (_: DoorStream) => {
        seen.length = 0;
        const { body } = await door.stream(`${here.url}/begun-in-gzip`, { timeoutSeconds: 4 });
        const gone = once(seen[0]?.socket as Socket, "close", { signal: AbortSignal.timeout(2_000) });
        for await (const _ of body) break;
        await gone;
      },
      unread: async ({ cancel }: DoorStream) => cancel(),
      "unread, until its time is over": async () => {},
    })) {
      test(`is let go of when it is left ${how}`, async () => {
        seen.length = 0;
        const opened = await door.stream(`${here.url}/begun`, { timeoutSeconds: 0.3 });
        const gone = once(seen[0]?.socket as Socket, "close");
        await leave(opened);
        await gone;
      });
    }
  });

  test("S10: an error names the host and nothing of the address", async () => {
    await assert.rejects(door.request(`${here.url}/silent?code=canary`, { timeoutSeconds: 0.1 }), (thrown: Error) => {
      assert.ok(!`${thrown.message}${thrown.stack}${JSON.stringify(thrown)}`.includes("canary"));
      return true;
    });
  });
});

async function serve(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
