/**
 * The last pick, kept for an hour in this tab's `sessionStorage`: a return that failed does not say which hospital it
 * was, and *Try again* should lead to the same one. Holds an id, a name and a time; never what was typed.
 */
import type { Picked } from "./state.ts";

const KEY = "mb-connect:pick";
const HOUR_MS = 3_600_000;

/** Keeps a pick, or forgets the last. Without storage (a private or sandboxed page) retry means to search again. */
export function rememberPick(pick: Picked | null): void {
  try {
    sessionStorage.removeItem(KEY);
    if (pick) sessionStorage.setItem(KEY, JSON.stringify({ id: pick.id, name: pick.name, time: Date.now() }));
  } catch {}
}

/** The pick of the last hour, or null. */
export function recallPick(): Picked | null {
  try {
    const { id, name, time } = JSON.parse(sessionStorage.getItem(KEY) ?? "");
    return Date.now() - time < HOUR_MS ? { id: String(id), name: String(name) } : null;
  } catch {
    return null;
  }
}
