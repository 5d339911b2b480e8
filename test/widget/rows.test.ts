/** What a row shows: marks where the text matched, a logo or its letters, and the places behind one login. */
import { equal, ok } from "./support/assert.ts";
import { type Mounted, mount, next, press, search } from "./support/element.ts";

const names = (at: Mounted) => at.options().map((one) => one.querySelector("[part=name]")?.textContent);
const details = (at: Mounted) => at.options().map((one) => one.querySelector("[part=detail]")?.textContent);

describe("rows", () => {
  it("mark what was typed, and leave the name as it is", async () => {
    const at = await mount("marked");
    await search(at, "mer gen");
    equal(names(at), ["Mercy General Hospital", "Merit Eye Center"]);
    const [marked, plain] = at.options().map((one) => [...one.querySelectorAll("mark[part=match]")]);
    equal(
      marked?.map((one) => one.textContent),
      ["Mer", "Gen"],
    );
    equal(plain, []);
  });

  it("show letters for a logo, the logo over them from the host's own origin, and nothing from elsewhere", async () => {
    const at = await mount("logos");
    const asked = new Set<string>();
    new MutationObserver(() => {
      for (const { src } of at.element.shadowRoot?.querySelectorAll("img") ?? []) asked.add(new URL(src).origin);
    }).observe(at.element.shadowRoot as ShadowRoot, { subtree: true, childList: true });
    await search(at, "mer");
    const tiles = at.options().map((one) => one.querySelector<HTMLElement>("[part=logo]") as HTMLElement);
    equal(
      tiles.map((one) => [one.textContent?.trim(), one.getAttribute("aria-hidden")]),
      [
        ["MG", "true"],
        ["MH", "true"],
        ["ME", "true"],
        ["NF", "true"],
      ],
    );
    await at.until(() => at.options()[0]?.querySelector("img") && !tiles[1]?.querySelector("img"), "one logo stays");
    const logo = tiles[0]?.querySelector("img") as HTMLImageElement;
    equal(
      [logo.loading, logo.referrerPolicy, logo.alt, new URL(logo.src).origin],
      ["lazy", "no-referrer", "", location.origin],
    );
    equal([...asked], [location.origin], "nothing is asked of another origin");
    const sizes = tiles.map((one) => [one.offsetWidth, one.offsetHeight, one.parentElement?.offsetHeight]);
    equal(new Set(sizes.map(String)).size, 1, "a logo moves nothing");
  });

  it("stand for all places behind one login, and show them in their stead", async () => {
    const at = await mount("brands");
    await search(at, "freeman");
    equal(names(at), ["Freeman Hospital West", "Show all 3 places of Freeman Health", "Merit Eye Center"]);
    equal(details(at).slice(0, 2), ["Freeman Health · Springfield, IL 62700", ""]);
    await press("ArrowDown", "ArrowDown", "Enter");
    await at.until(() => at.options().length === 4, "all are on show");
    equal(names(at), ["Freeman Hospital West", "Freeman Hospital East", "Freeman Neosho", "Merit Eye Center"]);
    equal(details(at)[2], "Freeman Health · Springfield, IL 62700 · Freeman Portal", "what tells two apart is said");
    equal(at.input().getAttribute("aria-activedescendant"), "option-1", "the arrows go on from there");
    equal((await at.asked()).at(-1)?.query, "freeman");
    const selected = next(at.element, "mb-select", true);
    await press("Enter");
    equal((await selected).connection.name, "Freeman Hospital East");
  });

  it("that stand for many places are picked like any other", async () => {
    const at = await mount("brands");
    await search(at, "freeman");
    const selected = next(at.element, "mb-select", true);
    at.options()[0]?.click();
    equal((await selected).connection.id, "fhirsrc_00000000000000000000000012");
  });

  it("ask a page's own function for the places", async () => {
    const asked: unknown[] = [];
    const at = await mount("sound", (element) => {
      element.searchConnections = async (query, { limit, brand }) => {
        asked.push([query, limit, brand]);
        return { data: brand ? [] : [{ id: "a", name: "A", locations: 2 }], has_more: false };
      };
    });
    await search(at, "me");
    at.options()[1]?.click();
    await at.until(() => at.options().length === 1, "there are no others");
    equal(asked, [
      ["me", 20, null],
      ["me", 100, "a"],
    ]);
    ok(at.element.state === "results", at.element.state);
  });

  it("stay as they are where the places cannot be had", async () => {
    const at = await mount("brands");
    await search(at, "freeman");
    at.element.searchUrl = "/host/down/places/connections";
    const fault = next(at.element, "mb-error");
    at.options()[1]?.click();
    equal((await fault).phase, "search");
    equal(names(at).length, 3);
  });
});
