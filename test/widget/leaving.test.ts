/** Picking a hospital and leaving for it: what is posted, where the page goes, and every way it can go wrong. */
import { equal, ok } from "./support/assert.ts";
import { mount, next, press, search, settled } from "./support/element.ts";
import { openPage } from "./support/page.ts";
import { comeBack, leave } from "./support/states.ts";

const REFUSED = ["script", "insecure", "disguised", "blob", "urlless"];

describe("leaving", () => {
  beforeEach(() => sessionStorage.clear());

  it("says before picking who receives what, and that the password stays with the hospital", async () => {
    const at = await mount();
    ok(
      at
        .text()
        .includes(
          "You sign in on your hospital’s own page. Willow Clinic receives a copy of your records. Your password stays with the hospital.",
        ),
      at.text(),
    );
    const unnamed = await mount("sound", (element) => {
      element.appName = undefined;
    });
    ok(unnamed.text().includes("This app receives a copy of your records."), unnamed.text());
  });

  it("posts the pick at once and goes where the host says", async () => {
    const at = await mount("sound", (element) => {
      element.patientId = "patient-7";
    });
    await search(at, "mercy");
    const redirected = next(at.element, "mb-redirect", true);
    at.options()[1]?.click();
    const { url, connection } = await redirected;
    equal([url, connection.name], [`${location.origin}/host/portal`, "Mercy Hills Clinic"]);
    const posted = (await at.asked()).filter(({ method }) => method === "POST");
    equal(posted[0]?.body, { connectionId: "fhirsrc_00000000000000000000000002", patientId: "patient-7" });
    equal(at.element.state, "redirecting");
  });

  it("leaves the page, without a confirmation, and comes to the portal", async () => {
    const page = await openPage("");
    await page.pick("mercy");
    equal(await page.nextTitle(), "portal");
    page.close();
  });

  it("does not post a patient id that was not given, nor twice for a double click", async () => {
    const at = await mount();
    await search(at, "northwind");
    const redirected = next(at.element, "mb-redirect", true);
    const [row] = at.options();
    row?.click();
    row?.click();
    await redirected;
    const posted = (await at.asked()).filter(({ method }) => method === "POST");
    equal(
      posted.map(({ body }) => body),
      [{ connectionId: "fhirsrc_00000000000000000000000004" }],
    );
  });

  it("leaves all to the page that cancels the pick", async () => {
    const at = await mount();
    await search(at, "northwind");
    const selected = next(at.element, "mb-select", true);
    at.options()[0]?.click();
    equal((await selected).connection.id, "fhirsrc_00000000000000000000000004");
    equal(at.element.state, "results");
    ok(!(await at.asked()).some(({ method }) => method === "POST"), "nothing is posted");
  });

  it("can be canceled while it starts: the request ends, and the rows are there again", async () => {
    const at = await mount("sound", (element) => {
      element.sessionUrl = "/host/hang/canceled/patient-sessions";
    });
    await search(at, "mercy");
    await press("ArrowDown", "Enter");
    await at.until(() => at.text().includes("Taking you to Mercy General Hospital to sign in"), "it starts");
    at.button("Cancel").click();
    await at.until(() => at.options().length === 2, "the rows are there again");
    equal([at.element.state, at.input().readOnly], ["results", false]);
    ok(at.element.shadowRoot?.activeElement === at.input(), "the focus is in the field");
    await fetch("/host/hang/canceled/closed");
  });

  it("goes on where the second click of a double click meets what has come under it", async () => {
    const at = await leave("hang");
    at.button("Cancel").dispatchEvent(new MouseEvent("click", { detail: 2 }));
    await at.element.updateComplete;
    equal(at.element.state, "starting");
    at.button("Cancel").dispatchEvent(new MouseEvent("click", { detail: 1 }));
    await at.until(() => at.options().length === 2, "the rows are there again");
    let picks = 0;
    at.element.addEventListener("mb-select", () => (picks += 1));
    at.options()[0]?.dispatchEvent(new MouseEvent("click", { detail: 2 }));
    await settled();
    equal([at.element.state, picks], ["results", 0]);
  });

  it("stays when it was canceled, though the answer comes all the same", async () => {
    let answer = (_: { url: string }) => {};
    const at = await mount("sound", (element) => {
      element.createSession = () =>
        new Promise((resolve) => {
          answer = resolve;
        });
    });
    let left = false;
    at.element.addEventListener("mb-redirect", (event) => {
      event.preventDefault();
      left = true;
    });
    await search(at, "northwind");
    await press("ArrowDown", "Enter");
    at.button("Cancel").click();
    answer({ url: "https://portal.example/" });
    await settled();
    equal([left, at.element.state], [false, "results"]);
  });

  for (const kind of REFUSED) {
    it(`goes nowhere when the answer is ${kind}`, async () => {
      const at = await leave(kind);
      await at.until(() => at.element.state === "failed", "it is refused");
      ok(at.text().includes("This hospital is not available"), at.text());
      ok(!("pwned" in window), "nothing of the answer runs");
      equal(at.element.matches(":state(error)"), true);
    });
  }

  for (const [kind, code, title, button] of [
    ["html", "internal_error", "Please wait a moment", "Try again"],
    ["html500", "internal_error", "Please wait a moment", "Try again"],
    ["down", "internal_error", "Please wait a moment", "Try again"],
    ["throttled", "throttled", "Please wait a moment", "Try again"],
    ["signed-out", "not_authenticated", "You are signed out", "Reload this page"],
    ["bare401", "not_authenticated", "You are signed out", "Reload this page"],
    ["login", "not_authenticated", "You are signed out", "Reload this page"],
    ["bare403", "config_missing", "This hospital is not available", "Choose another hospital"],
    ["gone", "resource_not_found", "This hospital is not available", "Choose another hospital"],
    ["unknown", "constructor", "We could not connect", "Try again"],
  ] as const) {
    it(`has a screen for ${kind}`, async () => {
      const at = await mount("sound", (element) => {
        element.sessionUrl = `/host/${kind}/fault/patient-sessions`;
      });
      await search(at, "northwind");
      const fault = next(at.element, "mb-error");
      at.options()[0]?.click();
      const { phase, code: told } = await fault;
      equal([phase, told], ["session", code]);
      await at.element.updateComplete;
      ok(at.text().startsWith(title), at.text());
      ok(!at.text().includes("Not for the patient"), "the server's text is not shown");
      at.button(button);
    });
  }

  for (const [error, code] of [
    [new DOMException("Aborted", "AbortError"), "internal_error"],
    [undefined, "internal_error"],
    [{ code: "throttled", status: 429 }, "throttled"],
  ] as const) {
    it(`has a screen for a page's own function that fails with ${code} by ${String(error)}`, async () => {
      const at = await mount("sound", (element) => {
        element.createSession = () => Promise.reject(error);
      });
      await search(at, "northwind");
      const fault = next(at.element, "mb-error");
      at.options()[0]?.click();
      equal((await fault).code, code);
      await at.element.updateComplete;
      ok(at.text().startsWith("Please wait a moment"), at.text());
    });
  }

  it("shows a code for support where somebody else has to act, and copies it", async () => {
    const at = await leave("told");
    await at.until(() => at.element.state === "failed", "it failed");
    equal(at.find("code")?.textContent, "req_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    ok(at.find("section")?.textContent?.includes("Code for support:"), "it says what it is for");
    const { clipboard } = navigator;
    let copied = "";
    Object.defineProperty(navigator, "clipboard", {
      value: {
        writeText: async (text: string) => {
          copied = text;
        },
      },
      configurable: true,
    });
    at.button("Copy").click();
    await at.until(() => at.said() === "Copied", "it says so");
    ok(at.button("Copied"), "and shows it");
    equal(copied, "req_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let errors = 0;
    const count = () => (errors += 1);
    addEventListener("unhandledrejection", count);
    for (const refused of [undefined, { writeText: () => Promise.reject(new Error("forbidden")) }]) {
      const other = await leave("told");
      await other.until(() => other.element.state === "failed", "it failed");
      Object.defineProperty(navigator, "clipboard", { value: refused, configurable: true });
      other.button("Copy").click();
      await settled();
      ok(other.button("Copy"), "nothing is copied, and nothing said to be");
    }
    removeEventListener("unhandledrejection", count);
    equal(errors, 0);
    Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
  });

  it("shows the session of a return as that code, where it is one, and none where nobody is needed", async () => {
    const id = "ps_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (const [session, error, shown] of [
      [id, "oauth_error", id],
      ["ps_Call+555-0100", "oauth_error", undefined],
      [id, "user_denied", undefined],
    ] as const) {
      const at = await mount("sound", (element) => {
        element.returnMode = "manual";
      });
      at.element.handleReturn(
        `/?patient_id=p&patient_session_id=${session}&success=false&error=${error}&error_description=x`,
      );
      await at.element.updateComplete;
      equal(at.find("code")?.textContent, shown, `${session} ${error}`);
    }
  });

  it("tries the same hospital again", async () => {
    const at = await leave("down");
    await at.until(() => at.element.state === "failed", "it failed");
    at.element.sessionUrl = at.element.searchUrl.replace("connections", "patient-sessions");
    const selected = next(at.element, "mb-select");
    const redirected = next(at.element, "mb-redirect", true);
    at.button("Try again").click();
    equal((await selected).reason, "retry");
    equal((await redirected).connection.name, "Mercy General Hospital");
  });

  it("tries the last hospital again after a return, for an hour, and searches when it does not know it", async () => {
    const pick = { id: "fhirsrc_9", name: "Mercy Hills Clinic", time: Date.now() };
    sessionStorage.setItem("mb-connect:pick", JSON.stringify([pick]));
    const known = await comeBack("success=false&error=oauth_error&error_description=x");
    const selected = next(known.element, "mb-select", true);
    known.button("Try again").click();
    const { connection, reason } = await selected;
    equal([connection, reason], [{ id: "fhirsrc_9", name: "Mercy Hills Clinic" }, "retry"]);

    for (const kept of [JSON.stringify([{ ...pick, time: Date.now() - 3_600_001 }]), "{", "null", "[null]", ""]) {
      sessionStorage.setItem("mb-connect:pick", kept);
      const at = await comeBack("success=false&error=oauth_error&error_description=x");
      at.button("Try again").click();
      await at.element.updateComplete;
      equal(at.element.state, "idle", `kept ${kept}`);
      ok(at.element.shadowRoot?.activeElement === at.input(), "the field has the focus");
    }
  });

  it("forgets the last hospital once it is connected", async () => {
    sessionStorage.setItem(
      "mb-connect:pick",
      JSON.stringify([{ id: "fhirsrc_9", name: "Mercy Hills", time: Date.now() }]),
    );
    const at = await comeBack("success=true&connection_id=fhirsrc_9");
    ok(at.text().startsWith("Mercy Hills is connected"), at.text());
    equal(sessionStorage.length, 0);

    sessionStorage.setItem(
      "mb-connect:pick",
      JSON.stringify([{ id: "fhirsrc_9", name: "Mercy Hills", time: Date.now() }]),
    );
    const other = await comeBack("success=true&connection_id=fhirsrc_1");
    ok(other.text().startsWith("You are connected"), "another hospital's name is not claimed");
  });

  it("is idle again when the browser brings the page back as it was", async () => {
    const at = await leave("sound");
    await at.left;
    equal(at.element.state, "redirecting");
    window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    await at.element.updateComplete;
    equal([at.element.state, at.input().readOnly], ["idle", false]);
  });

  it("stays idle when it is taken from the page while it starts", async () => {
    const at = await leave("hang");
    at.element.remove();
    ok(["idle", "results"].includes(at.element.state), at.element.state);
  });

  it("reconnects by name, with the source's id", async () => {
    const at = await mount("sound", (element) => {
      element.connections = [
        { id: "conn_1", connection_id: "fhirsrc_1", name: "Mercy General", status: "active" },
        { id: "conn_2", connection_id: "fhirsrc_2", name: "Northwind", status: "refresh_failed" },
      ];
    });
    equal(at.text().split("\n").slice(3), [
      "Your hospitals",
      "Mercy General",
      "Connected",
      "Disconnect Mercy General",
      "Northwind",
      "Access has ended",
      "Reconnect Northwind",
    ]);
    const selected = next(at.element, "mb-select");
    const redirected = next(at.element, "mb-redirect", true);
    at.button("Reconnect Northwind").click();
    equal((await selected).reason, "reconnect");
    await redirected;
    equal((await at.asked()).find(({ method }) => method === "POST")?.body, { connectionId: "fhirsrc_2" });
    await at.element.reconnect("conn_unknown");
  });

  it("starts nothing while it is disabled", async () => {
    const at = await mount("sound", (element) => {
      element.connections = [{ id: "conn_2", connection_id: "fhirsrc_2", name: "Northwind", status: "expired" }];
      element.disabled = true;
    });
    ok(at.input().disabled, "nothing can be typed");
    ok(!at.text().includes("Reconnect"), "nothing can be started");
    await at.element.reconnect("conn_2");
    equal(at.element.state, "idle");
  });

  it("takes sessions from the page's own function", async () => {
    const at = await mount("sound", (element) => {
      element.createSession = async (connection, { reason }) => ({
        url: `https://portal.example/${connection.id}/${reason}`,
      });
    });
    await search(at, "northwind");
    const redirected = next(at.element, "mb-redirect", true);
    at.options()[0]?.click();
    equal((await redirected).url, "https://portal.example/fhirsrc_00000000000000000000000004/search");
  });
});
