/**
 * What a source's sign-in and its FHIR server need beyond the standard, as data: defaults ← the vendor's file ← what the
 * file says for some of its sources ← the app's own registration. Adding a vendor, or a vendor's quirk, is a change of data
 * in the package's folder `vendors`.
 */
import { z } from "zod";
import { VendorFileError, type Vendors } from "../catalog/vendor.ts";
import type { SourceRow } from "../store/schema.ts";

/** How scopes are written: `patient/X.read` (SMART 1) or `patient/X.rs` (SMART 2). */
export type ScopeSyntax = "v1" | "v2";

const RESERVED_PARAMETERS =
  /^(response_type|client_id|redirect_uri|scope|state|aud|code_challenge|code_challenge_method|nonce|launch)$/;

const scopes = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "is no scope"))
  .min(1)
  .refine((list) => !(list.some(isV1) && list.some(isV2)), "mixes patient/X.read with patient/X.rs");

const token_quirks = z.strictObject({
  /** True: a token answer without `token_type` counts as Bearer. */
  missing_token_type: z.boolean(),
  /** True: a token answer may be form-encoded. */
  form_body: z.boolean(),
});

const refresh = z.strictObject({
  /** `granted`: a refresh names the granted scopes. `omit`: it names none, which means the same in RFC 6749 section 6. */
  scope: z.enum(["omit", "granted"]),
  /** Never two refreshes of one connection within this many seconds. */
  min_interval_s: z.number().int().min(0),
  /** Refreshes a minute that the token endpoint's host bears, over all connections; null where no limit is known. */
  per_minute: z.number().positive().nullable(),
  /** A grant that is not used for this many days may be gone; half of it is when it is refreshed to stay. */
  idle_days: z.number().int().min(1),
});

const fhir = z.strictObject({
  /** The `Accept` header. */
  accept: z.string().min(1),
  /** Query parameters out of the token answer: parameter name → the answer's member. */
  query_from_token: z.record(z.string(), z.string()),
  /** `_count` of a search; a hint to the server. */
  page_size: z.number().int().min(1).max(1000),
  /** Requests at once. */
  concurrency: z.number().int().min(1).max(16),
  /** Requests a second. */
  rps: z.number().positive(),
});

const fields = {
  /** Fixed syntax, or null to choose by the server's capabilities. */
  scope_syntax: z.enum(["v1", "v2"]).nullable(),
  /** The whole scope list to ask for, or null for the default plan. `patient/X` without a right gets it in the syntax used. */
  scopes: scopes.nullable(),
  /** Asked for beside the plan or the list. */
  extra_scopes: z.array(z.string().regex(/^\S+$/)),
  /** Of all these, only what stands here is asked for, in whichever syntax; null lets all through. */
  scope_allowlist: scopes.nullable(),
  /** What the next sign-in asks for after the server refused with `invalid_scope`; null: the same again. */
  scopes_fallback: scopes.nullable(),
  /** Sent as `aud` instead of the FHIR base as catalogued, or null. */
  aud_override: z.string().min(1).nullable(),
  /** Further parameters of the authorization request; never one of OAuth's own. */
  extra_params: z.record(
    z.string().refine((name) => !RESERVED_PARAMETERS.test(name), "is a parameter that mb-connect sets itself"),
    z.string(),
  ),
  /** How spaces are written in the authorization request: `+` or `%20`. */
  space_encoding: z.enum(["+", "%20"]),
  /** `raw`: the Basic header holds `id:secret` as they are, as SMART App Launch shows. `rfc6749`: form-encoded first. */
  basic_encoding: z.enum(["raw", "rfc6749"]),
  /** Other `iss` values that count as this issuer. */
  issuer_aliases: z.array(z.string()),
  /** True: an id_token without the nonce fails the attempt. */
  require_nonce: z.boolean(),
  token_quirks,
  /** Hosts beside the authorization endpoint's own that the token endpoint may stand on. */
  token_hosts: z.array(z.string()),
  /** Where the FHIR patient is looked for, the first that tells wins. `access_token:x`: the claim x of an access token that is a JWT. */
  patient_from: z
    .array(z.union([z.enum(["token", "id_token", "search"]), z.templateLiteral(["access_token:", z.string()])]))
    .min(1),
  refresh,
  /** For the pull of records. */
  fhir,
  /** For the pull of records: type → what each of its searches asks beside the patient. */
  search_overrides: z.record(z.string(), z.array(z.string())),
  /** For the pull of records: the server answers `$everything`. */
  everything: z.boolean(),
  /** False: this source gives no refresh token, so that its absence is no surprise. */
  renewable_expected: z.boolean(),
};

const profile = z.strictObject(fields);

/** What a profile can be changed by: any of its fields; of a group, any of its members. */
export const profileChanges = z
  .strictObject({ ...fields, token_quirks: token_quirks.partial(), refresh: refresh.partial(), fhir: fhir.partial() })
  .partial();

/** The merged facts about one source that the SMART client asks for. */
export type SourceProfile = Readonly<z.output<typeof profile>>;
/** See {@link profileChanges}. */
export type ProfileChanges = z.output<typeof profileChanges>;

/** What holds for a source of which nothing special is known. */
export const DEFAULT_PROFILE: SourceProfile = {
  scope_syntax: null,
  scopes: null,
  extra_scopes: [],
  scope_allowlist: null,
  scopes_fallback: null,
  aud_override: null,
  extra_params: {},
  space_encoding: "+",
  basic_encoding: "raw",
  issuer_aliases: [],
  require_nonce: false,
  token_quirks: { missing_token_type: false, form_body: false },
  token_hosts: [],
  patient_from: ["token", "id_token", "search"],
  refresh: { scope: "omit", min_interval_s: 60, per_minute: null, idle_days: 30 },
  fhir: {
    accept: "application/fhir+json",
    query_from_token: {},
    page_size: 100,
    concurrency: 4,
    rps: 10,
  },
  search_overrides: {},
  everything: false,
  renewable_expected: true,
};

/** The profiles of all sources. */
export interface Profiles {
  /**
   * @param source its `type` tells the vendor, its FHIR base URL and brand, else name, what is special about it there
   * @param registration what the app's own registration sets; it wins
   */
  of(source: ProfiledSource, registration: ProfileChanges): SourceProfile;
}

/** What of a source decides its profile. */
export type ProfiledSource = Pick<SourceRow, "type" | "fhir_base_url" | "brand" | "name">;

/**
 * Reads the profiles of the vendor files.
 *
 * @throws {VendorFileError} naming the file and every fault of a profile in it
 */
export function readProfiles(vendors: Vendors): Profiles {
  const byType = new Map(
    vendors.all.map((vendor) => {
      const base = merged(DEFAULT_PROFILE, readChanges(vendor.type, "profile", vendor.profile));
      const overrides = vendor.overrides.map(({ match, profile }, index) => ({
        fhir_base_url: match.fhir_base_url && new RegExp(match.fhir_base_url, "i"),
        brand: match.brand && new RegExp(match.brand, "i"),
        changes: readChanges(vendor.type, `overrides.${index}.profile`, profile),
      }));
      return [vendor.type, { base, overrides }] as const;
    }),
  );
  return {
    of(source, registration) {
      const vendor = source.type === null ? undefined : byType.get(source.type);
      let found = vendor?.base ?? DEFAULT_PROFILE;
      for (const { fhir_base_url, brand, changes } of vendor?.overrides ?? []) {
        if (fhir_base_url && !fhir_base_url.test(source.fhir_base_url ?? "")) continue;
        if (brand && !brand.test(source.brand ?? source.name)) continue;
        found = merged(found, changes);
      }
      return merged(found, registration);
    },
  };
}

function readChanges(type: string, path: string, changes: unknown): ProfileChanges {
  const parsed = profileChanges.safeParse(changes);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${[path, ...issue.path].join(".")}: ${issue.message}`);
  throw new VendorFileError(`vendors, ${type}: ${faults.join("; ")}`);
}

/** Lists are replaced, groups and the extra parameters are merged member by member. */
function merged(base: SourceProfile, changes: ProfileChanges): SourceProfile {
  const { extra_params, token_quirks, refresh, fhir, ...plain } = given(changes);
  return {
    ...base,
    ...plain,
    extra_params: { ...base.extra_params, ...extra_params },
    token_quirks: { ...base.token_quirks, ...given(token_quirks ?? {}) },
    refresh: { ...base.refresh, ...given(refresh ?? {}) },
    fhir: { ...base.fhir, ...given(fhir ?? {}) },
  };
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the members that are undefined. */
function given<T extends object>(changes: T): Given<T> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Given<T>;
}

function isV1(scope: string): boolean {
  return /^(patient|user)\/.*\.(read|write|\*)$/.test(scope);
}

function isV2(scope: string): boolean {
  return /^(patient|user)\/.*\.c?r?u?d?s?(\?.*)?$/.test(scope) && !/\.$/.test(scope);
}
