import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { canonicalUrl, type KeyParts, sourceId, sourceKey } from "#server/catalog/source-key.js";

const CLINIC: KeyParts = {
  fhir_base_url: "HTTPS://FHIR.Example.ORG:443/Api/R4/",
  brand_identifier: null,
  name: "Clínica  O'Brien & Sons",
  city: "SAN JOSÉ",
  state: "CA",
  portal_url: "https://Portal.example.org/",
  portal_name: "My Portal",
};

describe("the id of a source", () => {
  test("is the same for ever", () => {
    assert.equal(
      sourceKey(CLINIC),
      "https://fhir.example.org/Api/R4\nname\nclinica o brien sons\nsan jose\nca\nhttps://portal.example.org",
    );
    assert.equal(sourceId(sourceKey(CLINIC)), "fhirsrc_7JZHEBGBYJEDY8N959HJSP4VAA");
    const branded = { ...CLINIC, brand_identifier: "https://clinic.example.org" };
    assert.equal(
      sourceKey(branded),
      "https://fhir.example.org/Api/R4\nbrand\nhttps://clinic.example.org\nhttps://portal.example.org",
    );
    assert.equal(sourceId(sourceKey(branded)), "fhirsrc_5ZTKE3PW0K327ABY0DQDRJ8DR8");
  });

  test("is the first 128 bits of the key's SHA-256, written as a ULID is", () => {
    const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (const key of ["", "a", sourceKey(CLINIC)]) {
      const hex = createHash("sha256").update(key).digest("hex").slice(0, 32);
      const value = [...sourceId(key).slice("fhirsrc_".length)].reduce(
        (sum, letter) => sum * 32n + BigInt(alphabet.indexOf(letter)),
        0n,
      );
      assert.equal(value.toString(16).padStart(32, "0"), hex);
    }
  });

  test("does not change with case, accents or spaces of the name, a port or a slash of the endpoint", () => {
    const same = {
      ...CLINIC,
      fhir_base_url: "https://fhir.example.org/Api/R4",
      name: "CLINICA O’BRIEN, SONS",
      city: "san jose",
      portal_url: "https://portal.example.org",
      portal_name: "another word for it",
    };
    assert.equal(sourceKey(same), sourceKey(CLINIC));
  });

  test("differs by endpoint, place and portal", () => {
    const others: Partial<KeyParts>[] = [
      { fhir_base_url: "https://fhir.example.org/api/R4" },
      { fhir_base_url: "http://fhir.example.org/Api/R4" },
      { fhir_base_url: null },
      { city: "Fresno" },
      { state: "NV" },
      { portal_url: "https://portal.example.org/kids" },
      { portal_url: null },
    ];
    const keys = [CLINIC, ...others.map((other) => ({ ...CLINIC, ...other }))].map(sourceKey);
    assert.equal(new Set(keys).size, keys.length);
  });
});

test("a URL that is none has no canonical form", () => {
  for (const text of ["", "/fhir", "fhir.example.org", "ftp://fhir.example.org", "https://", "https://a b/"]) {
    assert.equal(canonicalUrl(text), null, text);
  }
});
