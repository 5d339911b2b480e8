/**
 * What a source's sign-in needs beyond the standard, as data: defaults ← vendor ← the app's own registration. Adding a
 * vendor's quirk is a line in `VENDOR_PROFILES`, keyed by the source's `type`.
 */

/** How scopes are written: `patient/X.read` (SMART 1) or `patient/X.rs` (SMART 2). */
export type ScopeSyntax = "v1" | "v2";

/** The merged facts that the SMART client asks for. */
export interface SourceProfile {
  /** Fixed syntax, or null to choose by the server's capabilities. */
  scope_syntax: ScopeSyntax | null;
  /** The whole scope list to ask for, or null for the default plan. */
  scopes: readonly string[] | null;
  /** Sent as `aud` instead of the FHIR base as catalogued, or null. */
  aud_override: string | null;
  /** Further parameters of the authorization request; never one of OAuth's own. */
  extra_params: Readonly<Record<string, string>>;
  /** `raw`: the Basic header holds `id:secret` as they are, as SMART App Launch shows. `rfc6749`: form-encoded first. */
  basic_encoding: "raw" | "rfc6749";
  /** Other `iss` values that count as this issuer. */
  issuer_aliases: readonly string[];
  /** True: an id_token without the nonce fails the attempt. */
  require_nonce: boolean;
  /** True: a token answer without `token_type` counts as Bearer. */
  missing_token_type: boolean;
}

const DEFAULT_PROFILE: SourceProfile = {
  scope_syntax: null,
  scopes: null,
  aud_override: null,
  extra_params: {},
  basic_encoding: "raw",
  issuer_aliases: [],
  require_nonce: false,
  missing_token_type: false,
};

const VENDOR_PROFILES: Readonly<Record<string, Partial<SourceProfile>>> = {
  // Claims only; a wildcard or fhirUser is answered with invalid_scope.
  bluebutton: {
    scopes: [
      "openid",
      "profile",
      "launch/patient",
      "patient/Patient.read",
      "patient/Coverage.read",
      "patient/ExplanationOfBenefit.read",
    ],
  },
};

/**
 * The profile of a source.
 *
 * @param type the source's `type`, such as `epic`, or null
 * @param registration what the app's own registration sets; it wins
 */
export function sourceProfile(type: string | null, registration: Partial<SourceProfile>): SourceProfile {
  const own = Object.fromEntries(Object.entries(registration).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_PROFILE, ...(type === null ? {} : VENDOR_PROFILES[type]), ...own };
}
