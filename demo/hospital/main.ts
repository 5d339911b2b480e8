/**
 * The simulated hospital as a process of its own: `main.ts [PORT] [REDIRECT_URI]`, or `HOSPITAL_PORT` and
 * `HOSPITAL_REDIRECT_URI`. Prints its URL and runs until it is told to stop, or until whoever started it is gone.
 */
import { demoClinic, startHospital } from "./server.ts";

const port = Number(process.argv[2] ?? process.env.HOSPITAL_PORT ?? 0);
const redirectUri = process.argv[3] ?? process.env.HOSPITAL_REDIRECT_URI ?? "http://localhost:3000/api/callback";
const hospital = await startHospital({ port, clients: [demoClinic(redirectUri)] });
console.log(hospital.url);

const stop = (): void => void hospital.close().then(() => process.exit(0));
process.once("SIGINT", stop).once("SIGTERM", stop).once("disconnect", stop);
