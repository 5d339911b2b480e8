/** Faults, as the code throws them; how each reads on the wire stands in the one registry, `shared/errors.ts`. */
import type { ZodError } from "zod";
import { ERRORS, type ErrorCode, type ErrorEnvelope, errorEntry } from "../../shared/src/errors.ts";

/**
 * A fault with a code of the registry. Its message is one that may be shown and logged: no token, code, verifier or
 * clinical data, and no text of a hospital's.
 */
export class ConnectError extends Error {
  override name = "ConnectError";
  readonly code: ErrorCode;
  /** The field at fault, as a dotted path, or null. */
  readonly param: string | null;
  /** A plain fact for the trail, such as `http_503` or `blocked_address`; never text of a hospital's. */
  readonly reason: string | null;

  constructor(code: ErrorCode, options: { message?: string; param?: string; reason?: string; cause?: unknown } = {}) {
    super(options.message ?? ERRORS[code].message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param ?? null;
    this.reason = options.reason ?? null;
  }

  /** HTTP status of an answer that carries this fault. */
  get status(): number {
    return errorEntry(this.code).status;
  }
}

/** The first issue of a failed parse, as `bad_request` naming the field. */
export function badRequest(error: ZodError): ConnectError {
  const issue = error.issues[0];
  const path = issue?.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : (issue?.path ?? []);
  const param = path.map(String).join(".");
  const message =
    issue?.code === "unrecognized_keys"
      ? `${param} is not a known field`
      : `${param || "The body"}: ${issue?.message ?? "not valid"}`;
  return new ConnectError("bad_request", param ? { message, param } : { message });
}

/** The answer's body for a fault. */
export function errorEnvelope(error: ConnectError, requestId: string): ErrorEnvelope {
  return {
    error: {
      type: errorEntry(error.code).type,
      code: error.code,
      message: error.message,
      param: error.param,
      doc_url: `README.md#${error.code}`,
      request_id: requestId,
    },
  };
}

/** What may be logged of anything that was thrown: names and codes. Causes of OAuth libraries hold tokens and codes, so nothing of them is walked. */
export function loggable(thrown: unknown): { name: string; code?: string; reason?: string } {
  if (thrown instanceof ConnectError) {
    return { name: thrown.name, code: thrown.code, ...(thrown.reason === null ? {} : { reason: thrown.reason }) };
  }
  if (thrown instanceof Error) {
    const code = (thrown as { code?: unknown }).code;
    return { name: thrown.name, ...(typeof code === "string" ? { code } : {}) };
  }
  return { name: typeof thrown };
}
