/** Writes what the checks of a probe found into the table `source_liveness`, each as it comes. */
import { type LivenessCheck, markAfter } from "../catalog/liveness.ts";
import type { Context } from "../context.ts";
import { raiseCatalogVersion } from "../store/catalog.ts";
import { keepMark } from "../store/liveness.ts";
import type { SourceLivenessRow } from "../store/schema.ts";

/** Takes checks in; `end` tells what became of them. */
export interface MarkKeeper {
  keep(check: LivenessCheck): Promise<void>;
  end(): Promise<{ became: Partial<Record<SourceLivenessRow["state"], number>>; nothing_answered: boolean }>;
}

/** Faults that say that no server was reached. */
const UNREACHED: ReadonlySet<string | null> = new Set(["unknown_host", "unreachable", "timeout"]);
/** An answer this recent shows that this machine is let out. */
const HEARD_MS = 36 * 60 * 60 * 1000;
/** Least time between two new versions of the catalog: each lets every process build its index. */
const RAISE_MS = 60_000;

/** True for a fault that says that no server was reached, rather than what it answered. */
export function isUnreached(fault: string | null): boolean {
  return UNREACHED.has(fault);
}

/**
 * Makes one. Until some server was reached nothing is written: that none was says more of this machine than of theirs.
 *
 * @param marks as read, by `livenessKey`; kept in step with what is written
 */
export function createMarkKeeper(
  { db, clock }: Pick<Context, "db" | "clock">,
  marks: Map<string, SourceLivenessRow>,
): MarkKeeper {
  const held: LivenessCheck[] = [];
  const became: Partial<Record<SourceLivenessRow["state"], number>> = {};
  let heard = [...marks.values()].some(({ reason, checked_at }) => !reason && checked_at > clock() - HEARD_MS);
  let raisedAt = 0;
  /** Something changed since the version was raised. */
  let owed = false;

  async function write(check: LivenessCheck): Promise<void> {
    const before = marks.get(check.fhir_base_url);
    const after = markAfter(before, check);
    const changed = after.state !== (before?.state ?? "unknown");
    const raises = changed && clock() - raisedAt >= RAISE_MS;
    if (raises) raisedAt = clock();
    await db.transaction().execute(async (tx) => {
      await keepMark(tx, after);
      if (raises) await raiseCatalogVersion(tx);
    });
    owed = !raises && (owed || changed);
    marks.set(check.fhir_base_url, after);
    if (changed) became[after.state] = (became[after.state] ?? 0) + 1;
  }

  return {
    async keep(check) {
      if (!heard && isUnreached(check.fault)) {
        held.push(check);
        return;
      }
      heard = true;
      for (const one of [...held.splice(0), check]) await write(one);
    },
    async end() {
      if (owed) await db.transaction().execute(raiseCatalogVersion);
      return { became, nothing_answered: held.length > 0 };
    },
  };
}
