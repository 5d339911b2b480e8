/** Before anything is typed: what the host recommends, and what was picked on this device, until it is forgotten. */
import { equal, ok } from "./support/assert.ts";
import { type Mounted, mount, next, press, search, settled, type } from "./support/element.ts";

const names = (at: Mounted) => at.options().map((one) => one.querySelector("[part=name]")?.textContent);
const keep = (...names: string[]): void =>
  localStorage.setItem(
    "mb-connect:recent",
    JSON.stringify(names.map((name) => ({ id: `fhirsrc_${name}`, name, time: 1 }))),
  );

describe("suggestions", () => {
  beforeEach(() => localStorage.clear());
  afterEach(() => localStorage.clear());

  it("open with a click or an arrow, and nothing is asked before", async () => {
    const at = await mount();
    at.input().focus();
    await settled();
    ok(!(await at.asked()).some(({ query }) => query !== null), "nothing is asked");
    await press("ArrowDown");
    await at.until(() => at.options().length === 4, "they are on show");
    equal([at.element.state, (await at.asked()).at(-1)?.query], ["idle", ""]);
    ok(at.element.matches(":state(open)"), "the list is open");
    await press("Escape");
    equal(at.options().length, 0);
    at.input().click();
    await at.element.updateComplete;
    equal(at.options().length, 4);
    await press("ArrowDown");
    const selected = next(at.element, "mb-select", true);
    await press("Enter");
    equal((await selected).connection.name, "Mercy General Hospital");
  });

  it("give way to what is typed", async () => {
    const at = await mount();
    at.input().focus();
    await press("ArrowDown");
    await at.until(() => at.options().length === 4, "they are on show");
    await type("m");
    equal([at.options().length, at.element.state], [0, "idle"]);
    await type("er");
    await at.until(() => at.options().length === 3, "rows are on show");
  });

  it("begin with what was picked on this device, each once, and the patient can have it forgotten", async () => {
    const first = await mount();
    first.element.addEventListener("mb-redirect", (event) => event.preventDefault());
    for (const query of ["northwind", "mercy hi", "northwind"]) {
      first.element.reset();
      await first.element.updateComplete;
      await search(first, query);
      const left = next(first.element, "mb-redirect");
      first.options()[0]?.click();
      await left;
    }
    const kept = localStorage.getItem("mb-connect:recent") ?? "";
    ok(!/mercy hi\b(?!lls)/.test(kept), "nothing that was typed is kept");
    const at = await mount();
    at.input().click();
    await at.until(() => at.options().length === 4, "they are on show");
    equal(names(at), ["Northwind Family Practice", "Mercy Hills Clinic", "Mercy General Hospital", "Merit Eye Center"]);
    at.button("Forget my recent choices").click();
    await at.element.updateComplete;
    equal([names(at), localStorage.length], [["Mercy General Hospital", "Merit Eye Center"], 0]);
    ok(!at.text().includes("Forget"), "there is nothing left to forget");
  });

  it("close where nothing but what is forgotten was on show", async () => {
    keep("Mercy");
    const at = await mount("none");
    at.input().click();
    await at.until(() => at.options().length === 1, "it is on show");
    at.button("Forget my recent choices").click();
    await at.element.updateComplete;
    equal([at.find(".results"), at.element.matches(":state(open)")], [null, false]);
  });

  it("tell what was picked from others of its name, and keep nothing of what was typed for it", async () => {
    const first = await mount("logos");
    first.element.addEventListener("mb-redirect", (event) => event.preventDefault());
    first.element.createSession = async () => ({ url: "https://portal.example/" });
    await search(first, "mercy");
    const left = next(first.element, "mb-redirect");
    first.options()[0]?.click();
    await left;
    const [{ time, logo_url, ...kept }] = JSON.parse(localStorage.getItem("mb-connect:recent") ?? "");
    equal(kept, {
      id: "fhirsrc_00000000000000000000000001",
      name: "Mercy General Hospital",
      city: "Springfield",
      state: "IL",
      zip: "62700",
    });
    const at = await mount();
    at.input().click();
    await at.until(() => at.options().length === 4, "they are on show");
    equal(at.options()[0]?.querySelector("[part=detail]")?.textContent, "Springfield, IL 62700");
    ok(at.options()[0]?.querySelector(`img[src="${logo_url}"]`), "its logo is there");
  });

  it("are at most four of this device, and whatever else is kept there is no harm", async () => {
    keep("a", "b", "c", "d");
    const at = await mount("none");
    await at.element.updateComplete;
    at.element.addEventListener("mb-redirect", (event) => event.preventDefault());
    at.element.createSession = async () => ({ url: "https://portal.example/" });
    at.input().click();
    await at.until(() => at.options().length === 4, "they are on show");
    at.options()[3]?.click();
    equal(
      JSON.parse(localStorage.getItem("mb-connect:recent") ?? "").map(({ name }: { name: string }) => name),
      ["d", "a", "b", "c"],
    );
    for (const odd of ["{", "null", "7", '["a"]', "[null]"]) {
      localStorage.setItem("mb-connect:recent", odd);
      const other = await mount();
      other.input().click();
      await other.until(() => other.options().length >= 4, `they are on show with ${odd}`);
    }
  });

  it("are those of this device where the host does not answer, without a complaint", async () => {
    keep("Mercy");
    const at = await mount("down");
    let complaints = 0;
    at.element.addEventListener("mb-error", () => (complaints += 1));
    at.input().click();
    await at.until(() => at.options().length === 1, "one is on show");
    localStorage.clear();
    const none = await mount("none");
    none.input().click();
    await settled();
    equal([complaints, none.find(".results")], [0, null]);
  });
});
