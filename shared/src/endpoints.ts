/** The routes that a browser uses, below the host's mount path: one table for the router and for every client. */
export const ENDPOINTS = {
  connections: "/connections",
  patientSessions: "/patient-sessions",
  patientConnections: "/patient-connections",
  patientConnection: "/patient-connections/:id",
  logo: "/logos/:id",
  connect: "/connect/:token",
  callback: "/callback",
  callbackContinue: "/callback/continue",
  callbackOfIssuer: "/callback/:issuer",
  jwks: "/.well-known/jwks.json",
} as const;
