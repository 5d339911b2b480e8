/** What a developer relies on: attributes, words, methods, parts, and a definition that can be met twice. */
import { MbConnect } from "@mb-connect/widget";
import { executeServerCommand } from "@web/test-runner-commands";
import { equal, ok } from "./support/assert.ts";
import { mount, next, point, search } from "./support/element.ts";

describe("element", () => {
  it("reads its attributes, and has the documented defaults", () => {
    const plain = document.createElement("mb-connect");
    const { searchUrl, sessionUrl, minLength, limit, returnMode, disabled, state, result, value } = plain;
    equal(
      [searchUrl, sessionUrl, minLength, limit, returnMode, disabled, state, result, value],
      ["/api/connections", "/api/patient-sessions", 2, 20, "auto", false, "idle", null, ""],
    );
    document.body.innerHTML = `<mb-connect search-url="/a" session-url="/b" app-name="C" patient-id="d" label="E"
      hint="F" min-length="3" limit="5" return-mode="manual" disabled></mb-connect>`;
    const set = document.querySelector("mb-connect") as MbConnect;
    equal(
      [
        set.searchUrl,
        set.sessionUrl,
        set.appName,
        set.patientId,
        set.label,
        set.hint,
        set.minLength,
        set.limit,
        set.returnMode,
        set.disabled,
      ],
      ["/a", "/b", "C", "d", "E", "F", 3, 5, "manual", true],
    );
  });

  it("says what the page wants it to say", async () => {
    const at = await mount("none", (element) => {
      element.label = "Find your doctor";
      element.strings = { hint: "Name or town", none: "Nothing for {query}", clear: "Empty" };
    });
    await search(at, "merci");
    const text = at.text();
    for (const words of ["Find your doctor", "Name or town", "Nothing for merci", "Empty"])
      ok(text.includes(words), text);
  });

  it("speaks to a parent and to a caregiver", async () => {
    const at = await mount("sound", (element) => {
      element.relation = "child";
    });
    ok(at.text().startsWith("Find your child’s hospital or clinic"), at.text());
    ok(at.text().includes("with the account you use for your child"), at.text());
    at.element.setAttribute("relation", "other");
    await at.element.updateComplete;
    ok(at.text().startsWith("Find the hospital or clinic of the person you care for"), at.text());
    at.element.setAttribute("relation", "constructor");
    await at.element.updateComplete;
    ok(at.text().startsWith("Find your hospital or clinic"), at.text());
  });

  it("lets the page reword one outcome and keep the others", async () => {
    const at = await mount("sound", (element) => {
      element.strings = {
        outcomes: { user_denied: { title: "As you wish", text: "{app} got nothing.", button: "Back" } },
      };
    });
    const failure = "/?patient_id=p&patient_session_id=ps&success=false&error=";
    at.element.handleReturn(`${failure}user_denied`);
    await at.element.updateComplete;
    equal(at.text().split("\n").slice(0, 3), ["As you wish", "Willow Clinic got nothing.", "Back"]);
    at.element.handleReturn(`${failure}session_expired`);
    await at.element.updateComplete;
    ok(at.text().startsWith("This link has expired"), at.text());
  });

  it("searches for a value that is set, clears, and resets", async () => {
    const at = await mount();
    at.element.value = "northwind";
    await at.until(() => at.options().length === 1, "the row is on show");
    equal(at.input().value, "northwind");
    at.element.clear();
    await at.element.updateComplete;
    equal([at.input().value, at.element.state, at.options().length], ["", "idle", 0]);
    at.element.value = "northwind";
    at.element.reset();
    await at.element.updateComplete;
    equal([at.input().value, at.element.state], ["", "idle"]);
  });

  it("shows its state to style sheets", async () => {
    const at = await mount();
    equal(at.element.matches(":state(idle)"), true);
    await search(at, "mer");
    equal(
      [at.element.matches(":state(results)"), at.element.matches(":state(open)"), at.element.matches(":state(idle)")],
      [true, true, false],
    );
  });

  it("has its parts and slots", async () => {
    const at = await mount("sound", (element) => {
      element.innerHTML = `<p slot="heading">H</p><p slot="footer">F</p>`;
    });
    await search(at, "mer");
    for (const part of ["label", "hint", "field", "input", "clear", "listbox", "option", "name", "detail", "notice"]) {
      ok(at.find(`[part~=${part}]`), `there is a part ${part}`);
    }
    ok(
      [...at.element.children].every((child) => child.checkVisibility()),
      "heading and footer are on show",
    );
  });

  it("can be defined again, under another name too, and taken from another copy", () => {
    MbConnect.define();
    MbConnect.define("other-connect");
    MbConnect.define("other-connect");
    ok(document.createElement("other-connect") instanceof MbConnect, "the other name is one of it");
    ok(customElements.get("mb-connect") === MbConnect, "the first stays");
  });

  it("searches on where it is moved in the page", async () => {
    const at = await mount();
    at.element.value = "mercy";
    const place = document.createElement("div");
    document.body.append(place);
    place.append(at.element);
    await at.until(() => at.options().length === 2, "rows are on show");
  });

  it("is pressed inside of a closed root, too", async () => {
    const host = document.createElement("div");
    const at = await mount();
    document.body.append(host);
    host.attachShadow({ mode: "closed" }).append(at.element);
    await search(at, "mercy");
    const selected = next(at.element, "mb-select", true);
    await point(at.options()[1] as HTMLElement);
    equal((await selected).connection.name, "Mercy Hills Clinic");
    ok(at.element.matches(":state(open)"), "the list is open");
    host.style.marginTop = "40px";
    await executeServerCommand("send-mouse", { type: "click", position: [3, 3] });
    await at.until(() => !at.element.matches(":state(open)"), "and a press elsewhere closes it");
  });

  it("hears nothing of the page once it is gone", async () => {
    const listeners = new Set<string>();
    for (const target of [window, document]) {
      const { addEventListener, removeEventListener } = target;
      target.addEventListener = (type: string, ...rest: [never]) => {
        listeners.add(type);
        addEventListener.call(target, type, ...rest);
      };
      target.removeEventListener = (type: string, ...rest: [never]) => {
        listeners.delete(type);
        removeEventListener.call(target, type, ...rest);
      };
    }
    const at = await mount();
    equal([...listeners].sort(), ["pageshow", "pointerdown"]);
    at.element.remove();
    equal([...listeners], []);
    for (const target of [window, document]) {
      Reflect.deleteProperty(target, "addEventListener");
      Reflect.deleteProperty(target, "removeEventListener");
    }
  });
});
