/**
 * The far side of `startPart`: a process of its own that answers its parent's questions. Apart, so that the processor time
 * of whoever serves is never mixed with that of whoever asks.
 */

/** A question, as it crosses to the part. */
export interface Question {
  id: number;
  name: string;
  argument: unknown;
}

/** What comes back; `id` 0 is the part's word that it is ready. */
export interface Answer {
  id: number;
  value?: unknown;
  fault?: string;
}

/** Answers questions by these functions, and `cpu` with the processor time used so far; ends with the parent. */
export function playPart(functions: Record<string, (argument: never) => unknown>): void {
  const known: typeof functions = {
    cpu: () => process.cpuUsage(),
    ...functions,
  };
  process.on("message", async ({ id, name, argument }: Question) => {
    try {
      reply({ id, value: await known[name]?.(argument as never) });
    } catch (thrown) {
      reply({ id, fault: String(thrown) });
    }
  });
  process.on("disconnect", () => process.exit());
  reply({ id: 0 });
}

function reply(answer: Answer): void {
  process.send?.(answer);
}
