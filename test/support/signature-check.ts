/**
 * A gate before storage that takes any signature: it lets a request through only where its AWS Signature Version 4 is right,
 * for the bytes that arrived, and nothing in it is newer than what every such storage knows. Written from the description of the signature alone.
 */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A running gate. */
export interface Gate {
  origin: string;
  /** While it is shut every request ends without an answer. */
  shut: boolean;
  /** What it makes of a body on its way out. */
  alter(body: Buffer): Buffer;
  close(): void;
}

/** What many servers that speak S3 do not know, and some store with the object. */
const NEWER = /^x-amz-(trailer|decoded-content-length|sdk-checksum-algorithm|checksum-(?!mode))/;

/** Starts it at 127.0.0.1. */
export async function startGate(behind: string, secret: string): Promise<Gate> {
  const server = createServer(async (incoming, response) => {
    if (gate.shut) return void incoming.socket.destroy();
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method, headers, url = "/" } = incoming;
    const refuse = (status: number, code: string): void => {
      response.writeHead(status, { "content-type": "application/xml" });
      response.end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
    };
    if (!isSigned(incoming, body, secret)) return refuse(403, "SignatureDoesNotMatch");
    if (Object.keys(headers).some((name) => NEWER.test(name))) return refuse(501, "NotImplemented");
    const onward = request(`${behind}${url}`, { method, headers });
    onward.on("error", () => response.destroy());
    onward.on("response", async (answer) => {
      const kept = gate.alter(Buffer.concat(await answer.toArray()));
      response.writeHead(answer.statusCode ?? 500, { ...answer.headers, "content-length": kept.byteLength });
      response.end(kept);
    });
    onward.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const gate: Gate = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    shut: false,
    alter: (body) => body,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return gate;
}

function isSigned({ method, url = "/", headers }: IncomingMessage, body: Buffer, secret: string): boolean {
  const [, scope = "", names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  const hash = createHash("sha256").update(body).digest("hex");
  if (headers["x-amz-content-sha256"] !== hash || !names.split(";").includes("host")) return false;
  const [path = "", query = ""] = url.split("?");
  const signed = names.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const pairs = query === "" ? [] : query.split("&").map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  const canonical = [method, path, pairs.sort().join("&"), signed.join(""), names, hash].join("\n");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, createHash("sha256").update(canonical).digest("hex")];
  const key = scope.split("/").reduce<Buffer>((last, part) => hmac(last, part), Buffer.from(`AWS4${secret}`));
  return hmac(key, text.join("\n")).toString("hex") === signature;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
