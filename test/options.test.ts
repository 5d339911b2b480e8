/** The options: what is missing or contradictory stops the start, every fault told at once with how to mend it. */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import { readOptions } from "#server/options.js";

const sealingKey = { kid: "a", key: randomBytes(32).toString("base64url") };
const good = {
  publicUrl: "https://app.example.com/api",
  homeUrl: "https://app.example.com/",
  appName: "Example",
  patient: () => null,
  sealingKeys: [sealingKey],
  returnUrls: ["https://app.example.com/connected"],
  registrations: [{ match: { vendor: "Epic" }, client_id: "app" }],
};
const jwk = (options: { modulusLength?: number; namedCurve?: string }, kid = "k") => {
  const pair =
    options.namedCurve === undefined
      ? generateKeyPairSync("rsa", { modulusLength: options.modulusLength ?? 2048 })
      : generateKeyPairSync("ec", { namedCurve: options.namedCurve });
  return { ...pair.privateKey.export({ format: "jwk" }), kid };
};

/** The faults that a change of the good options is told. */
function faults(change: object): string[] {
  try {
    readOptions({ ...good, ...change });
  } catch (thrown) {
    assert.equal((thrown as Error).name, "OptionsError");
    return (thrown as Error).message.split("\n").slice(1);
  }
  return [];
}

test("the least that is needed is enough, and defaults stand", () => {
  const options = readOptions(good);
  assert.equal(options.database, "./mb-connect.db");
  assert.equal(options.allowLoopback, false);
  assert.equal(options.sealRecords, false);
  assert.equal(options.attachmentsFolder, "./mb-connect.db-attachments");
  assert.equal(readOptions({ ...good, database: "postgres://localhost/mb" }).attachmentsFolder, null);
  assert.equal(readOptions({ ...good, attachmentsFolder: null }).attachmentsFolder, null);
  assert.equal(options.registrations.get("vendor:epic")?.credentials.token_endpoint_auth_method, "none");
  assert.equal(
    readOptions({ ...good, publicUrl: "https://app.example.com/api/" }).publicUrl,
    "https://app.example.com/api",
  );
});

test("nothing at all names every option that is needed, and how to make a key", () => {
  assert.throws(
    () => readOptions(undefined),
    (thrown: Error) => {
      assert.match(thrown.message, /mb-connect cannot start/);
      return true;
    },
  );
  const told = faults(Object.fromEntries(Object.keys(good).map((key) => [key, undefined])));
  for (const name of Object.keys(good))
    assert.ok(
      told.some((line) => line.startsWith(`- ${name}: `)),
      name,
    );
  assert.ok(told.some((line) => line.includes("npx mb-connect keys new sealing")));
});

test("faults of every kind are told together", () => {
  const told = faults({
    publicUrl: "http://app.example.com/api",
    returnUrls: ["https://app.example.com/a", "not a url", "https://u:p@app.example.com/"],
    registrations: [{ match: { vendor: "Epic", brand: "b" }, client_id: "" }],
    unknownOption: 1,
  });
  assert.deepEqual(told.map((line) => line.split(":")[0]).sort(), [
    "- publicUrl",
    "- registrations.0.client_id",
    "- registrations.0.match",
    "- returnUrls.1",
    "- returnUrls.2",
    "- unknownOption",
  ]);
});

const refusals: [what: string, change: object, expected: RegExp][] = [
  ["a short sealing key", { sealingKeys: [{ kid: "a", key: "short" }] }, /sealingKeys\.0\.key: 32 bytes/],
  ["a sealing kid with a dot", { sealingKeys: [{ ...sealingKey, kid: "a.b" }] }, /sealingKeys\.0\.kid/],
  ["one sealing kid twice", { sealingKeys: [sealingKey, sealingKey] }, /sealingKeys\.1: a stands twice/],
  ["no sealing key", { sealingKeys: [] }, /sealingKeys: make one with: npx mb-connect keys new sealing/],
  [
    "loopback without the allowance",
    { publicUrl: "http://localhost:3000/api" },
    /publicUrl: plain http on loopback needs allowLoopback/,
  ],
  [
    "a fragment on a return URL",
    { returnUrls: ["https://a.example/#x"] },
    /returnUrls\.0: takes no user info and no fragment/,
  ],
  ["no return URL", { returnUrls: [] }, /returnUrls/],
  ["no registration", { registrations: [] }, /registrations/],
  [
    "two registrations for one thing",
    { registrations: [good.registrations[0], { match: { vendor: "EPIC" }, client_id: "b" }] },
    /registrations\.1: vendor:epic stands twice/,
  ],
  [
    "a secret method without a secret",
    { registrations: [{ ...good.registrations[0], token_endpoint_auth_method: "client_secret_post" }] },
    /registrations\.0\.client_secret: client_secret_post needs one/,
  ],
  [
    "a secret for a public client",
    { registrations: [{ ...good.registrations[0], client_secret: "s", token_endpoint_auth_method: "none" }] },
    /none takes none/,
  ],
  [
    "private_key_jwt without a key",
    { registrations: [{ ...good.registrations[0], token_endpoint_auth_method: "private_key_jwt" }] },
    /registrations\.0: private_key_jwt needs a key in signingKeys/,
  ],
  [
    "a parameter of OAuth's own",
    { registrations: [{ ...good.registrations[0], extra_params: { state: "x" } }] },
    /extra_params\.state/,
  ],
  [
    "a public key to sign with",
    { signingKeys: [{ kid: "k", kty: "EC", crv: "P-384", x: "x", y: "y" }] },
    /signingKeys\.0: .*npx mb-connect keys new signing/,
  ],
  ["a P-256 key", { signingKeys: [jwk({ namedCurve: "P-256" })] }, /signingKeys\.0/],
  ["a 1,024-bit RSA key", { signingKeys: [jwk({ modulusLength: 1024 })] }, /signingKeys\.0/],
  [
    "a key that claims another algorithm",
    { signingKeys: [{ ...jwk({ namedCurve: "P-384" }), alg: "RS384" }] },
    /signingKeys\.0\.alg: this key signs ES384/,
  ],
  ["a patient that is no function", { patient: "user" }, /patient: a function of the request/],
  ["a recommended id that is none", { recommendedConnectionIds: ["x"] }, /recommendedConnectionIds\.0/],
];
for (const [what, change, expected] of refusals) {
  test(`refuses ${what}`, () => {
    const told = faults(change);
    assert.equal(told.length, 1, told.join("\n"));
    assert.match(told[0] ?? "", expected);
  });
}

test("A5: the redirect URI is https and path alone: a query, a fragment or user info on publicUrl is refused", () => {
  for (const [publicUrl, fault] of [
    ["https://app.example.com/api?x=1", "- publicUrl: takes no query"],
    ["https://app.example.com/api#x", "- publicUrl: takes no user info and no fragment"],
    ["https://u:p@app.example.com/api", "- publicUrl: takes no user info and no fragment"],
    ["http://app.example.com/api", "- publicUrl: must be https"],
  ]) {
    assert.deepEqual(faults({ publicUrl }), [fault]);
  }
});

test("T1: a registration needs just what its method needs, a list of keys only private ones, an endpoint one registration; all is told at once", () => {
  const { kty, crv, x, y } = jwk({ namedCurve: "P-384" });
  const endpoint = "https://fhir.example.com/r4";
  const one = { match: { endpoint }, client_id: "a" };
  assert.deepEqual(faults({ signingKeys: { keys: [] } }), [
    "- signingKeys: a list of private JWKs, not a JWKS document",
  ]);
  const told = faults({
    signingKeys: [{ kid: "public", kty, crv, x, y }],
    registrations: [
      one,
      one,
      { ...one, token_endpoint_auth_method: "client_secret_basic" },
      { ...one, client_secret: "s", token_endpoint_auth_method: "private_key_jwt" },
      { ...one, client_secret: "s", token_endpoint_auth_method: "none" },
      { ...one, token_endpoint_auth_method: "tls_client_auth" },
    ],
  });
  assert.deepEqual(told.map((line) => /^- ([^:]*)/.exec(line)?.[1]).sort(), [
    "registrations.1",
    "registrations.2.client_secret",
    "registrations.3.client_secret",
    "registrations.4.client_secret",
    "registrations.5.token_endpoint_auth_method",
    "signingKeys.0",
  ]);
  const keyless = { match: { vendor: "Epic" }, client_id: "a", token_endpoint_auth_method: "private_key_jwt" };
  const sameEndpoint = { match: { endpoint: "https://FHIR.example.com:443/r4/" }, client_id: "b" };
  assert.deepEqual(
    faults({ registrations: [keyless, { ...keyless, match: { brand: "B" }, signing_kid: "k" }, one, sameEndpoint] }),
    [
      "- registrations.0: private_key_jwt needs a key in signingKeys",
      "- registrations.1: private_key_jwt needs a key in signingKeys",
      "- registrations.3: endpoint:https://fhir.example.com/r4 stands twice",
    ],
  );
});

test("signing keys get the algorithm that they can sign with", () => {
  const registrations = [
    { match: { vendor: "x" }, client_id: "a", token_endpoint_auth_method: "private_key_jwt", signing_kid: "rsa" },
  ];
  const options = readOptions({
    ...good,
    registrations,
    signingKeys: [jwk({ namedCurve: "P-384" }, "ec"), jwk({}, "rsa")],
  });
  assert.deepEqual(
    options.signingKeys.map(({ alg }) => alg),
    ["ES384", "RS384"],
  );
  assert.equal(options.registrations.get("vendor:x")?.credentials.signingKey?.kid, "rsa");
});

test("no fault repeats a secret", () => {
  const told = faults({
    sealingKeys: [{ kid: "a", key: "canary-key" }],
    registrations: [{ match: {}, client_id: "a", client_secret: "canary-secret", nonsense: 1 }],
  });
  assert.ok(told.length >= 3);
  assert.ok(!told.join().includes("canary"));
});
