/** What discovery finds in documents as real servers sent them, and in descriptions that others wrote of platforms. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { describe, test } from "node:test";
import { createDoor } from "#server/fetch.js";
import { readConfiguration } from "#server/smart/configuration.js";
import { createDiscovery } from "#server/smart/discovery.js";
import { scopeSyntax } from "#server/smart/scopes.js";
import { testDatabases } from "./support/databases.ts";
import { NEEDS_REAL_DATA, realData } from "./support/real-data.ts";

/**
 * File → where the endpoints stand (`smart`: a smart-configuration; `uris`: oauth-uris of a CapabilityStatement or DSTU2
 * Conformance; `none`: nowhere), the token endpoint's host, and what is worth telling: the scopes' syntax, `S256`, `revoke`.
 * Two files keep their extension below `http://DSTU2/…`, and Oracle's new statements name no endpoints any more.
 */
const FOUND: Record<string, string> = {
  "lantern/advantagecare_physicians_stu3.json": "uris epwebapps.acpny.com v1",
  "lantern/allscripts_capability_dstu2.json": "uris fhir.fhirpoint.open.allscripts.com v1",
  "lantern/authorization_cerner_smart_response.json": "smart authorization.cerner.com v2 S256",
  "lantern/careevolution_dstu2.json": "uris fhir.careevolution.com v1",
  "lantern/cerner_capability_dstu2.json": "uris authorization.cerner.com v1",
  "lantern/epic_capability_dstu2.json": "uris epicproxy.ardenthealth.com v1",
  "lantern/epic_capability_stu3.json": "uris iconnect-fhir.cooperhealth.edu v1",
  "lantern/fhir_sandbox_smart_response.json": "smart fhirsandbox2.tsysinteropsvcs.net:8110 v1",
  "lantern/meditech_capability_dstu2.json": "uris croh-mapilive.primehealthcare.com v1",
  "lantern/metadata.json": "uris authorization.cerner.com v1",
  "lantern/novendor_capability_dstu2.json": "uris authorization.cerner.com v1",
  "lantern/supported_profiles_dstu2.json": "uris portal.springhill.org v1",
  "lantern/supported_profiles_r4.json": "uris login.microsoftonline.com v1",
  "lantern/test_cerner_capability_dstu2_extensions.json": "none",
  "lantern/test_dstu2_capability_statement.json": "uris fhir.fhirpoint.open.allscripts.com v1",
  "lantern/test_r4_capability_statement.json": "none",
  "lantern/test_r4_capability_statement_extensions.json": "uris authorization.cerner.com v1",
  "lantern/wellstar_capability_tester.json": "none",
  "the-map/cerner__CapabilityStatement-2026-04-26.json": "none",
  "the-map/cerner__CapabilityStatement-2026-05-11.json": "none",
  "the-map/epic__CapabilityStatement-2026-04-26.json": "uris fhir.epic.com v1",
  "the-map/epic__CapabilityStatement-2026-05-11.json": "uris fhir.epic.com v1",
  "the-map/meditech__CapabilityStatement-2026-04-27.json": "uris greenfield-prod-apis.meditech.com v1 revoke",
  "the-map/meditech__CapabilityStatement-STU7-atchhosp-2026-04-27.json":
    "uris mtrestapis-live01.atchhosp.org v1 revoke",
  "the-map/meditech__CapabilityStatement-argonaut-atchhosp-2026-04-27.json":
    "uris mtrestapis-live01.atchhosp.org v1 revoke",
  "the-map/meditech__CapabilityStatement-atchhosp-2026-04-27.json": "uris mtrestapis-live01.atchhosp.org v1 revoke",
  "the-map/meditech__CapabilityStatement-greenfield-STU6-2026-04-27.json":
    "uris greenfield-prod-apis.meditech.com v1 revoke",
  "the-map/meditech__smart-configuration-atchhosp-2026-04-27.json":
    "smart mtrestapis-live01.atchhosp.org v2 S256 revoke",
  "the-map/meditech__smart-configuration-greenfield-STU6-2026-04-27.json":
    "smart greenfield-prod-apis.meditech.com v2 S256 revoke",
};

/**
 * The descriptions of platforms are no server's documents: they hold what somebody wrote down of each. These name both
 * endpoints, which are read as a smart-configuration's would be: kind, token endpoint's host, and `apart` where patients
 * sign in on another host. `{tenant_id}` stands in Oracle's.
 */
const DESCRIBED: Record<string, string> = {
  "aetna-sandbox": "sandbox vteapif1.aetna.com",
  aetna: "payer apif1.aetna.com",
  "anthem-patient": "payer patient360c.anthem.com",
  bcbsar: "payer api.arkbluecross.com",
  bcbsaz: "payer azblue.innovaccer.com",
  bcbsks: "payer patient360ks.bcbsdirect.com",
  bcbsla: "payer api-bcbs-prd.safhir.io",
  bcbsmn: "payer api.bluecrossmn.com",
  bcbssc: "payer login.myhealthtoolkit.com",
  bluekc: "payer patient360kc.bcbsdirect.com",
  capitalblue: "payer auth-api.capbluecross.com",
  cerner: "ehr authorization.cerner.com",
  cigna: "payer r-hi2.cigna.com",
  drafts_bcbsnd: "payer bcbsndprodb2c.b2clogin.com",
  drafts_highmark: "payer cmsoauth.hmhs.com",
  "epic-sandbox-clinician": "sandbox fhir.epic.com",
  "epic-sandbox-patient": "sandbox fhir.epic.com",
  excellus: "payer fhir.excellusbcbs.com apart",
  flatiron: "ehr accounts.flatiron.com",
  "hapi-local": "sandbox localhost:8180",
  humana: "payer loginbeta.humana.com",
  "medicare-sandbox": "sandbox sandbox.bluebutton.cms.gov",
  medicare: "government sandbox.bluebutton.cms.gov",
  netsmart: "ehr oauth.netsmartcloud.com",
  questdiagnostics: "lab api.questdiagnostics.com",
  "smarthealthit-sandbox-clinician": "sandbox launch.smarthealthit.org",
  "smarthealthit-sandbox-patient": "sandbox launch.smarthealthit.org",
  unitedhealthcare: "payer authorization.flex.optum.com",
  wellmark: "payer apigw.wellmark.com",
};

describe("documents as the world sends them", NEEDS_REAL_DATA, () => {
  const databases = testDatabases("sqlite");
  const read = (path: string) => JSON.parse(readFileSync(realData("discovery", path), "utf8"));
  const filesIn = (folder: string) => readdirSync(realData("discovery", folder)).map((file) => `${folder}/${file}`);

  test("D3, D4: every document of a real server is read, and what is found in it is what stands there", async () => {
    const files = [...filesIn("lantern"), ...filesIn("the-map")];
    const server = createServer((request, response) => {
      const [, index = "", ...rest] = (request.url ?? "").split("/");
      const text = readFileSync(realData("discovery", files[Number(index)] ?? ""), "utf8");
      const statement = text.includes('"resourceType"');
      response.statusCode = rest.join("/") === (statement ? "metadata" : ".well-known/smart-configuration") ? 200 : 404;
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    // Real hosts stand in the documents; none of them is called.
    const nowhere: LookupFunction = (_host, _options, done) => done(new Error("no such host"), "", 0);
    const door = createDoor({ allowLoopback: true, lookup: nowhere });
    const { db } = await databases.open();
    const discovery = createDiscovery({ door, db, logger: { error: assert.fail }, clock: () => 1 });
    const found: Record<string, string> = {};
    for (const [index, file] of files.entries()) {
      const where = read(file).resourceType ? "uris" : "smart";
      found[file] = await discovery.discover(`http://127.0.0.1:${port}/${index}`).then(
        (configuration) =>
          [
            where,
            new URL(configuration.token_endpoint).host,
            scopeSyntax(configuration),
            ...configuration.code_challenge_methods_supported.filter((method) => method === "S256"),
            ...(configuration.revocation_endpoint ? ["revoke"] : []),
          ].join(" "),
        ({ reason }) => (reason === "discovery_no_endpoints" ? "none" : reason),
      );
    }
    assert.deepEqual(found, FOUND);
    server.close();
    await door.close();
  });

  test("D4: a description of a platform is no configuration, and the endpoints that it tells are read as one's", () => {
    const described: Record<string, string> = {};
    const files = filesIn("platform-notes");
    for (const file of files) {
      const description = read(file);
      assert.equal(readConfiguration(description, "https://h.example/"), null, file);
      const { authorize_url, token_url, scopes, scopes_supported = scopes } = description.oauth ?? {};
      const document = { authorization_endpoint: authorize_url, token_endpoint: token_url, scopes_supported };
      const configuration = readConfiguration(document, "https://h.example/");
      if (!configuration) continue;
      const [signIn, token] = [configuration.authorization_endpoint, configuration.token_endpoint];
      const apart = new URL(signIn).host === new URL(token).host ? [] : ["apart"];
      const name = file.replace(/^.*\/|\.json$/g, "");
      described[name] = [description.type, new URL(token).host, ...apart].join(" ");
    }
    assert.equal(files.length, 66);
    assert.deepEqual(described, DESCRIBED);
  });
});
