/** The single-file build, in a page with a strict content security policy: the same element, with nothing lost on the way. */
import { equal, ok } from "./support/assert.ts";
import { type Mounted, mount } from "./support/element.ts";
import { openPage } from "./support/page.ts";

async function shown(at: Mounted, value: string): Promise<string> {
  at.element.value = value;
  await at.until(
    () => ["results", "empty"].includes(at.element.state) && !at.text().includes("Searching"),
    "an answer",
  );
  await at.element.updateComplete;
  return at.text().replaceAll("Willow Clinic", "Clinic");
}

describe("single file", () => {
  it("says the same as the package, word for word", async () => {
    const [idle, results, empty] = ["", "mer", "merci vale"];
    const module = await mount();
    const fromModule = [module.text().replaceAll("Willow Clinic", "Clinic")];
    for (const value of [results, empty]) fromModule.push(await shown(module, value));
    const page = await openPage("");
    equal(page.at().element.value, idle);
    const fromFile = [page.at().text()];
    for (const value of [results, empty]) fromFile.push(await shown(page.at(), value));
    equal(fromFile, fromModule);
    ok(fromFile[1]?.includes("Mercy Health · Springfield, IL 62701"), "words stay apart");
    page.close();
  });

  it("looks the same as the package", async () => {
    const looks = (at: Mounted) => {
      const view = at.element.ownerDocument.defaultView as Window;
      return [
        "label",
        "#notice",
        "[part=field]",
        "input",
        "[part=clear]",
        ".results",
        "ul",
        "[part=option]",
        "[part=name]",
        "[part=detail]",
      ].map((selector) => {
        const { color, fontSize, fontWeight, paddingTop, borderRadius, display, minHeight, overflowY } =
          view.getComputedStyle(at.find(selector) as Element);
        return [selector, color, fontSize, fontWeight, paddingTop, borderRadius, display, minHeight, overflowY];
      });
    };
    const module = await mount();
    await shown(module, "mer");
    const fromModule = looks(module);
    const page = await openPage("");
    await shown(page.at(), "mer");
    equal(looks(page.at()), fromModule);
    page.close();
  });

  it("takes a page's own words, by the names that they have", async () => {
    const page = await openPage("");
    const at = page.at();
    at.element.strings = {
      label: "Find us",
      none: "Nothing",
      notListed: "Not there",
      unlisted: "Ask us",
      clear: "Empty",
    };
    await shown(at, "merci vale");
    at.button("Not there").click();
    await at.element.updateComplete;
    const lines = at.text().split("\n");
    equal([lines[0], ...lines.slice(-2)], ["Find us", "Empty", "Ask us"]);
    page.close();
  });

  it("defines the tag and leaves nothing else on the page", async () => {
    const page = await openPage("");
    equal(page.window.document.title, "clinic");
    const plain = document.createElement("iframe");
    document.body.append(plain);
    const usual = new Set(Object.getOwnPropertyNames(plain.contentWindow));
    const added = Object.getOwnPropertyNames(page.window).filter((name) => !usual.has(name) && !/^\d+$/.test(name));
    equal(added, []);
    page.close();
  });
});
