/**
 * The simulated hospital as a process of its own: `main.ts [PORT] [REDIRECT_URI]`, or `HOSPITAL_PORT` and
 * `HOSPITAL_REDIRECT_URI`; `HOSPITAL_RECORDS` is how many records each person has at each facility, and `HOSPITAL_ANSWER_MS`
 * how long its FHIR server takes. Prints its URL and runs until it is told to stop, or until whoever started it is gone.
 */
import { demoClinic, startHospital } from "./server.ts";

const port = Number(process.argv[2] ?? process.env.HOSPITAL_PORT ?? 0);
const redirectUri = process.argv[3] ?? process.env.HOSPITAL_REDIRECT_URI ?? "http://localhost:3000/api/callback";
const { HOSPITAL_RECORDS, HOSPITAL_ANSWER_MS } = process.env;
const hospital = await startHospital({
  port,
  clients: [demoClinic(redirectUri)],
  ...(HOSPITAL_RECORDS ? { records: Number(HOSPITAL_RECORDS) } : {}),
  answerMs: Number(HOSPITAL_ANSWER_MS ?? 0),
});
console.log(hospital.url);

const stop = (): void => void hospital.close().then(() => process.exit(0));
process.once("SIGINT", stop).once("SIGTERM", stop).once("disconnect", stop);
