/** What a patient may type: the clipped, the short, the misspelt, the pasted, and what is no query at all. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readZip } from "#server/catalog/places.js";
import { finder, source } from "./support/search.ts";

/** For each query the name that stands first. */
function leads(find: (query: string) => string[], pairs: Record<string, string>): void {
  for (const [typed, found] of Object.entries(pairs)) assert.equal(find(typed)[0], found, typed);
}

describe("a query is understood", () => {
  test("by clipped words and abbreviations", () => {
    const find = finder(
      [
        "Alder Pediatrics",
        "Birch Dermatology",
        "Cedar Orthopedics",
        "Dogwood Cardiology",
        "Elm Obstetrics & Gynecology",
        "Fir Physicians",
        "Gum Memorial Hospital",
        "Hazel Community Clinic",
        "Iris County Hospital",
        "Juniper Regional Medical Center",
        "Kapok University Hospital",
        "Larch OB/GYN",
        "Maple Healthcare",
      ].map((name) => source(name)),
    );
    leads(find, {
      "alder peds": "Alder Pediatrics",
      "birch derm": "Birch Dermatology",
      "cedar ortho": "Cedar Orthopedics",
      "cedar orthopaedics": "Cedar Orthopedics",
      "dogwood cardio": "Dogwood Cardiology",
      "elm ob": "Elm Obstetrics & Gynecology",
      "larch obgyn": "Larch OB/GYN",
      "larch ob-gyn": "Larch OB/GYN",
      "fir phys": "Fir Physicians",
      "gum mem hosp": "Gum Memorial Hospital",
      "hazel comm": "Hazel Community Clinic",
      "iris cty": "Iris County Hospital",
      "juniper reg med ctr": "Juniper Regional Medical Center",
      "kapok univ hosp": "Kapok University Hospital",
      "maple health care": "Maple Healthcare",
      "maple healthc": "Maple Healthcare",
    });
  });

  test("with one slip and with two, of many sorts", () => {
    const find = finder(
      ["Kensington Gastroenterology", "Marlborough Children's Hospital", "Fairview Clinic"].map((name) => source(name)),
    );
    leads(find, {
      "kensingtn gastro": "Kensington Gastroenterology",
      kensinggton: "Kensington Gastroenterology",
      kennsington: "Kensington Gastroenterology",
      kensingotn: "Kensington Gastroenterology",
      kemsimgton: "Kensington Gastroenterology",
      "kensington gastroentrolgy": "Kensington Gastroenterology",
      "kensingtn gastroentrology": "Kensington Gastroenterology",
      "marlbourough childrens": "Marlborough Children's Hospital",
      "marlbrough chidrens hosptial": "Marlborough Children's Hospital",
      fairvew: "Fairview Clinic",
      "faireveiw clinic": "Fairview Clinic",
      gairview: "Fairview Clinic",
    });
  });

  test("with two letters of a short word swapped, but not with two of them wrong", () => {
    const find = finder([source("Ryde Clinic"), source("Oaks Clinic")]);
    assert.deepEqual(find("ryed clinic"), ["Ryde Clinic"]);
    assert.deepEqual(find("rabe"), []);
  });

  test("run together and taken apart, even with a slip beside", () => {
    const find = finder(
      ["Blue Heron Family Medicine", "Stonebridge Clinic", "New Harbor Health", "Meadow Children's"].map((name) =>
        source(name),
      ),
    );
    leads(find, {
      blueheron: "Blue Heron Family Medicine",
      blueheronfamilymedicine: "Blue Heron Family Medicine",
      "blueheron famly": "Blue Heron Family Medicine",
      blueher: "Blue Heron Family Medicine",
      "stone bridge": "Stonebridge Clinic",
      "stoneb ridge clinic": "Stonebridge Clinic",
      "bluehe ron": "Blue Heron Family Medicine",
      "meadowchil drens": "Meadow Children's",
      "ne wharbor": "New Harbor Health",
      "new harborhealth": "New Harbor Health",
    });
  });

  test("a word that exists is not taken apart, though its pieces exist as well", () => {
    const find = finder([source("Meadow Veterans Home"), source("Vet Er Ans Clinic"), source("Prairie Clinic")]);
    leads(find, { "veterans affairs": "Meadow Veterans Home", "veterans home": "Meadow Veterans Home" });
  });

  test("without the last s, and by letters that stand apart", () => {
    const find = finder([source("St. Alba Children's Clinic"), source("St. Albas"), source("Q R S Pediatrics")]);
    assert.deepEqual(find("st albas"), ["St. Albas", "St. Alba Children's Clinic"]);
    leads(find, { "q r s": "Q R S Pediatrics", "qrs peds": "Q R S Pediatrics", "q.r.s.": "Q R S Pediatrics" });
  });

  test("by initials, and by the short names of systems that are widely known", () => {
    const find = finder([
      source("Quarry Hill General Hospital"),
      source("University of California San Francisco Medical Center", "San Francisco", "CA"),
      source("Massachusetts General Hospital", "Boston", "MA"),
      source("Children's Hospital of Philadelphia", "Philadelphia", "PA"),
      source("Beth Israel Deaconess Medical Center", "Boston", "MA"),
      source("UPMC Presbyterian", "Pittsburgh", "PA"),
      source("Atrium Health Cabarrus", "Concord", "NC"),
      source("Jackson Health System", "Miami", "FL"),
      source("University of Utah Health", "Salt Lake City", "UT"),
    ]);
    leads(find, {
      qhgh: "Quarry Hill General Hospital",
      ucsf: "University of California San Francisco Medical Center",
      mgh: "Massachusetts General Hospital",
      "MGH boston": "Massachusetts General Hospital",
      chop: "Children's Hospital of Philadelphia",
      bidmc: "Beth Israel Deaconess Medical Center",
      bidm: "Beth Israel Deaconess Medical Center",
      "university of pittsburgh medical center": "UPMC Presbyterian",
      "carolinas healthcare": "Atrium Health Cabarrus",
      "u c s f": "University of California San Francisco Medical Center",
      "jackson memorial hospital": "Jackson Health System",
      "magee womens": "UPMC Presbyterian",
      "u of utah": "University of Utah Health",
      "u of u": "University of Utah Health",
    });
  });

  test("by what a system is still called, as a whole and in its order, but a name that begins so comes first", () => {
    const find = finder([
      source("WASHINGTON UNIVERSITY", "St. Louis", "MO"),
      source("UW Medicine", null, "WA"),
      source("Michigan Medicine"),
      source("Mid Michigan Medicine"),
      source("University of Michigan Health-West"),
      source("Western Michigan University"),
    ]);
    leads(find, { "university of washington": "UW Medicine", "univ washington": "UW Medicine" });
    leads(find, { "washington university": "WASHINGTON UNIVERSITY" });
    assert.deepEqual(find("university of michigan"), [
      "University of Michigan Health-West",
      "Michigan Medicine",
      "Western Michigan University",
      "Mid Michigan Medicine",
    ]);
  });

  test("apart where its name is made of two words, even with a place behind it", () => {
    const find = finder([
      source("MapleGeneral Health"),
      source("Redwood General Hospital", null, "ME"),
      source("Maple General Goods and Family Medicine"),
      source("Maple Clinic"),
      source("General Clinic Vancouver"),
      source("ELMPOINT"),
      source("Elm Family Practice"),
      source("McAlister Clinic"),
      source("Maple General Health Partners of the Coast and the Valley"),
      source("Baytown Dental"),
      source("Elm Bay Town Clinic"),
      source("Bay Clinic"),
      source("Town Clinic"),
    ]);
    leads(find, {
      "maple general health": "MapleGeneral Health",
      "maple general vancouver": "MapleGeneral Health",
      "elm point vancouver": "ELMPOINT",
      "elm family baytown": "Elm Family Practice",
    });
    assert.deepEqual(find("alister"), []);
  });

  test("by a letter that a further word begins with", () => {
    const find = finder([
      source("GX University Medical Faculty", null, "DC"),
      source("Uplands University Hospital"),
      source("University of Utah Health"),
      source("University of Mantle"),
    ]);
    leads(find, { "u of m": "University of Mantle", "u of u": "University of Utah Health" });
  });

  test("by the name alone, where nothing is at the place behind it", () => {
    const find = finder([
      source("Zinnia Health"),
      source("Mission Pediatrics"),
      source("Mission Hill Bay Clinic"),
      source("Green Bay Dental"),
    ]);
    leads(find, { "zinnia mission bay": "Zinnia Health" });
  });

  test("by a place anywhere in it", () => {
    const place = (city: string, state: string, zip: string) => ({ places: [{ city, state, zip }] });
    const find = finder([
      source("Harbor Clinic", null, null, place("Portland", "OR", "97201")),
      source("Harbor Clinic ", null, null, place("Portland", "ME", "04101")),
      source("Harbor Clinic  ", null, null, place("New York", "NY", "10001")),
      source("Prairie Clinic", null, null, place("Gary", "IN", "46402")),
      source("Prairie Clinic ", null, null, place("Reno", "NV", "89501")),
      source("Canyon Clinic LAREDO TX", null, null),
      source("Canyon Clinic FLAGSTAFF AZ", null, null),
    ]);
    leads(find, {
      "harbor portland or": "Harbor Clinic",
      "portland maine harbor": "Harbor Clinic ",
      "ME harbor": "Harbor Clinic ",
      "harbor nyc": "Harbor Clinic  ",
      "new york harbor clinic": "Harbor Clinic  ",
      "harbor 10001": "Harbor Clinic  ",
      "prairie in": "Prairie Clinic",
      "reno prairie": "Prairie Clinic ",
      "canyon arizona": "Canyon Clinic FLAGSTAFF AZ",
    });
  });

  test("`near me` is no place in Maine", () => {
    const find = finder([source("Pine Urgent Care ", "Bangor", "ME"), source("Pine Urgent Care", "Reno", "NV")]);
    assert.deepEqual(find("pine urgent care near me"), find("pine urgent care"));
    assert.equal(find("pine urgent care me")[0], "Pine Urgent Care ");
  });

  test("by a ZIP code, near ones first", () => {
    const at = (zip: string) => source(`Ward ${zip}`, null, null, { places: [{ city: null, state: "MO", zip }] });
    const find = finder(["64801", "64804", "64870", "65101", "10001"].map(at));
    assert.deepEqual(find("ward 64803"), ["Ward 64804", "Ward 64801", "Ward 64870"]);
    assert.deepEqual(find("ward 64802"), ["Ward 64801", "Ward 64804", "Ward 64870"]);
    assert.deepEqual(find("648").sort(), ["Ward 64801", "Ward 64804", "Ward 64870"]);
    assert.equal(find("64804-1234")[0], "Ward 64804");
    assert.equal(find("ward 65899")[0], "Ward 65101", "where no ZIP code is as near, the wider area counts");
    assert.equal(readZip("4101", "ME"), "04101");
  });

  test("by vendor and portal", () => {
    const find = finder([
      source("Twin Clinic East", null, null, { vendor: "Epic" }),
      source("Twin Clinic West", null, null, { vendor: "athenahealth" }),
      source("Twin Clinic North", null, null, { portal: { name: "NorthLink", url: null } }),
      source("Chart My Health"),
    ]);
    leads(find, {
      "mychart twin": "Twin Clinic East",
      "twin athena": "Twin Clinic West",
      northlink: "Twin Clinic North",
      mychart: "Twin Clinic East",
      "my chart": "Twin Clinic East",
    });
  });

  test("by a pasted address of a portal or a FHIR server", () => {
    const find = finder([
      source("Sycamore Health", null, null, {
        endpoint: { address: "https://fhir.sycamore-health.example/r4/AB12", versions: [], active: true },
        portal: { name: null, url: "https://mychart.sycamore.example/MyChart/" },
      }),
      source("Willow Creek Health", null, null, {
        endpoint: { address: "https://api.shared.example/fhir/willow", versions: [], active: true },
      }),
      source("Other Health", null, null, {
        endpoint: { address: "https://api.shared.example/fhir/other", versions: [], active: true },
      }),
    ]);
    leads(find, {
      "https://fhir.sycamore-health.example/r4/AB12": "Sycamore Health",
      "https://fhir.sycamore-health.example:443/r4/AB12/metadata": "Sycamore Health",
      "https://mychart.sycamore.example/MyChart/Authentication/Login?mode=stdfile#top": "Sycamore Health",
      "mychart.sycamore.example": "Sycamore Health",
      "www.sycamore.example": "Sycamore Health",
      "https://api.shared.example/fhir/willow/.well-known/smart-configuration": "Willow Creek Health",
      "https://www.willow-creek.example/contact": "Willow Creek Health",
    });
  });

  test("by a pasted address of which a part is known: first whose own it is, and nobody where it is a vendor's", () => {
    const at = (name: string, address: string) =>
      source(name, null, null, { endpoint: { address, versions: [], active: true } });
    const find = finder([
      at("Alder Clinic", "https://fhir.hemlock.example/partners/alder"),
      source("Street Clinic", null, null, { vendor: "Epic", places: [{ city: "Gary", state: "IN", zip: "12345" }] }),
      source("Avenue Clinic", null, null, { vendor: "Epic" }),
      at("Hemlock Health & Services of the Coast", "https://fhir.hemlock.example/own"),
      ...Array.from({ length: 130 }, (_, n) => at(`Practice ${n}`, `https://api.vendor.example/r4/${n}`)),
    ]);
    leads(find, { "https://mychart.hemlock.example/login": "Hemlock Health & Services of the Coast" });
    leads(find, { "https://api.vendor.example/r4/77": "Practice 77" });
    leads(find, { "https://my.alderclinic.example": "Alder Clinic", "https://joinnow.alder.example": "Alder Clinic" });
    for (const typed of ["https://api.vendor.example/r4/none", "https://hemlok.example"])
      assert.deepEqual(find(typed), [], typed);
    assert.equal(find("https://12345-1.epic.example").length, 2);
  });

  test("in Spanish and with accents, with and without them", () => {
    const find = finder([
      source("Clínica de la Mujer", "San José", "CA"),
      source("Centro Médico Peñuelas", "Peñuelas", "PR"),
      source("Hospital Niño Jesús", null, null),
      source("Hopital Sainte Anne", null, null),
    ]);
    leads(find, {
      "clinica de la mujer": "Clínica de la Mujer",
      "clinica mujer san jose": "Clínica de la Mujer",
      "centro medico penuelas": "Centro Médico Peñuelas",
      "CENTRO MÉDICO PEÑUELAS": "Centro Médico Peñuelas",
      "hospital nino jesus": "Hospital Niño Jesús",
      "hospital nin\u0303o": "Hospital Niño Jesús",
      "hôpital sainte anne": "Hopital Sainte Anne",
      "st anne": "Hopital Sainte Anne",
    });
  });

  test("with words beside that nobody needs", () => {
    const find = finder([source("Juniper Hill Clinic"), source("Patient First", null, null)]);
    leads(find, {
      "juniper hill clinic patient portal login": "Juniper Hill Clinic",
      "my juniper hill records online": "Juniper Hill Clinic",
      "juniper hill doctor smithson": "Juniper Hill Clinic",
      "patient first": "Patient First",
    });
  });
});

test("what every second hospital is called is no answer to a name that is not there", () => {
  const find = finder(Array.from({ length: 40 }, (_, n) => source(`Place ${n} Medical Center`)));
  assert.equal(find("medical center").length, 10);
  assert.deepEqual(find("quibberly medical center"), []);
});

describe("what is no query has a quick and sane answer", () => {
  const find = finder([
    source("Saint Ignatia Medical Center", "Joplin", "MO"),
    source("The Point", "Charleston", "WV"),
  ]);

  test("nothing at all, spaces, control characters, an emoji, half of one", () => {
    for (const typed of ["", "   ", "\t\n\u3000", "\u0000\u0001\u007f", "🙂🙂", "\ud800", "…", "％", "\u202e"]) {
      assert.deepEqual(find(typed), [], JSON.stringify(typed));
    }
  });

  test("SQL, patterns and names of JavaScript's own", () => {
    for (const typed of ["' OR 1=1 --", "%_*", "(((.*)+)+$", "[", "\\", "constructor", "__proto__", "toString"]) {
      assert.deepEqual(find(typed), [], typed);
    }
    assert.deepEqual(find("'; DROP TABLE sources; -- ignatia"), []);
    assert.equal(find("ignatia*")[0], "Saint Ignatia Medical Center");
  });

  test("control characters and emoji between words are no words", () => {
    assert.equal(find("ignatia\u0000medical 🙂 center")[0], "Saint Ignatia Medical Center");
  });

  test("only small words", () => {
    assert.deepEqual(find("the"), ["The Point"]);
    assert.deepEqual(find("of and the"), []);
  });

  test("ten thousand characters: what comes first is read", () => {
    assert.deepEqual(find("a".repeat(10_000)), []);
    assert.deepEqual(find("ab ".repeat(3_334)), []);
    assert.equal(find(`ignatia ${" ".repeat(9_992)}`)[0], "Saint Ignatia Medical Center");
    assert.equal(find(`ignatia ${"medical ".repeat(1_249)}`)[0], "Saint Ignatia Medical Center");
    assert.deepEqual(find("https://".repeat(1_250)), []);
    assert.deepEqual(find(`https://${"a.".repeat(4_990)}example/`), []);
  });
});
