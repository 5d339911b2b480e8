/**
 * A clinic's app that lets its patients bring their records: what a reader copies. An Express app with a login of its own;
 * mb-connect's routes stand below `/api`, its tag in the page.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { mbConnect } from "@mb-connect/server";
import express from "express";
import { clinicLogin, PATIENTS } from "./login.ts";
import { clinicPage } from "./pages.ts";
import { knownOf } from "./records.ts";
import { registrations } from "./registrations.ts";

const { PORT, DATABASE, SEALING_KEY = "", BRANDS = "" } = process.env;
const origin = `http://localhost:${PORT}`;
const tag = fileURLToPath(import.meta.resolve("@mb-connect/widget/cdn"));
const locales = dirname(fileURLToPath(import.meta.resolve("@mb-connect/widget/locales/es")));
const login = clinicLogin();

const mb = mbConnect({
  publicUrl: `${origin}/api`,
  homeUrl: `${origin}/`,
  appName: "Demo Clinic",
  patient: (request) => login.patientOf(request)?.id ?? null,
  database: DATABASE,
  sealingKeys: [{ kid: "demo", key: SEALING_KEY }],
  returnUrls: [`${origin}/connected`],
  registrations: await registrations(BRANDS),
  allowLoopback: true,
});

/** As strict as it can be: nothing foreign, nothing inline, and no markup out of text but the tag's own templates. */
const POLICY =
  "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types lit-html";

const app = express();
app.use((_request, response, next) => {
  response.set("Content-Security-Policy", POLICY);
  next();
});
app.use("/api", mb.router);
app.get("/mb-connect.min.js", (_request, response) => response.sendFile(tag));
app.use("/locales", express.static(locales));
app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use(login.router);
app.get(["/", "/connected"], async (request, response) => {
  const patient = login.patientOf(request);
  const known = patient && (await knownOf(mb, patient.id));
  response.set("Cache-Control", "no-store").send(clinicPage(patient, known));
});

for (const patient of PATIENTS) await mb.patients.create(patient);
const server = app.listen(Number(PORT), "127.0.0.1", () => process.send?.("listening"));
mb.worker.start();

const stop = () => void server.close(() => mb.close().then(() => process.exit(0)));
process.once("SIGINT", stop).once("SIGTERM", stop).once("disconnect", stop);
