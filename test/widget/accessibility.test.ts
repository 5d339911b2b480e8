/** Every screen by axe, in both themes and both directions on a narrow phone, and what a screen reader is given. */
import "axe-core/axe.min.js";
import { executeServerCommand } from "@web/test-runner-commands";
import type { AxeResults, RunOptions } from "axe-core";
import { equal, ok } from "./support/assert.ts";
import { hurry, mount, press, search, settled, type } from "./support/element.ts";
import { comeBack, leave, STATES } from "./support/states.ts";

declare const axe: { run(context: Element, options: RunOptions): Promise<AxeResults> };

interface Node {
  role: string;
  name?: string;
  children?: Node[];
}

const viewport = (width: number, height: number) => executeServerCommand("set-viewport", { width, height });
const root = document.documentElement;

async function violations(element: Element): Promise<string[]> {
  const results = await axe.run(element, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    rules: { "color-contrast-enhanced": { enabled: true } },
  });
  ok(results.passes.length > 3, "axe looked at something");
  // A row that is scrolled half out of the list is half covered, and axe then leaves its contrast undecided.
  const scrolled = ({ html }: { html: string }) => /part="(name|detail|logo|match)"/.test(html);
  const undecided = results.incomplete.map((one) => ({ ...one, nodes: one.nodes.filter((node) => !scrolled(node)) }));
  const found = [...results.violations, ...undecided];
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

describe("accessibility", () => {
  beforeEach(() => sessionStorage.clear());

  afterEach(async () => {
    root.removeAttribute("style");
    root.removeAttribute("dir");
    await viewport(1024, 768);
  });

  for (const [name, reach] of Object.entries(STATES)) {
    it(`${name}: axe finds nothing, and nothing scrolls sideways at 320 px with text twice as large`, async () => {
      await viewport(320, 640);
      const at = await reach();
      for (const scheme of ["light", "dark"]) {
        for (const dir of ["ltr", "rtl"]) {
          root.style.colorScheme = scheme;
          root.style.background = "Canvas";
          root.dir = dir;
          equal(await violations(at.element), [], `${scheme} ${dir}`);
        }
      }
      root.style.fontSize = "200%";
      const scrolled = [document.scrollingElement, at.find("ul")].filter((one) => one !== null);
      for (const box of scrolled) ok(box.scrollWidth <= box.clientWidth, `${box.className} is too wide`);
    });

    it(`${name}: whatever can be pressed is at least 48 px high, and no text is under 16 px`, async () => {
      const at = await reach();
      const targets = at.element.shadowRoot?.querySelectorAll<HTMLElement>("button, input, [role=option]") ?? [];
      for (const target of targets) {
        if (!target.checkVisibility()) continue;
        ok(target.getBoundingClientRect().height >= 48, `${target.textContent ?? target.tagName} is too low`);
        ok(parseFloat(getComputedStyle(target).fontSize) >= 18, `${target.tagName} is set too small`);
      }
    });
  }

  it("scrolls the list in a box of half the height, and with the page where that is low or narrow", async () => {
    for (const [width, height, box] of [
      [390, 740, 370],
      [1100, 1200, 416],
      [740, 360, null],
      [200, 740, null],
    ] as const) {
      await viewport(width, height);
      const at = await mount("huge");
      await search(at, "mer");
      const results = at.find(".results") as HTMLElement;
      if (box === null) equal(results.scrollHeight, results.clientHeight, `${width} × ${height}`);
      else equal(results.offsetHeight, box);
    }
  });

  it("gives a screen reader name, description, state and options of the field", async () => {
    const at = await mount();
    await search(at, "mercy");
    await press("ArrowDown");
    const tree = await executeServerCommand<Node, object>("a11y-snapshot", {});
    const field = tree.children?.find(({ role }) => role === "combobox");
    const list = tree.children?.find(({ role }) => role === "listbox");
    ok(field, "there is a combobox");
    const { name, description, expanded, focused, autocomplete, haspopup, value } = field as Node &
      Record<string, unknown>;
    equal(
      { name, description, expanded, focused, autocomplete, haspopup, value },
      {
        name: "Find your hospital or clinic",
        description:
          "Type the name, city or ZIP code. You sign in on your hospital’s own page. Willow Clinic receives a copy of your records. Your password stays with the hospital.",
        expanded: true,
        focused: true,
        autocomplete: "list",
        haspopup: "listbox",
        value: "mercy",
      },
    );
    equal(list?.name, "Find your hospital or clinic");
    equal(
      list?.children?.map(({ role, name }) => [role, name]),
      [
        ["option", "Mercy General Hospital Springfield, IL 62700 · MyPortal"],
        ["option", "Mercy Hills Clinic Mercy Health · Springfield, IL 62701"],
      ],
    );
    const input = at.input();
    equal(input.getAttribute("aria-controls"), "listbox");
    equal(input.getAttribute("aria-activedescendant"), "option-0");
    ok(
      at.find("#listbox")?.compareDocumentPosition(input) === Node.DOCUMENT_POSITION_PRECEDING,
      "the list comes after",
    );
  });

  it("has both live regions from the start, and says a count once, by turns", async () => {
    const slowly = hurry();
    const at = await mount();
    const regions = () =>
      [...(at.element.shadowRoot?.querySelectorAll("[role=status]") ?? [])].map((one) => one.textContent);
    equal(regions(), ["", ""]);
    await search(at, "merc");
    await at.until(() => at.said() === "2 results", "the count is said");
    const first = regions();
    await press("ArrowDown");
    await settled();
    equal(regions(), first, "the count is not said again");
    await press("End");
    await type("y gen");
    await at.until(() => at.said() === "1 result", "the next count is said");
    slowly();
  });

  it("says that there are more, none, and that search is down", async () => {
    const more = await mount("more");
    await search(more, "mer");
    await more.until(
      () => more.said() === "4 results shown, more available. Keep typing to narrow.",
      "it says that there are more",
    );
    const none = await mount("none");
    await search(none, "merci");
    await none.until(
      () => none.said() === "No match for “merci”. Check the spelling or try the city.",
      "it says that there are none",
    );
    const down = await mount("down");
    await search(down, "mer");
    await down.until(
      () => down.said() === "Search is not working. Please try again in a minute.",
      "it says that search is down",
    );
  });

  it("says where it goes while the focus stays in the field", async () => {
    const at = await leave("hang");
    await at.until(() => at.said() === "Taking you to Mercy General Hospital to sign in", "it says where it goes");
    ok(at.element.shadowRoot?.activeElement === at.input(), "the focus stays");
    ok(at.input().readOnly && !at.input().disabled, "the field is read-only");
  });

  it("moves the focus to an outcome's heading once, unless something else on the page holds it", async () => {
    const at = await comeBack("success=false&error=user_denied&error_description=x");
    equal(at.element.shadowRoot?.activeElement?.textContent, "Nothing was shared");

    const other = document.createElement("button");
    const busy = await mount();
    document.body.prepend(other);
    other.focus();
    busy.element.handleReturn("/?patient_id=p&patient_session_id=ps_1&success=true&connection_id=fhirsrc_1");
    await busy.until(() => busy.said().startsWith("You are connected. Willow Clinic"), "the outcome is said");
    ok(document.activeElement === other, "the focus stays where it was");
  });

  it("never loses the focus between its screens", async () => {
    const at = await leave("down");
    await at.until(() => at.element.state === "failed", "it failed");
    equal(at.element.shadowRoot?.activeElement?.textContent, "Please wait a moment");
    at.button("Choose another hospital").focus();
    await press("Enter");
    await at.element.updateComplete;
    ok(at.element.shadowRoot?.activeElement === at.input(), "the field has the focus");
  });
});
