/** The patient's own connections: how each one is, what it does not give, a way back and a way out. */
import { equal, ok } from "./support/assert.ts";
import { type Mounted, mount, next, press, search, settled } from "./support/element.ts";
import { comeBack } from "./support/states.ts";

const SUCCESS = "success=true&connection_id=fhirsrc_1";

async function listed(kind = "patient"): Promise<Mounted> {
  const at = await mount(kind);
  await at.until(() => at.find("[part=connection]"), "the connections are on show");
  return at;
}

/** All of each but its white space, which the single file has less of, so that nothing stands there that nobody wrote. */
const whole = (at: Mounted): string[] =>
  [...(at.element.shadowRoot?.querySelectorAll("[part=connection]") ?? [])].map(
    (one) => one.textContent?.replace(/\s+/g, "") ?? "",
  );

const items = (at: Mounted): string[] =>
  [...(at.element.shadowRoot?.querySelectorAll("[part=connection]") ?? [])].map((one) =>
    [...one.querySelectorAll("[part=name], [part=detail], p, button")]
      .map((text) => text.textContent?.trim())
      .join("|"),
  );

async function end(at: Mounted, name: string): Promise<void> {
  at.button(`Disconnect ${name}`).click();
  await at.element.updateComplete;
  at.button(`Yes, disconnect ${name}`).click();
}

describe("connections", () => {
  beforeEach(() => sessionStorage.clear());

  it("come from the host, with state, last refresh and what is missing", async () => {
    const at = await listed();
    const date = new Date("2026-03-04T12:00:00.000Z").toLocaleDateString("en");
    equal(items(at), [
      `Mercy General Hospital|Connected · Updated ${date}|Some records were not shared: test results, reports, and other records.|Fix it: Mercy General Hospital|Disconnect Mercy General Hospital`,
      "Northwind Family Practice|Access has ended|Reconnect Northwind Family Practice",
      "Willow Eye Center|Connected|Disconnect Willow Eye Center",
    ]);
    equal(whole(at)[2], "WEWillowEyeCenterConnectedDisconnectWillowEyeCenter");
    equal(at.find("ul[part=connections]")?.getAttribute("aria-labelledby"), "connections");
    equal(at.find("#connections")?.textContent, "Your hospitals");
    equal(
      at.element.connections?.map(({ id }) => id),
      ["conn_1", "conn_2", "conn_3"],
    );
  });

  it("are none where nobody is signed in, the route is missing or not wanted, and nothing is complained of", async () => {
    for (const kind of ["signed-out", "routeless", "odd"]) {
      const at = await mount(kind);
      let complaints = 0;
      at.element.addEventListener("mb-error", () => (complaints += 1));
      while ((await at.asked()).length === 0) await settled();
      await settled();
      equal([at.find("#connections"), complaints, at.element.state], [null, 0, "idle"], kind);
    }
    const at = await mount("patient", (element) => {
      element.connectionsUrl = "";
    });
    await settled();
    equal([await at.asked(), at.find("#connections")], [[], null]);
  });

  it("are the page's own where it sets them", async () => {
    const at = await mount("patient", (element) => {
      element.connections = [{ id: "conn_9", connection_id: "fhirsrc_9", name: "Mercy Hills", status: "failed" }];
    });
    while ((await at.asked()).length === 0) await settled();
    await settled();
    equal(items(at), ["Mercy Hills|Not connected|Reconnect Mercy Hills"]);
  });

  it("are the page's own after one has ended as well: it stands as ended, and the page is told and sets them anew", async () => {
    const own = [
      { id: "conn_8", connection_id: "fhirsrc_8", name: "Mercy Hills", status: "active" },
      { id: "conn_9", connection_id: "fhirsrc_9", name: "Merit Eye Center", status: "active" },
    ] as const;
    const at = await mount("patient", (element) => {
      element.connections = own;
    });
    const ended = next(at.element, "mb-disconnect");
    await end(at, "Mercy Hills");
    equal((await ended).connection, own[0]);
    const { href } = new URL(at.element.connectionsUrl, location.href);
    while (performance.getEntriesByName(href).length < 2) await settled();
    await settled();
    ok(at.element.connections === own, "the list is the page's");
    const rest = "Merit Eye Center|Connected|Disconnect Merit Eye Center";
    equal(items(at), ["Mercy Hills|Not connected|Reconnect Mercy Hills", rest]);
    at.element.value = "m";
    await at.element.updateComplete;
    equal(items(at)[0], "Mercy Hills|Not connected|Reconnect Mercy Hills", "whatever is typed");
    at.element.connections = own.slice(1);
    await at.element.updateComplete;
    equal(items(at), [rest]);
  });

  it("have ended at once where one has, though the host does not answer how they are now", async () => {
    for (const kind of ["patient-once", "hang-after"]) {
      const at = await listed(kind);
      await end(at, "Willow Eye Center");
      await at.until(() => at.text().includes("Reconnect Willow Eye Center"), "it has ended");
      equal(items(at)[2], "Willow Eye Center|Not connected|Reconnect Willow Eye Center");
    }
  });

  it("end after the patient was asked once, in place, with the focus kept", async () => {
    const at = await listed();
    at.button("Disconnect Willow Eye Center").focus();
    await press("Enter");
    ok(at.text().includes("Willow Clinic will get no more records from Willow Eye Center."), at.text());
    equal(at.element.shadowRoot?.activeElement?.textContent, "Keep Willow Eye Center");
    await at.until(() => at.said().includes("Willow Clinic will get no more records"), "the question is said");
    await press("Enter");
    ok(!at.text().includes("no more records"), "a second press keeps it");
    equal((await at.asked()).filter(({ method }) => method === "DELETE").length, 0);
    await press("Enter", "Tab");
    equal(at.element.shadowRoot?.activeElement?.textContent, "Yes, disconnect Willow Eye Center");
    await press("Enter");
    await at.until(() => at.text().includes("Reconnect Willow Eye Center"), "it has ended");
    equal(items(at)[2], "Willow Eye Center|Not connected|Reconnect Willow Eye Center");
    const ends = (await at.asked()).filter(({ method }) => method === "DELETE");
    equal(
      ends.map(({ path }) => path.split("/").at(-1)),
      ["conn_3"],
    );
    await at.until(() => at.said() === "Willow Eye Center: Not connected", "that it has ended is said");
    equal(at.element.shadowRoot?.activeElement?.id, "connections", "the focus stays with the list");
  });

  it("say that one is being ended, and take no second press meanwhile", async () => {
    const at = await listed("hang-end");
    await end(at, "Willow Eye Center");
    await at.until(() => at.said() === "Please wait a moment", "it is said");
    equal(items(at)[2], "Willow Eye Center|Connected|Please wait a moment");
    equal((await at.asked()).filter(({ method }) => method === "DELETE").length, 1);
  });

  it("ask alone: what else is amiss with one waits, and whoever searches is not asked any more", async () => {
    const at = await listed("steady");
    at.button("Disconnect Mercy General Hospital").click();
    await at.element.updateComplete;
    const question = "Willow Clinic will get no more records from Mercy General Hospital.";
    ok(
      items(at)[0]?.endsWith(`${question}|Keep Mercy General Hospital|Yes, disconnect Mercy General Hospital`),
      `${items(at)[0]}`,
    );
    ok(!items(at)[0]?.includes("Fix it"), "nothing else is offered");
    // A whole text at once, as from a clipboard or a microphone.
    at.input().value = "mercy";
    at.input().dispatchEvent(new InputEvent("input"));
    await at.until(() => at.options().length === 2, "rows are on show");
    ok(!at.text().includes(question), at.text());
    await at.until(() => at.said() === "2 results", "the answer is said");
  });

  it("come though the patient goes on before they are known", async () => {
    const going: ((at: Mounted) => Promise<void> | void)[] = [
      (at) => at.button("Try again").click(),
      async (at) => {
        at.button("Try again").click();
        await at.element.updateComplete;
        await search(at, "mercy");
        await press("ArrowDown", "Enter");
        at.button("Cancel").click();
      },
    ];
    for (const go of going) {
      sessionStorage.clear();
      const at = await comeBack("success=false&error=user_denied", "held", (element) => {
        element.createSession = () => new Promise(() => {});
      });
      await go(at);
      while ((await at.asked()).every(({ path }) => !path.includes("patient-connections"))) await settled();
      await fetch(at.element.connectionsUrl.replace("patient-connections", "release"));
      await at.until(() => at.find("#connections"), "they are on show");
    }
  });

  it("of a page that gives no route offer what a page can do, and no end", async () => {
    const at = await mount("patient", (element) => {
      element.connectionsUrl = "";
      element.connections = [
        { id: "conn_8", connection_id: "fhirsrc_8", name: "Mercy Hills", status: "active" },
        { id: "conn_9", connection_id: "fhirsrc_9", name: "Merit Eye Center", status: "expired" },
      ];
    });
    equal(items(at), ["Mercy Hills|Connected", "Merit Eye Center|Access has ended|Reconnect Merit Eye Center"]);
  });

  it("are the host's where a framework sets none", async () => {
    const at = await mount("patient", (element) => {
      Object.assign(element, { connections: undefined, strings: undefined, limit: null, minLength: undefined });
    });
    await at.until(() => at.find("[part=connection]"), "the connections are on show");
    equal([at.element.limit, at.element.minLength, at.element.label], [20, 2, undefined]);
    Object.assign(at.element, { searchUrl: undefined, strings: null, label: "" });
    await at.element.updateComplete;
    equal([at.element.searchUrl, at.find("label")?.textContent], ["/api/connections", "Find your hospital or clinic"]);
  });

  it("stay where ending one fails, and the page and the patient are told", async () => {
    const at = await listed("steady");
    at.button("Disconnect Willow Eye Center").click();
    await at.element.updateComplete;
    const fault = next(at.element, "mb-error");
    at.button("Yes, disconnect Willow Eye Center").click();
    const { phase, code, status } = await fault;
    equal([phase, code, status], ["disconnect", "internal_error", 500]);
    await at.element.updateComplete;
    ok(at.text().includes("Something is not working. Please try again in a minute."), at.text());
    ok(at.text().includes("Yes, disconnect Willow Eye Center"), "it can be tried again");
    ok(!at.text().includes("Try again") && !at.element.matches(":state(error)"), "nothing is wrong with the field");
  });

  it("that give less than was asked for can be mended, from the list and from the way back", async () => {
    const at = await listed();
    const selected = next(at.element, "mb-select", true);
    at.button("Fix it: Mercy General Hospital").click();
    const { connection, reason } = await selected;
    equal([connection, reason], [{ id: "fhirsrc_1", name: "Mercy General Hospital" }, "reconnect"]);

    const back = await comeBack(SUCCESS, "patient");
    await back.until(() => back.text().includes("Fix it"), "it says what is missing");
    equal(back.text().split("\n"), [
      "Mercy General Hospital is connected",
      "Some records were not shared: test results, reports, and other records.",
      "Fix it",
      "Connect another hospital",
    ]);
    const again = next(back.element, "mb-select", true);
    back.button("Fix it").click();
    equal((await again).connection.id, "fhirsrc_1");
    back.button("Connect another hospital").click();
    await back.element.updateComplete;
    equal(back.element.state, "idle");
    ok(back.text().includes("Your hospitals"), "and the others are there");
  });
});
