/**
 * The contract of a destination: where records are handed on to. An export asks it for no more than to take a batch, and to
 * take the same batch again after a crash without harm.
 */

/** A record as it is handed over: its own text, a Patient with the host's identifier. */
export interface HandedRecord {
  type: string;
  fhir_id: string;
  text: string;
}

/** Some records of one connection. */
export interface Batch {
  connection_id: string;
  /** Where the hospital keeps them; without a slash at its end. */
  fhir_base_url: string;
  run_id: string;
  /** Which batch of the run, from 0. Together they name it: what comes again under the same name is the same or less. */
  number: number;
  /** It was begun before: whatever came of that, it comes again. */
  again: boolean;
  /** Of one type after the other; what others refer to comes first, as far as there is a first. */
  records: readonly HandedRecord[];
}

/** What became of a batch: how many of its records the destination will not have, whatever happens. */
export interface HandedOver {
  refused: number;
}

/** A place that takes records. */
export interface Destination {
  /** How much one batch may hold; one record alone may hold more bytes. */
  limits: { records: number; bytes: number };
  /**
   * Tries it without leaving anything clinical behind.
   *
   * @throws {DestinationError}
   */
  test(): Promise<void>;
  /**
   * Takes a batch; when it resolves, what was taken is kept.
   *
   * @throws {DestinationError} when it cannot take the batch now; all of it comes again
   */
  handOver(batch: Batch, signal: AbortSignal): Promise<HandedOver>;
}

/** Why a destination cannot take records. Codes and sentences are ours, never a server's text. */
export class DestinationError extends Error {
  override name = "DestinationError";
  /** Such as `no_space`, `unreachable`, `http_401`: what a run says. */
  readonly code: string;
  /** The setting at fault, or null. */
  readonly param: string | null;

  /** @param message what failed and what to do, for whoever configures it */
  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}
