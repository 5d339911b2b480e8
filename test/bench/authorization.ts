/**
 * `authorization`: whole flows, from the session's url to the return with access, beside openid-client alone against the
 * same stub: a whole sign-in of a program that keeps nothing (discovery, authorization URL with PKCE, code grant), and the
 * same without its discovery, which ours keeps. Ours serves two requests and keeps all of it durably; the floors do neither.
 */
import { byTurns, timed, withBench } from "./rounds.ts";
import { type Row, row } from "./row.ts";

const ROUNDS = 15;
const FLOWS = 400;
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
    const bareRound = (discovers: boolean) => () =>
      timed(bare, FLOWS, () => bare.ask("run", { count: FLOWS, inFlight: IN_FLIGHT, discovers }));
    const { ours, whole, discovered } = await byTurns(ROUNDS, {
      async ours() {
        const batch = Array.from({ length: FLOWS }, () => `patient-${++patients}`);
        const sessions = await host.ask("sessions", { patients: batch });
        return timed(host, FLOWS, () => visitors.ask("walk", { sessions, inFlight: IN_FLIGHT }));
      },
      whole: bareRound(true),
      discovered: bareRound(false),
    });
    return [
      row("authorization: CPU for a flow / for a whole bare sign-in", "µs", ours.cpu, whole.cpu),
      row("authorization: CPU for a flow / for a bare sign-in that has discovered", "µs", ours.cpu, discovered.cpu),
      row("authorization: rate / of whole bare sign-ins", "1/s", ours.rate, whole.rate),
    ];
  });
}
