/**
 * The last picks, by id and by what tells a hospital from others of its name; never what was typed. The one of the last hour
 * stays in this tab: a return that failed does not say which hospital it was, and *Try again* should lead to the same one. A
 * few stay on this device, to be offered again, until the patient has them forgotten. Without storage (a private or sandboxed
 * page) nothing stays.
 */
import type { Picked } from "./state.ts";

const HOUR_MS = 3_600_000;
const KEPT_PICKS = 4;

interface Kept extends Picked {
  time: number;
}

// Touching a storage throws where the browser forbids it.
const storageOf = (lasting: boolean): Storage => (lasting ? localStorage : sessionStorage);
const keyOf = (lasting: boolean): string => `mb-connect:${lasting ? "recent" : "pick"}`;

/** Keeps a pick, in this tab and on this device. */
export function rememberPick({ id, name, city, state, zip, logo_url }: Picked): void {
  for (const lasting of [false, true]) {
    const older = lasting ? recallPicks(true).filter((one) => one.id !== id) : [];
    const picks = [{ id, name, city, state, zip, logo_url, time: Date.now() }, ...older].slice(0, KEPT_PICKS);
    try {
      storageOf(lasting).setItem(keyOf(lasting), JSON.stringify(picks));
    } catch {}
  }
}

/** Forgets what was kept, in this tab or on this device. */
export function forgetPicks(lasting: boolean): void {
  try {
    storageOf(lasting).removeItem(keyOf(lasting));
  } catch {}
}

/** What was picked on this device, latest first; or the one pick of the last hour in this tab. */
export function recallPicks(lasting: boolean): Picked[] {
  try {
    const kept: Kept[] = JSON.parse(storageOf(lasting).getItem(keyOf(lasting)) ?? "");
    return kept
      .filter(({ time }) => lasting || Date.now() - time < HOUR_MS)
      .map(({ time, id, name, ...shown }) => ({ ...shown, id: String(id), name: String(name) }));
  } catch {
    return [];
  }
}
