/** The rows as a list of buttons: reached by Tab and by arrows, with the focus where it belongs when they change. */
import { executeServerCommand } from "@web/test-runner-commands";
import { equal, ok } from "./support/assert.ts";
import { hurry, type Mounted, mount, next, press, search, settled, type } from "./support/element.ts";

interface Node {
  role: string;
  name?: string;
  children?: Node[];
}

const asButtons = (kind?: string): Promise<Mounted> =>
  mount(kind, (element) => {
    element.listMode = "buttons";
  });
const rows = (at: Mounted): HTMLElement[] => [
  ...(at.element.shadowRoot?.querySelectorAll<HTMLElement>("button[part=option]") ?? []),
];
const held = (at: Mounted): Element | null | undefined => at.element.shadowRoot?.activeElement;
const heldName = (at: Mounted): string | undefined =>
  (held(at)?.querySelector("[part=name]") ?? held(at))?.textContent?.trim();

describe("list of buttons", () => {
  it("is a field and a named list, to a screen reader", async () => {
    const at = await asButtons();
    await search(at, "mercy");
    const tree = await executeServerCommand<Node, object>("a11y-snapshot", {});
    const told = tree.children?.filter(({ role }) => /searchbox|combobox|listbox|option|button/.test(role));
    equal(
      told?.map(({ role, name }) => `${role} ${name}`),
      [
        "searchbox Find your hospital or clinic",
        "button Clear",
        "button Mercy General Hospital Springfield, IL 62700 · MyPortal",
        "button Mercy Hills Clinic Mercy Health · Springfield, IL 62701",
        "button My hospital isn’t listed",
      ],
    );
    const list = at.find("ul");
    equal([list?.role, list?.ariaLabel], ["list", "Find your hospital or clinic"]);
    const { attributes } = at.input();
    equal(
      [...attributes].map(({ name }) => name).filter((name) => name.startsWith("aria-")),
      ["aria-describedby"],
      "nothing that only a combobox has",
    );
  });

  it("is reached by Tab, a stop for each row, and stays open", async () => {
    const at = await asButtons();
    await search(at, "mercy");
    const stops: (string | undefined)[] = [];
    for (let count = 0; count < 4; count += 1) {
      await press("Tab");
      await settled();
      stops.push(heldName(at));
    }
    equal(stops, ["Clear", "Mercy General Hospital", "Mercy Hills Clinic", "My hospital isn’t listed"]);
    await press("Shift+Tab");
    equal(heldName(at), "Mercy Hills Clinic");
    await settled();
    const selected = next(at.element, "mb-select", true);
    await press("Space");
    equal((await selected).connection.name, "Mercy Hills Clinic");
    await press("ArrowUp");
    await settled();
    equal(heldName(at), "Mercy General Hospital", "the arrows go on from there");
  });

  it("is reached by the arrows, which go around both ends; Enter picks, and Escape leads back to the field", async () => {
    const at = await asButtons();
    await search(at, "mer");
    const seen: (string | undefined)[] = [];
    for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"]) {
      await press(key);
      await settled();
      seen.push(heldName(at));
    }
    equal(seen, ["Mercy General Hospital", "Mercy Hills Clinic", "Mercy General Hospital", "Merit Eye Center"]);
    let picks = 0;
    at.element.addEventListener("mb-select", (event) => {
      event.preventDefault();
      picks += 1;
    });
    await press("Enter");
    equal(picks, 1, "once");
    await press("Escape");
    await settled();
    ok(held(at) === at.input(), "the field has the focus");
    equal([rows(at).length, at.input().value], [0, "mer"]);
    await press("ArrowDown");
    await settled();
    equal(heldName(at), "Mercy General Hospital", "and the rows are there again");
  });

  it("picks nothing with Enter in the field, wherever the focus was before", async () => {
    const at = await asButtons();
    await search(at, "mer");
    let picks = 0;
    at.element.addEventListener("mb-select", () => (picks += 1));
    await press("ArrowDown", "ArrowDown");
    await settled();
    await press("Shift+Tab", "Shift+Tab", "Shift+Tab");
    ok(held(at) === at.input(), "the field has the focus");
    await settled();
    await press("Enter");
    equal([picks, at.element.state], [0, "results"]);
    await press("ArrowDown");
    await settled();
    equal(heldName(at), "Mercy General Hospital", "and the arrows begin anew");
  });

  it("gives the focus back to the field when other rows come under it", async () => {
    const answers: ((names: string[]) => void)[] = [];
    const at = await mount("sound", (element) => {
      element.listMode = "buttons";
      element.searchConnections = () =>
        new Promise((resolve) =>
          answers.push((names) => resolve({ data: names.map((name) => ({ id: name, name })), has_more: true })),
        );
    });
    at.input().focus();
    await type("me");
    answers[0]?.(["One", "Two"]);
    await at.until(() => rows(at).length === 2, "two rows are on show");
    await type("r");
    while (answers.length < 2) await settled();
    await press("ArrowDown");
    await settled();
    equal(heldName(at), "One");
    answers[1]?.(["Three", "Four"]);
    await at.until(() => rows(at)[0]?.textContent?.includes("Three"), "the newer rows are on show");
    ok(held(at) === at.input(), "Enter would pick what nobody has chosen");
  });

  it("keeps the focus in place when a row unfolds, and says how many there are now", async () => {
    const slowly = hurry();
    const at = await asButtons("brands");
    await search(at, "freeman");
    await press("ArrowDown", "ArrowDown");
    await settled();
    equal(heldName(at), "Show all 3 places of Freeman Health");
    await press("Enter");
    await at.until(() => rows(at).length === 4, "all are on show");
    equal(heldName(at), "Freeman Hospital East");
    await at.until(() => at.said() === "4 results", "the number is said");
    slowly();
  });

  it("does not say the row with the focus once more, where a combobox has to", async () => {
    const { navigator } = window;
    const platform = Object.getOwnPropertyDescriptor(Navigator.prototype, "platform");
    Object.defineProperty(navigator, "platform", { value: "MacIntel", configurable: true });
    const slowly = hurry();
    try {
      const at = await asButtons();
      await search(at, "mer");
      await at.until(() => at.said() === "3 results", "the number is said");
      await press("ArrowDown");
      await settled();
      await settled();
      equal([heldName(at), at.said()], ["Mercy General Hospital", "3 results"]);
    } finally {
      slowly();
      Reflect.deleteProperty(navigator, "platform");
      ok(platform, "the browser has its own");
    }
  });
});
