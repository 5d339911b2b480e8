/** The field by keyboard alone, with real keys. */
import { equal, ok } from "./support/assert.ts";
import { type Mounted, mount, next, press, search, type } from "./support/element.ts";

const names = (at: Mounted) => at.options().map((one) => one.querySelector("[part=name]")?.textContent);
const active = (at: Mounted) => {
  const id = at.input().getAttribute("aria-activedescendant");
  return id && at.find(`#${id}`)?.querySelector("[part=name]")?.textContent;
};

describe("keyboard", () => {
  it("finds as it is typed, and Tab reaches the field first", async () => {
    const at = await mount();
    await press("Tab");
    ok(at.element.shadowRoot?.activeElement === at.input(), "the field has the focus");
    await type("mer");
    await at.until(() => at.options().length === 3, "three rows are on show");
    equal(names(at), ["Mercy General Hospital", "Mercy Hills Clinic", "Merit Eye Center"]);
    equal(active(at), null, "nothing is chosen by itself");
  });

  it("moves with the arrows, around both ends", async () => {
    const at = await mount();
    await search(at, "mer");
    await press("ArrowDown");
    equal(active(at), "Mercy General Hospital");
    await press("ArrowUp");
    equal(active(at), "Merit Eye Center");
    await press("ArrowDown", "ArrowDown");
    equal(active(at), "Mercy Hills Clinic");
    equal(
      at.options().map((one) => one.getAttribute("aria-selected")),
      ["false", "true", "false"],
    );
  });

  it("begins at the end with ArrowUp", async () => {
    const at = await mount();
    await search(at, "mer");
    await press("ArrowUp");
    equal(active(at), "Merit Eye Center");
  });

  it("picks with Enter, and without an active row Enter does nothing", async () => {
    const at = await mount();
    await search(at, "mer");
    await press("Enter");
    equal(at.element.state, "results");
    await press("ArrowDown");
    const selected = next(at.element, "mb-select", true);
    await press("Enter");
    const { connection, reason } = await selected;
    equal([connection.name, reason], ["Mercy General Hospital", "search"]);
  });

  it("closes with Escape, then clears, then leaves Escape to the page", async () => {
    const at = await mount();
    const heard: string[] = [];
    const listen = (event: KeyboardEvent) => heard.push(event.key);
    document.addEventListener("keydown", listen);
    await search(at, "mer");
    await press("Escape");
    equal([at.options().length, at.input().value], [0, "mer"]);
    await press("Escape");
    equal(at.input().value, "");
    equal(
      heard.filter((key) => key === "Escape"),
      [],
      "a dialog around stays open",
    );
    await press("Escape");
    equal(
      heard.filter((key) => key === "Escape"),
      ["Escape"],
    );
    document.removeEventListener("keydown", listen);
  });

  it("opens again with the arrows, Alt+ArrowDown and a click, and closes with Alt+ArrowUp", async () => {
    const at = await mount();
    await search(at, "mer");
    await press("Alt+ArrowUp");
    equal(at.input().getAttribute("aria-expanded"), "false");
    await press("Alt+ArrowDown");
    equal([at.input().getAttribute("aria-expanded"), active(at)], ["true", null]);
    await press("Escape", "ArrowDown");
    equal(active(at), "Mercy General Hospital");
    await press("Escape");
    at.input().click();
    await at.element.updateComplete;
    equal(at.options().length, 3);
    await press("Escape", "Control+Alt+Space");
    equal(at.options().length, 3, "VoiceOver's command shows the list");
  });

  it("leaves text keys to the text, and drops the active row", async () => {
    const at = await mount();
    await search(at, "mer");
    await press("ArrowDown", "Home");
    equal([at.input().selectionStart, active(at)], [0, null]);
    await press("ArrowDown", "End");
    equal([at.input().selectionStart, active(at)], [3, null]);
    await press("ArrowLeft");
    equal(at.input().selectionStart, 2);
    await type("x");
    equal(at.input().value, "mexr");
  });

  it("closes with Tab without picking, and goes on to Clear", async () => {
    const at = await mount();
    await search(at, "mer");
    await press("ArrowDown", "Tab");
    equal([at.element.state, at.options().length], ["results", 0]);
    ok(at.element.shadowRoot?.activeElement === at.button("Clear"), "Clear comes after the field");
    await press("Enter");
    equal([at.input().value, at.element.state], ["", "idle"]);
    ok(at.element.shadowRoot?.activeElement === at.input(), "the focus is back in the field");
  });

  it("closes with Tab, and leads on to what stands below the rows or in their place", async () => {
    const lead = async (at: Mounted, name: string) => {
      for (const stop of ["Clear", name]) {
        await press("Tab");
        equal(at.element.shadowRoot?.activeElement?.textContent?.trim(), stop);
      }
    };
    const at = await mount("more");
    await search(at, "mer");
    await lead(at, "My hospital isn’t listed");
    equal([at.options().length, at.find(".results p")], [0, null], "the rows are closed, and their number with them");
    const heard = next(at.element, "mb-not-listed");
    await press("Enter");
    equal(await heard, { query: "mer" });

    const down = await mount("down");
    await search(down, "mer");
    await lead(down, "Try again");
    const again = next(down.element, "mb-error");
    await press("Enter");
    equal((await again).phase, "search");
  });

  it("says what helps where a hospital is not listed, though Tab has closed the list", async () => {
    const at = await mount();
    await search(at, "mercy");
    await press("Tab", "Tab", "Enter");
    await at.until(() => at.said().startsWith("Try the name on a bill"), "it is said");
  });

  it("takes no key of an input method", async () => {
    const at = await mount();
    await search(at, "mer");
    const key = new KeyboardEvent("keydown", { key: "ArrowDown", isComposing: true, bubbles: true, cancelable: true });
    at.input().dispatchEvent(key);
    await at.element.updateComplete;
    equal([active(at), key.defaultPrevented], [null, false]);
  });

  it("stays open when the focus leaves, and closes when something outside is pressed", async () => {
    const at = await mount();
    await search(at, "mer");
    at.input().blur();
    await at.element.updateComplete;
    equal(at.options().length, 3);
    at.options()[0]?.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
    await at.element.updateComplete;
    equal(at.options().length, 3);
    document.body.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
    await at.element.updateComplete;
    equal(at.options().length, 0);
  });

  it("does not take the click from a row by moving the focus", async () => {
    const at = await mount();
    await search(at, "mer");
    const pressed = new MouseEvent("mousedown", { bubbles: true, cancelable: true, composed: true });
    at.options()[0]?.dispatchEvent(pressed);
    ok(pressed.defaultPrevented, "the field keeps the focus");
  });
});
