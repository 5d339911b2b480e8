/**
 * `authorization`: whole flows, from the session's url to the return with access, beside openid-client alone against the
 * same stub. Ours serves two requests and keeps all of it durably; the floor does neither.
 */
import { byTurns, timed, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";

const ROUNDS = 21;
const FLOWS = 200;
const IN_FLIGHT = 16;

/** Processor time for a flow in our process, and flows a second. */
export function authorizationBenchmark(): Promise<Row[]> {
  return withBench(async ({ folder, start }) => {
    const stub = await start("stub");
    const stubUrl = await stub.ask<string>("url");
    const host = await start("host", folder, `${stubUrl}/fhir`);
    const bare = await start("bare-client", stubUrl);
    const visitors = await start("visitors");
    let patients = 0;
    const { ours, floor } = await byTurns(
      ROUNDS,
      async () => {
        const batch = Array.from({ length: FLOWS }, () => `patient-${++patients}`);
        const sessions = await host.ask("sessions", { patients: batch });
        return timed(host, FLOWS, () => visitors.ask("walk", { sessions, inFlight: IN_FLIGHT }));
      },
      () => timed(bare, FLOWS, () => bare.ask("run", { count: FLOWS, inFlight: IN_FLIGHT })),
    );
    return [
      row("authorization: CPU for a flow", "µs", ours.cpu, floor.cpu),
      row("authorization: rate", "1/s", ours.rate, floor.rate),
    ];
  });
}
