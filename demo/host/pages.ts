/** The clinic app's one page, as the server renders it: who is signed in, the tag, and what the server knows to be connected and here. */
import { type ClinicPatient, PATIENTS } from "./login.ts";
import type { ConnectedHospital, Known, ShownRecord } from "./records.ts";

/** States in a patient's words. */
const STATUS: Record<string, string> = {
  active: "Connected",
  failed: "Did not go through",
  expired: "Access has ended",
  refresh_failed: "Access has ended, please connect again",
  disconnected: "Disconnected",
};

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const text = (value: string): string => value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");

const signInButton = ({ id, name }: ClinicPatient, words: string): string => `
<form method="post" action="/sign-in"><input type="hidden" name="patient" value="${text(id)}"><button>${words} ${text(name)}</button></form>`;

/** How much is here, as the page was asked for. */
const amount = ({ records, arriving }: ConnectedHospital): string =>
  arriving && records === 0
    ? "records are on their way"
    : `${records.toLocaleString("en")} records${arriving ? " so far" : ""}`;

const connectionItem = (hospital: ConnectedHospital): string => `
<li><strong>${text(hospital.name)}</strong><span>${text(STATUS[hospital.status] ?? hospital.status)} · ${amount(hospital)} · <time datetime="${text(hospital.since)}">${text(hospital.since.slice(0, 10))}</time></span></li>`;

const recordItem = (record: ShownRecord): string => `
<li><strong>${text(record.text)}</strong><span>${text(record.hospital)}</span></li>`;

const forPatient = (patient: ClinicPatient, { hospitals, records }: Known): string => `
<section class="who" aria-label="Your account">
<p>Signed in as <strong>${text(patient.name)}</strong></p>
${PATIENTS.filter(({ id }) => id !== patient.id)
  .map((other) => signInButton(other, "Switch to"))
  .join("")}
<form method="post" action="/sign-out"><button>Sign out</button></form>
</section>
<section class="card" aria-labelledby="bring">
<h1 id="bring">Bring your records to your first visit</h1>
<mb-connect app-name="Demo Clinic"></mb-connect>
</section>
<section class="card" aria-labelledby="connected">
<h2 id="connected">Your hospitals</h2>
${hospitals.length ? `<ul>${hospitals.map(connectionItem).join("")}</ul>` : "<p>None is connected yet.</p>"}
</section>
<section class="card" aria-labelledby="records">
<h2 id="records">What we know from them</h2>
${records.length ? `<ul>${records.map(recordItem).join("")}</ul>` : "<p>Nothing yet.</p>"}
${hospitals.some(({ arriving }) => arriving) ? '<p><a href="/">Look again</a></p>' : ""}
</section>`;

const forNobody = (): string => `
<section class="card" aria-labelledby="out">
<h1 id="out">You are signed out</h1>
<p>This is a demo: nobody here is real, so no password is asked.</p>
<div class="who">${PATIENTS.map((patient) => signInButton(patient, "Sign in as")).join("")}</div>
</section>`;

/** The whole page; `patient` is null where nobody is signed in. */
export const clinicPage = (patient: ClinicPatient | null, known: Known | null): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="A clinic's page where a patient brings records from other hospitals, to try mb-connect.">
<title>Demo Clinic</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/clinic.css">
<script type="module" src="/mb-connect.min.js"></script>
</head>
<body>
<header><p><img src="/favicon.svg" alt="" width="32" height="32"> Demo Clinic</p></header>
<main>${patient && known ? forPatient(patient, known) : forNobody()}</main>
<footer><p><a href="/playground/">Playground</a> The tag in every state, and how to dress it.</p></footer>
</body>
</html>`;
