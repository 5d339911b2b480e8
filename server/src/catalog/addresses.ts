/**
 * Addresses as a search compares them: what a source is reached at, and what a patient pastes of it. From the whole FHIR
 * base URL down to the host's own domain, the more telling first.
 */

/** Domains under which many unrelated organizations are hosted tell nobody apart. */
const ENDINGS_OF_TWO = /\.(co|com|org|net|gov|edu|state|k12)\.[a-z]{2}$/;
/** Names of a host that say nothing of whose it is. */
const COMMON_LABELS = new Set(
  "www api app portal mychart patient patientportal health myhealth secure my fhir login home web".split(" "),
);

/** Host and path in lower case, without scheme, default port, query and trailing slash; null for what is no web address. */
export function plainAddress(text: string): string | null {
  const found = /^\s*(?:https?:\/\/)?([a-z0-9][a-z0-9.-]*\.[a-z]{2,})(?::(\d+))?(\/[^\s?#]*)?(?:[?#]\S*)?\s*$/i.exec(
    text,
  );
  if (!found) return null;
  const [, host = "", port, path = ""] = found;
  const shown = port === undefined || port === "443" || port === "80" ? "" : `:${port}`;
  return (host + shown + path).toLowerCase().replace(/\/+$/, "");
}

/** The host of a plain address. */
export function hostOf(address: string): string {
  return address.split(/[/:]/, 1)[0] ?? "";
}

/** The domain that a host belongs to: its last two names, three under endings such as `.co.uk`. */
export function domainOf(host: string): string {
  return host
    .split(".")
    .slice(ENDINGS_OF_TWO.test(host) ? -3 : -2)
    .join(".");
}

/** What a pasted address may be found by: itself, then ever shorter parts of its path, its host and its domain. */
export function addressParts(address: string): string[] {
  const host = hostOf(address);
  const parts = [address];
  for (let at = address.lastIndexOf("/"); at > 0 && parts.length < 12; at = address.lastIndexOf("/", at - 1)) {
    parts.push(address.slice(0, at));
  }
  return [...new Set([...parts, host, domainOf(host)])];
}

/** The words that the names of a host are made of, for an address that nothing is known of. */
export function wordsOfHost(host: string): string {
  const labels = host.split(".").slice(0, -1);
  return labels
    .filter((label) => !COMMON_LABELS.has(label) && /[a-z]/.test(label))
    .join(" ")
    .replaceAll("-", " ");
}
