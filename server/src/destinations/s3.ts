/**
 * Storage that speaks S3: the same NDJSON files, as objects. The official client is an optional peer, loaded when it is used,
 * and its requests go out by the one door. Bodies go as buffers of known length: streamed ones carry checksums at their end,
 * which some servers keep as if they were part of the object.
 */
import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { type Door, DoorError } from "../fetch.ts";
import { type Batch, type Destination, DestinationError, type HandedOver } from "./destination.ts";
import { NDJSON_TYPE, ndjsonFiles } from "./ndjson-files.ts";

type Sdk = typeof import("@aws-sdk/client-s3");

const LIMITS = { records: 5000, bytes: 16 * 1024 * 1024 };
const TIMEOUT_SECONDS = 120;

/** Where the objects go. */
export interface S3Settings {
  bucket: string;
  region: string;
  /** Null for AWS itself. */
  endpoint: string | null;
  /** What each key begins with. */
  prefix: string;
  /** Whether the bucket stands in the path rather than in the host's name. */
  path_style: boolean;
}

/** What the requests are signed with. */
export interface S3Secrets {
  access_key_id: string;
  secret_access_key: string;
  session_token?: string | undefined;
}

/**
 * @param door lets through what the operator chose
 * @throws from its calls: a `DestinationError` of the code `peer_missing` where `@aws-sdk/client-s3` is not installed
 */
export function s3Storage(door: Door, { bucket, prefix, ...where }: S3Settings, secrets: S3Secrets): Destination {
  let opened: Promise<{ sdk: Sdk; client: S3Client }> | undefined;
  const open = () => {
    opened ??= openClient(door, where, secrets);
    return opened;
  };

  async function put(key: string, body: Buffer, type: string, abortSignal?: AbortSignal): Promise<void> {
    const { sdk, client } = await open();
    const command = new sdk.PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      ContentLength: body.byteLength,
      ContentType: type,
    });
    await client.send(command, abortSignal ? { abortSignal } : {});
  }

  async function handOver(batch: Batch, signal: AbortSignal): Promise<HandedOver> {
    for (const { name, body } of ndjsonFiles(batch)) {
      signal.throwIfAborted();
      await put(`${prefix}${batch.connection_id}/${name}`, body, NDJSON_TYPE, signal);
    }
    return { refused: 0 };
  }

  async function tryOut(): Promise<void> {
    const { sdk, client } = await open();
    // Always of the same name, since a key that may write need not be one that may delete.
    const Key = `${prefix}mb-connect-test`;
    const body = Buffer.from(`mb-connect writes this to see that it is kept: 1.10 … ${"x".repeat(1024)}\n`);
    await put(Key, body, "text/plain");
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key }));
    const kept = Buffer.from((await Body?.transformToByteArray()) ?? []);
    if (!kept.equals(body)) {
      throw new DestinationError("not_kept", "The storage does not give back the bytes that it was given", "bucket");
    }
  }

  return {
    limits: LIMITS,
    test: () => tryOut().catch(refuse),
    handOver: (batch, signal) => handOver(batch, signal).catch(refuse),
  };
}

async function openClient(
  door: Door,
  { region, endpoint, path_style }: Pick<S3Settings, "region" | "endpoint" | "path_style">,
  secrets: S3Secrets,
): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await loadSdk();
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token } = secrets;
  const client = new sdk.S3Client({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    forcePathStyle: path_style,
    credentials: { accessKeyId, secretAccessKey, ...(session_token ? { sessionToken: session_token } : {}) },
    // Many servers that speak S3 know nothing of the newer checksums; the signature covers the body's own hash.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 3,
    requestHandler: throughDoor(door),
  });
  return { sdk, client };
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new DestinationError("peer_missing", "An S3 destination needs: npm install @aws-sdk/client-s3", "kind");
  }
}

type RequestHandler = S3Client["config"]["requestHandler"];
type Sent = Parameters<RequestHandler["handle"]>[0];
type Answered = Awaited<ReturnType<RequestHandler["handle"]>>;

/** The client's way out. */
function throughDoor(door: Door): RequestHandler {
  async function handle(request: Sent, { abortSignal }: { abortSignal?: unknown } = {}): Promise<Answered> {
    const { host: _, expect: __, "content-length": ___, ...headers } = request.headers;
    const answer = await door.request(urlOf(request), {
      method: request.method as "GET" | "PUT",
      headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(abortSignal instanceof AbortSignal ? { signal: abortSignal } : {}),
      timeoutSeconds: TIMEOUT_SECONDS,
      maxRedirects: 0,
    });
    const response = {
      statusCode: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Readable.from([Buffer.from(await answer.arrayBuffer())]),
    };
    return { response } as Answered;
  }
  return {
    metadata: { handlerProtocol: "http/1.1" },
    handle,
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    destroy() {},
  } as RequestHandler;
}

function urlOf({ protocol, hostname, port, path, query }: Sent): string {
  const given: Record<string, string | string[] | null> = query ?? {};
  const pairs = Object.entries(given).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) =>
      one === null ? encode(name) : `${encode(name)}=${encode(one)}`,
    ),
  );
  return `${protocol}//${hostname}${port ? `:${port}` : ""}${path}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
}

/** As the signature has it. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function refuse(thrown: unknown): never {
  if (thrown instanceof DestinationError || (thrown as Error).name === "AbortError") throw thrown;
  if (thrown instanceof DoorError) {
    throw new DestinationError(
      thrown.reason,
      `The storage cannot be reached (${thrown.reason}): check the endpoint`,
      "endpoint",
    );
  }
  const status = (thrown as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === undefined) throw thrown;
  const advice =
    status === 404
      ? "make the bucket, or check its name and region"
      : status === 401 || status === 403
        ? "check the keys, and that they may put and get objects"
        : "check bucket, region and endpoint";
  throw new DestinationError(`http_${status}`, `The storage answered ${status}: ${advice}`, "bucket");
}
