/** A source's logo from our own origin, so that no third party learns which hospital a patient looks at. */
import type { Context } from "../context.ts";
import { ConnectError } from "../errors.ts";

/** An image and its type. */
export interface Logo {
  type: string;
  bytes: Buffer;
}

const TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"];

/** @throws {ConnectError} `resource_not_found` where there is no logo, or none that may be shown */
export async function retrieveLogo(context: Context, source_id: string): Promise<Logo> {
  const source = await context.catalog.get(source_id);
  const missing = (): ConnectError => new ConnectError("resource_not_found", { message: "There is no logo" });
  if (!source?.logo_url || !context.offered(source)) throw missing();
  const inline = /^data:([a-z/+]+);base64,([A-Za-z0-9+/=]+)$/.exec(source.logo_url);
  if (inline) {
    const [, type = "", text = ""] = inline;
    if (!TYPES.includes(type)) throw missing();
    return { type, bytes: Buffer.from(text, "base64") };
  }
  try {
    const response = await context.door.request(source.logo_url, { maxBytes: 256 * 1024, timeoutSeconds: 8 });
    const type = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    if (!response.ok || !TYPES.includes(type)) throw missing();
    return { type, bytes: Buffer.from(await response.arrayBuffer()) };
  } catch {
    throw missing();
  }
}
