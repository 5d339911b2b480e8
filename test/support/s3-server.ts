/** S3-compatible storage that nobody here wrote, behind a gate that checks signatures as it does not. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { type Gate, startGate } from "./signature-check.ts";

/** What it takes for granted. */
export const CREDENTIALS = { access_key_id: "S3RVER", secret_access_key: "S3RVER" };

/** A running server with one bucket. */
export interface S3Server {
  endpoint: string;
  bucket: string;
  /** Its objects by key, as another client reads them. */
  objects(): Promise<Map<string, Buffer>>;
  /** What stands before it. */
  gate: Gate;
}

interface Running {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

/** Starts it at `localhost`. */
export async function startS3(t: TestContext): Promise<S3Server> {
  const Server = createRequire(import.meta.url)("s3rver") as new (options: object) => Running;
  const directory = await mkdtemp(join(tmpdir(), "mb-s3-"));
  const bucket = "records";
  const server = new Server({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory,
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  const { port } = await server.run();
  const gate = await startGate(`http://127.0.0.1:${port}`, CREDENTIALS.secret_access_key);
  const endpoint = gate.origin;
  const client = new S3Client({
    region: "us-east-1",
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: CREDENTIALS.access_key_id, secretAccessKey: CREDENTIALS.secret_access_key },
  });
  t.after(async () => {
    client.destroy();
    gate.close();
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    endpoint,
    bucket,
    async objects() {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
      const all = new Map<string, Buffer>();
      for (const { Key = "" } of Contents) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
        all.set(Key, Buffer.from((await Body?.transformToByteArray()) ?? []));
      }
      return all;
    },
    gate,
  };
}
