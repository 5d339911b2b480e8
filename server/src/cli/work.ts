/** `mb-connect work`: the background in a process of its own, beside hosts that leave it out. */
import type { Command } from "commander";
import { mbConnect } from "../mb-connect.ts";
import { loadOptions, withSoundOptions } from "./config-file.ts";
import type { Terminal } from "./terminal.ts";

/** Adds `work`. */
export function addWork(program: Command, terminal: Terminal): void {
  program
    .command("work")
    .description(
      "run the background: pulls, refreshes, exports, deliveries; ends at SIGTERM or SIGINT, when what runs is done",
    )
    .requiredOption("--config <file>", "ES module that exports the host's options, as default or as `options`")
    .action(async ({ config }: { config: string }) => {
      const stopped = terminal.interrupted();
      const options = await loadOptions(config);
      const mb = withSoundOptions(config, options, () => mbConnect(options));
      try {
        await mb.ready;
        await mb.worker.start();
        terminal.say("The worker runs.\n");
        await aborted(stopped);
        terminal.say("The worker stops.\n");
      } finally {
        await mb.close();
      }
    });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
