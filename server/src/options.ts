/**
 * The options of `mbConnect`: what each is, its default and what it refuses. Every fault is told at once, at the start, with
 * the option's path and how to mend it.
 */
import { createPrivateKey, type JsonWebKeyInput } from "node:crypto";
import type { Request } from "express";
import type { JWK } from "jose";
import { z } from "zod";
import { isLoopbackHost } from "./fetch.ts";
import { type Registration, registrationKey } from "./smart/registration.ts";
import { profileChanges } from "./smart/source-profile.ts";
import { isPostgresUrl } from "./store/database.ts";
import { keyInUse, type RingKey } from "./store/key-ring.ts";
import type { SealingKey } from "./store/token-vault.ts";

/** Thrown by `mbConnect` when its options are not complete; the message names every fault. */
export class OptionsError extends Error {
  override name = "OptionsError";
}

const registration = z
  .strictObject({
    match: z
      .strictObject({
        /** The source's vendor as the catalog names it, or its `type`; case is folded. */
        vendor: z.string().min(1).optional(),
        /** The brand's identifier if it has one, else the brand's or the source's name; case is folded. */
        brand: z.string().min(1).optional(),
        /** A FHIR base URL. */
        endpoint: z.url().optional(),
      })
      .refine((match) => Object.values(match).filter(Boolean).length === 1, "name just one of vendor, brand, endpoint"),
    client_id: z.string().min(1),
    client_secret: z.string().min(1).optional(),
    /** Default: `client_secret_basic` with a `client_secret`, else `none`. */
    token_endpoint_auth_method: z
      .enum(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"])
      .optional(),
    /** Which signing key, by `kid`; default the first. For `private_key_jwt`. */
    signing_kid: z.string().min(1).optional(),
    /** Makes the redirect URI end in `/callback/…`: an address of its own, which must be registered so at the vendor. */
    redirect_path: z
      .string()
      .regex(/^(?!continue$)[a-z0-9-]{1,40}$/, "1 to 40 small letters, digits or -, and not continue")
      .optional(),
    /** What this registration's sources need beyond the standard: it wins over what the vendor's file says. */
    ...profileChanges.shape,
  })
  .superRefine((value, context) => {
    const method = authMethod(value);
    const secret = value.client_secret !== undefined;
    if (method.startsWith("client_secret") && !secret) fault(context, ["client_secret"], `${method} needs one`);
    if (!method.startsWith("client_secret") && secret) fault(context, ["client_secret"], `${method} takes none`);
  });

/** When a key is used and when it was made, both ISO 8601: of each key in the options and in a key file. */
export const keyDates = {
  /** From when the key is used; known before, it opens or is published already. Default: at once. */
  use_from: z.iso.datetime().optional(),
  /** For `mb-connect keys list` and `drop`. */
  created_at: z.iso.datetime().optional(),
};

const sealingKey = z.strictObject({
  ...keyDates,
  kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, _ or -"),
  key: z.string().refine((key) => {
    const bytes = Buffer.from(key, "base64url");
    return bytes.length === 32 && bytes.toString("base64url") === key;
  }, "32 bytes in base64url; make one with: npx mb-connect keys new sealing"),
});

const MAKE_SIGNING_KEY = "make one with: npx mb-connect keys new signing";
const signingKey = z
  .looseObject({ kid: z.string().min(1), kty: z.string(), ...keyDates })
  .superRefine((jwk, context) => {
    const alg = signingAlgorithm(jwk as JWK);
    if (jwk.kty !== "oct" && jwk.d === undefined) {
      fault(context, [], `a public key, which cannot sign: its private JWK belongs here; ${MAKE_SIGNING_KEY}`);
    } else if (alg === null) {
      const wanted = "a private RSA key of 2,048 bits or more (RS384) or an EC P-384 key (ES384), as a JWK";
      fault(context, [], `${wanted}; ${MAKE_SIGNING_KEY}`);
    } else if (jwk.alg !== undefined && jwk.alg !== alg) fault(context, ["alg"], `this key signs ${alg}`);
  });

const schema = z.strictObject({
  publicUrl: z.string(),
  homeUrl: z.string(),
  appName: z.string().min(1).max(80),
  patient: z.custom<PatientOfRequest>((value) => typeof value === "function", "a function of the request"),
  database: z.string().min(1).default("./mb-connect.db"),
  sealingKeys: z
    .array(sealingKey, { error: "needed; make the first with: npx mb-connect keys new sealing" })
    .min(1, "make one with: npx mb-connect keys new sealing"),
  signingKeys: z.array(signingKey, { error: "a list of private JWKs, not a JWKS document" }).default([]),
  returnUrls: z.array(z.string()).min(1),
  registrations: z.array(registration).min(1),
  recommendedConnectionIds: z
    .array(z.string().regex(/^fhirsrc_[0-9A-HJKMNP-TV-Z]{26}$/, "a source id, fhirsrc_ and 26 characters"))
    .default([]),
  unreachableSources: z.enum(["last", "hide"]).default("last"),
  sealRecords: z.boolean().default(false),
  pullIntervalHours: z.number().min(1).max(720).default(24),
  attachmentsFolder: z.string().min(1).nullish(),
  allowLoopback: z.boolean().default(false),
  logger: z.custom<Logger>(isLogger, "an object with the methods info, warn and error").optional(),
});

/** Answers the host's own id of the patient who is logged in, or null where nobody is. */
export type PatientOfRequest = (request: Request) => string | null | undefined | Promise<string | null | undefined>;

/** Where faults are told: any pino-like logger. What it is given holds codes and ids of sessions, never a secret. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What `mbConnect` takes. */
export interface MbConnectOptions {
  /** The mount path as the browser sees it, such as `https://app.example.com/api`. Redirect URI, cookie and key URLs come from it, never from a request's Host. */
  publicUrl: string;
  /** Where a lost patient is sent. */
  homeUrl: string;
  /** Who receives the records, in the words the patient reads. */
  appName: string;
  patient: PatientOfRequest;
  /** A file path, or `postgres://…`, which needs the packages pg and pg-boss. Default `./mb-connect.db`. */
  database?: string;
  /** The first seals, all open. */
  sealingKeys: { kid: string; key: string; use_from?: string; created_at?: string }[];
  /** Private JWKs with `kid`, RS384 or ES384, for `private_key_jwt`; their public halves are published. The first signs. A key with `use_from` (ISO 8601), here or in `sealingKeys`, is used from then on and known before. */
  signingKeys?: (JWK & { use_from?: string; created_at?: string })[];
  /** Allowed return URLs, compared by origin and path. The browser's own route returns to the first. */
  returnUrls: string[];
  registrations: z.input<typeof registration>[];
  recommendedConnectionIds?: string[];
  /** Sources whose servers `mb-connect probe` finds unreachable: found after all others, or not offered at all. Default `last`. */
  unreachableSources?: "last" | "hide";
  /** Seals the records of every connection from its next pull on, those that it has included; a sealed connection stays so. Default false. */
  sealRecords?: boolean;
  /** How often the records of a connection are pulled anew, 1 to 720. Default 24. */
  pullIntervalHours?: number;
  /**
   * Where documents that records point to are kept, encrypted; one folder for all processes of an app. null: they are not
   * read. Default: beside the SQLite file, `<database>-attachments`; on Postgres null.
   */
  attachmentsFolder?: string | null;
  /** Lets `http://localhost` and loopback addresses through, for demo and tests. Default false. */
  allowLoopback?: boolean;
  /** Default: JSON lines on standard output, from warnings on. */
  logger?: Logger;
}

/** The options as the rest of the code reads them: complete and checked. */
export interface Configuration {
  publicUrl: string;
  publicOrigin: string;
  homeUrl: string;
  appName: string;
  patient: PatientOfRequest;
  database: string;
  sealingKeys: readonly SealingKey[];
  signingKeys: readonly JWK[];
  returnUrls: readonly URL[];
  registrations: ReadonlyMap<string, Registration>;
  recommendedConnectionIds: readonly string[];
  unreachableSources: "last" | "hide";
  sealRecords: boolean;
  attachmentsFolder: string | null;
  pullIntervalHours: number;
  allowLoopback: boolean;
  logger: Logger | undefined;
}

/** How the keys among the options are used while mb-connect runs. */
export interface KeyUse {
  /** Milliseconds since 1970: when a key's time has come. Without it the first key is in use from the start. */
  clock?: () => number;
  /** Told the kid each time that a key signs. */
  onSign?: (kid: string) => void;
}

/**
 * Checks the options.
 *
 * @throws {OptionsError} naming every fault
 */
export function readOptions(input: unknown, use: KeyUse = {}): Configuration {
  const parsed = schema.safeParse(input, {
    error: (issue) => (issue.code === "invalid_type" && issue.input === undefined ? "needed" : undefined),
  });
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => faultLine(issue));
  const given = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
  const allowLoopback = given.allowLoopback === true;
  const url = (path: string, value: unknown): URL | null => {
    if (typeof value !== "string") return null;
    const checked = checkUrl(value, allowLoopback);
    if (typeof checked !== "string") return checked;
    faults.push(`${path}: ${checked}`);
    return null;
  };
  const publicUrl = url("publicUrl", given.publicUrl);
  if (publicUrl?.search) faults.push("publicUrl: takes no query");
  const homeUrl = url("homeUrl", given.homeUrl);
  const listed = Array.isArray(given.returnUrls) ? given.returnUrls : [];
  const returnUrls = listed.map((one, index) => url(`returnUrls.${index}`, one)).filter((one) => one !== null);
  faults.push(...crossFaults(given));
  if (faults.length > 0 || !parsed.success || !publicUrl || !homeUrl) {
    throw new OptionsError(`mb-connect cannot start:\n${faults.map((line) => `- ${line}`).join("\n")}`);
  }
  const options = parsed.data;
  const signingKeys = options.signingKeys.map((jwk) => ({ ...jwk, alg: signingAlgorithm(jwk as JWK) ?? "" }));
  return {
    ...options,
    publicUrl: publicUrl.href.replace(/\/+$/, ""),
    publicOrigin: publicUrl.origin,
    homeUrl: homeUrl.href,
    returnUrls,
    signingKeys,
    attachmentsFolder: folderOf(options),
    registrations: new Map(options.registrations.map((one) => readRegistration(one, signingKeys, use))),
    logger: options.logger,
  };
}

function folderOf({ attachmentsFolder, database }: z.output<typeof schema>): string | null {
  if (attachmentsFolder !== undefined) return attachmentsFolder;
  return isPostgresUrl(database) ? null : `${database}-attachments`;
}

function readRegistration(
  input: z.output<typeof registration>,
  signingKeys: readonly (JWK & RingKey)[],
  { clock = () => Number.POSITIVE_INFINITY, onSign }: KeyUse,
): [string, Registration] {
  const {
    match,
    client_id,
    client_secret,
    token_endpoint_auth_method: _,
    signing_kid,
    redirect_path,
    ...profile
  } = input;
  const key = registrationKey(match);
  const ring = signingKeys.filter(({ kid }) => signing_kid === undefined || kid === signing_kid);
  const method = authMethod(input);
  return [
    key,
    {
      key,
      credentials: {
        client_id,
        client_secret,
        token_endpoint_auth_method: method,
        onSign,
        // Which key signs changes while the host runs: when the next one's time comes.
        get signingKey() {
          return method === "private_key_jwt" ? keyInUse(ring, clock()) : undefined;
        },
      },
      profile,
      redirect_path: redirect_path ?? null,
    },
  ];
}

/** What is wrong between entries, each of which is sound; told beside what is wrong within others. */
function crossFaults(given: Record<string, unknown>): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  const once = (path: string, name: string): void => {
    if (seen.has(`${path.split(".")[0]} ${name}`)) faults.push(`${path}: ${name} stands twice`);
    seen.add(`${path.split(".")[0]} ${name}`);
  };
  const signingKeys = soundOf(signingKey, given.signingKeys);
  for (const [index, key] of soundOf(sealingKey, given.sealingKeys).entries()) {
    if (key) once(`sealingKeys.${index}`, key.kid);
  }
  for (const [index, key] of signingKeys.entries()) if (key) once(`signingKeys.${index}`, key.kid);
  for (const [index, one] of soundOf(registration, given.registrations).entries()) {
    if (!one) continue;
    once(`registrations.${index}`, registrationKey(one.match));
    if (authMethod(one) !== "private_key_jwt") continue;
    const { signing_kid } = one;
    const has = signingKeys.some((key) => !key || signing_kid === undefined || key.kid === signing_kid);
    if (!has) faults.push(`registrations.${index}: private_key_jwt needs a key in signingKeys`);
  }
  return faults;
}

/** The entries of a list, null in the place of each that is not sound. */
function soundOf<Type extends z.ZodType>(type: Type, list: unknown): (z.output<Type> | null)[] {
  if (!Array.isArray(list)) return [];
  return list.map((one) => {
    const parsed = type.safeParse(one);
    return parsed.success ? parsed.data : null;
  });
}

function authMethod(one: Pick<z.output<typeof registration>, "client_secret" | "token_endpoint_auth_method">) {
  return one.token_endpoint_auth_method ?? (one.client_secret === undefined ? "none" : "client_secret_basic");
}

/** `RS384` or `ES384` by the key itself; null where it is no private key for either. */
function signingAlgorithm(jwk: JWK): "RS384" | "ES384" | null {
  try {
    const key = createPrivateKey({ key: jwk as JsonWebKeyInput["key"], format: "jwk" });
    const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
    if (key.asymmetricKeyType === "ec" && namedCurve === "secp384r1") return "ES384";
    return key.asymmetricKeyType === "rsa" && (modulusLength ?? 0) >= 2048 ? "RS384" : null;
  } catch {
    return null;
  }
}

/** The URL, or what is wrong with it. */
function checkUrl(value: string, allowLoopback: boolean): URL | string {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return "not an absolute URL";
  }
  const loopback = url.protocol === "http:" && isLoopbackHost(url.hostname);
  if (url.protocol !== "https:" && !loopback) return "must be https";
  if (loopback && !allowLoopback) return "plain http on loopback needs allowLoopback: true";
  if (url.username || url.password || url.hash) return "takes no user info and no fragment";
  return url;
}

function faultLine(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key) => [...issue.path, key].join("."))
      .map((path) => `${path}: not a known option`)
      .join("\n- ");
  }
  return `${issue.path.map(String).join(".") || "options"}: ${issue.message}`;
}

function fault(context: z.core.$RefinementCtx, path: (string | number)[], message: string): void {
  context.addIssue({ code: "custom", path, message });
}

function isLogger(value: unknown): boolean {
  const logger = value as Partial<Logger> | null;
  return [logger?.info, logger?.warn, logger?.error].every((method) => typeof method === "function");
}
