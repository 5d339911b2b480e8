/** A webhook's secrets, as they lie in the vault: the one that signs, and for a day the one that a rotation replaced. */
import type { Context } from "./context.ts";
import type { WebhookRow } from "./store/schema.ts";

type Vault = Pick<Context, "vault">;

/** How long the secret before a rotation signs beside the new one, in milliseconds. */
export const BOTH_SIGN_MS = 86_400_000;

/** Seals a new webhook's secret. */
export function sealSecret({ vault }: Vault, id: string, secret: string): Pick<WebhookRow, "sealed_secret"> {
  return { sealed_secret: vault.seal(secret, placeOf(id, "secret")) };
}

/** Seals the secret that takes another's place, which is kept beside it. */
export function rotateSecret(context: Vault, webhook: WebhookRow, secret: string, now: number) {
  const previous = context.vault.open<string>(webhook.sealed_secret, placeOf(webhook.id, "secret"));
  return {
    ...sealSecret(context, webhook.id, secret),
    sealed_previous_secret: context.vault.seal(previous, placeOf(webhook.id, "previous_secret")),
    previous_until: now + BOTH_SIGN_MS,
  } satisfies Partial<WebhookRow>;
}

/** The secrets that sign at a time, the newest first. */
export function openSecrets({ vault }: Vault, webhook: WebhookRow, now: number): string[] {
  const { id, sealed_secret, sealed_previous_secret, previous_until } = webhook;
  const current = vault.open<string>(sealed_secret, placeOf(id, "secret"));
  if (sealed_previous_secret === null || (previous_until ?? 0) <= now) return [current];
  return [current, vault.open<string>(sealed_previous_secret, placeOf(id, "previous_secret"))];
}

function placeOf(id: string, column: "secret" | "previous_secret") {
  return { table: "webhooks", id, column } as const;
}
