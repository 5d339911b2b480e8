/** `sessions`: sessions created over HTTP, each durable before it is answered, beside the same by bare parts. */
import { byTurns, type Part, type Round, timed, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";

const ROUNDS = 21;
const SESSIONS = 400;
const IN_FLIGHT = 32;

/** Processor time for a session in the server's process, and sessions a second. */
export function sessionsBenchmark(): Promise<Row[]> {
  return withBench(async ({ folder, start }) => {
    const host = await start("host", folder, "http://127.0.0.1:9/fhir");
    const bare = await start("bare-sessions", folder);
    const visitors = await start("visitors");
    const { connectionId } = await host.ask<{ connectionId: string }>("target");
    let patients = 0;
    const roundOf = async (server: Part): Promise<Round> => {
      const target = { ...(await server.ask<object>("target")), connectionId };
      const batch = Array.from({ length: SESSIONS }, () => `patient-${++patients}`);
      return timed(server, SESSIONS, () => visitors.ask("post", { target, patients: batch, inFlight: IN_FLIGHT }));
    };
    const { ours, floor } = await byTurns(ROUNDS, { ours: () => roundOf(host), floor: () => roundOf(bare) });
    return [
      row("sessions: CPU for each", "µs", ours.cpu, floor.cpu),
      row("sessions: rate", "1/s", ours.rate, floor.rate),
    ];
  });
}
