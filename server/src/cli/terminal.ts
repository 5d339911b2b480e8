/** What a command works with: the terminal, the environment and the clock, handed to it by `cli.ts`. */

/** The surroundings of a command. */
export interface Terminal {
  /** Writes what was asked for. */
  print(text: string): void;
  /** Writes what is said beside it: hints, progress, faults. */
  say(text: string): void;
  /** True where what is said is read by a person, so that a line may be drawn over. */
  isInteractive: boolean;
  /** The database named by the environment. */
  database: string | undefined;
  /** Milliseconds since 1970. */
  clock(): number;
  /** Milliseconds from some moment on, finer than the clock's. */
  stopwatch(): number;
  /** The lines that are fed in, to their end. */
  lines(): AsyncIterable<string>;
  /** Aborts when the person wants the command to end; until this is called, that ends it at once. */
  interrupted(): AbortSignal;
  /** Ends the command with this code although nothing was thrown. */
  exitWith(code: number): void;
}

/** What keeps a command from being done. Its message is one line for the person at the terminal, and holds no secret. */
export class CommandError extends Error {
  override name = "CommandError";
}
