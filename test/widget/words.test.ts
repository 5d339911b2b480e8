/** Which language the element speaks, where its words come from, and what happens where they do not come. */
import { MbConnect, type Strings } from "@mb-connect/widget";
import { equal, ok } from "./support/assert.ts";
import { type Mounted, mount, mounted } from "./support/element.ts";

const SPANISH_LABEL = "Busque su hospital o clínica";
const ENGLISH_LABEL = "Find your hospital or clinic";

const labelOf = (at: Mounted): string | undefined => at.find("label")?.textContent?.trim();
const spokenIn = (at: Mounted): (string | null | undefined)[] =>
  ["lang", "dir"].map((name) => at.find("div")?.getAttribute(name));

/** Mounts an element in a body of that language. */
async function mountIn(language: string, kind = "sound", set?: (element: MbConnect) => void): Promise<Mounted> {
  document.body.lang = language;
  return mount(kind, set);
}

/** Puts a bare element into the page by markup. */
async function place(markup: string): Promise<Mounted> {
  document.body.innerHTML = markup;
  const element = document.querySelector("mb-connect") as MbConnect;
  element.connectionsUrl = "";
  await element.updateComplete;
  return mounted(element);
}

describe("words", () => {
  afterEach(() => {
    document.body.removeAttribute("lang");
    document.documentElement.lang = "en";
  });

  it("are those of the nearest lang, in whatever country", async () => {
    const at = await mountIn("es-MX");
    equal(labelOf(at), SPANISH_LABEL);
    equal(spokenIn(at), ["es", null]);
    const inside = await place(`<main lang="es"><section lang="EN-gb"><mb-connect></mb-connect></section></main>`);
    equal(labelOf(inside), ENGLISH_LABEL);
  });

  it("are found through the shadow roots of others", async () => {
    document.body.innerHTML = `<main lang="fr"><div></div></main>`;
    const root = document.querySelector("main > div")?.attachShadow({ mode: "open" }) as ShadowRoot;
    const element = document.createElement("mb-connect");
    element.connectionsUrl = "";
    root.append(element);
    await element.updateComplete;
    equal(labelOf(mounted(element)), "Trouvez votre hôpital ou clinique");
  });

  it("are English and say so where the language is not spoken", async () => {
    const at = await mountIn("tlh");
    equal(labelOf(at), ENGLISH_LABEL);
    equal(spokenIn(at), ["en", null]);
  });

  it("run from right to left in Arabic, whatever the page says of directions", async () => {
    const at = await mountIn("ar-EG");
    equal(spokenIn(at), ["ar", "rtl"]);
    equal(getComputedStyle(at.input()).direction, "rtl");
  });

  it("follow the page to another language", async () => {
    const at = await mount();
    document.documentElement.lang = "vi";
    await at.until(() => labelOf(at)?.startsWith("Tìm"), "it speaks Vietnamese");
    document.documentElement.lang = "zh-Hans-CN";
    await at.until(() => labelOf(at)?.startsWith("查找"), "it speaks Chinese");
  });

  it("are loaded when they are first needed, once, and nothing is shown before", async () => {
    const loaded = () => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/locales/de"));
    equal(loaded().length, 0);
    document.body.lang = "de";
    document.body.replaceChildren();
    const [one, other] = [document.createElement("mb-connect"), document.createElement("mb-connect")];
    one.connectionsUrl = other.connectionsUrl = "";
    document.body.append(one, other);
    await Promise.resolve();
    equal(one.shadowRoot?.querySelector("label") ?? null, null);
    await Promise.all([one.updateComplete, other.updateComplete]);
    equal(
      [one, other].map((each) => labelOf(mounted(each))),
      Array(2).fill("Finden Sie Ihr Krankenhaus oder Ihre Praxis"),
    );
    equal(loaded().length, 1);
  });

  it("stay English where they cannot be loaded", async () => {
    MbConnect.locales.xx = () => Promise.reject(new Error("offline"));
    const at = await mountIn("xx");
    equal(labelOf(at), ENGLISH_LABEL);
    at.element.value = "mer";
    await at.until(() => at.options().length > 0, "it works all the same");
  });

  it("can be a page's own, by the longest tag", async () => {
    const at = await mountIn("es");
    const words = MbConnect.locales.es as Strings;
    MbConnect.locales["es-ar"] = { ...words, lang: "es-AR", label: "Buscá tu hospital" };
    document.body.lang = "es-AR";
    await at.until(() => labelOf(at) === "Buscá tu hospital", "it speaks as in Buenos Aires");
    document.body.lang = "es-MX";
    await at.until(() => labelOf(at) === SPANISH_LABEL, "and elsewhere as before");
  });

  it("give way to the page's strings and attributes, and know whose records they are", async () => {
    const at = await mountIn("es", "sound", (element) => {
      element.strings = { hint: "Nombre o ciudad" };
      element.relation = "child";
    });
    ok(at.text().includes("Nombre o ciudad"), at.text());
    equal(labelOf(at), "Busque el hospital o la clínica de su hijo");
  });

  it("count by the language's own rules", async () => {
    const said = async (language: string) => {
      const at = await mountIn(language);
      at.element.value = "northwind";
      await at.until(() => at.said(), "it counts");
      return at.said();
    };
    equal([await said("en"), await said("es"), await said("ar")], ["1 result", "1 resultado", "نتيجة واحدة"]);
  });

  it("of the single file are English until the page brings others, without a request of its own", async () => {
    // A copy of its own, to which nobody has brought any.
    const file = "/widget/dist/mb-connect.min.js?alone";
    const { MbConnect: Single } = (await import(file)) as { MbConnect: typeof MbConnect };
    equal(Object.keys(Single.locales), []);
    Single.define("single-file");
    document.body.lang = "es";
    const at = async () => {
      const element = document.createElement("single-file") as MbConnect;
      element.connectionsUrl = "";
      document.body.replaceChildren(element);
      await element.updateComplete;
      return mounted(element);
    };
    equal(labelOf(await at()), ENGLISH_LABEL);
    const module = "/widget/dist/widget/src/locales/es.js";
    Single.locales.es = () => import(module);
    equal(labelOf(await at()), SPANISH_LABEL);
  });
});
