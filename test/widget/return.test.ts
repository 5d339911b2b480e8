/** Coming back from the hospital, in a page with the single-file build: shown once, and the address is clean. */
import { parseReturnUrl } from "@mb-connect/widget";
import { equal, ok } from "./support/assert.ts";
import { mount, next } from "./support/element.ts";
import { openPage } from "./support/page.ts";
import { comeBack } from "./support/states.ts";

const SESSION = "patient_id=p1&patient_session_id=ps_1";

describe("return", () => {
  beforeEach(() => sessionStorage.clear());

  it("shows a success once, cleans the address before anything is painted, and is idle after a reload", async () => {
    const page = await openPage(`tab=2&${SESSION}&success=true&connection_id=fhirsrc_1#records`);
    const { element } = page.at();
    equal(
      [element.state, element.result],
      ["connected", { success: true, patient_id: "p1", patient_session_id: "ps_1", connection_id: "fhirsrc_1" }],
    );
    equal(page.window.location.search + page.window.location.hash, "?tab=2#records");
    equal(page.at().text().split("\n"), [
      "You are connected",
      "Clinic can now get a copy of your records, which may take a while.",
      "Connect another hospital",
    ]);
    await page.reload();
    equal(page.at().element.state, "idle");
    page.close();
  });

  it("names the hospital that was picked in this tab, after the real way round", async () => {
    const page = await openPage("");
    await page.pick("mercy");
    equal(await page.nextTitle(), "portal");
    page.close();
    const back = await openPage(`${SESSION}&success=true&connection_id=fhirsrc_00000000000000000000000001`);
    ok(back.at().text().startsWith("Mercy General Hospital is connected"), back.at().text());
    back.close();
    equal(sessionStorage.length, 0);
  });

  for (const [error, title, text, button] of [
    ["user_denied", "Nothing was shared", "You stopped at your hospital’s own page.", "Try again"],
    ["session_expired", "This link has expired", "Sign-in links work only for a short time.", "Start again"],
    ["oauth_state_expired", "This link has expired", "Sign-in links work only for a short time.", "Start again"],
    [
      "oauth_error",
      "We could not connect",
      "Your hospital’s sign-in did not finish, so nothing was shared.",
      "Try again",
    ],
    [
      "token_exchange_failed",
      "We could not connect",
      "Your hospital’s sign-in did not finish, so nothing was shared.",
      "Try again",
    ],
    [
      "patient_mismatch",
      "This is a different account",
      "Please sign in with the same account as last time.",
      "Try again",
    ],
    [
      "a_code_of_tomorrow",
      "We could not connect",
      "Your hospital’s sign-in did not finish, so nothing was shared.",
      "Try again",
    ],
    [
      "connected",
      "We could not connect",
      "Your hospital’s sign-in did not finish, so nothing was shared.",
      "Try again",
    ],
    ["toString", "We could not connect", "Your hospital’s sign-in did not finish, so nothing was shared.", "Try again"],
  ] as const) {
    it(`has one calm screen for ${error}, once`, async () => {
      const page = await openPage(`${SESSION}&success=false&error=${error}&error_description=Call+555-0100`);
      equal(page.at().text().split("\n"), [title, text, button]);
      equal([page.at().element.state, page.window.location.search], ["failed", ""]);
      await page.reload();
      equal(page.at().element.state, "idle");
      page.close();
    });
  }

  it("gives the description to the page only", async () => {
    const at = await comeBack("success=false&error=oauth_error&error_description=Call+555-0100");
    equal(at.element.result, {
      success: false,
      patient_id: "p1",
      patient_session_id: "ps_1",
      error: "oauth_error",
      error_description: "Call 555-0100",
    });
    ok(!at.element.shadowRoot?.textContent?.includes("555-0100"), "it is not shown");
  });

  it("ignores what is no return, and leaves the address alone", async () => {
    for (const query of [
      "success=true",
      `${SESSION}&success=yes`,
      `${SESSION}&success=true`,
      `${SESSION}&success=true&success=false&connection_id=a`,
    ]) {
      const page = await openPage(query);
      equal([page.at().element.state, page.window.location.search], ["idle", `?${query}`]);
      page.close();
    }
  });

  it("leads on with its one button", async () => {
    const at = await comeBack("success=true&connection_id=fhirsrc_1");
    at.button("Connect another hospital").click();
    await at.element.updateComplete;
    equal([at.element.state, at.element.result], ["idle", null]);
    ok(at.element.shadowRoot?.activeElement === at.input(), "the field has the focus");
  });

  it("keeps what the page's router left in the history", async () => {
    const page = await openPage("");
    page.window.history.replaceState({ route: 7 }, "", `?${SESSION}&success=true&connection_id=a`);
    page.at().element.handleReturn();
    equal([page.window.history.state, page.window.location.search], [{ route: 7 }, ""]);
    page.close();
  });

  it("leaves the address to a page that wants it so", async () => {
    const at = await mount("sound", (element) => {
      element.returnMode = "manual";
    });
    const url = `https://clinic.example/?${SESSION}&success=true&connection_id=fhirsrc_1`;
    const returned = next(at.element, "mb-return");
    equal(at.element.handleReturn(url), parseReturnUrl(url));
    equal(at.element.handleReturn("https://clinic.example/"), null);
    equal(await returned, parseReturnUrl(url));
    equal(at.element.matches(":state(connected)"), true);
  });
});
