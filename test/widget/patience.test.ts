/** A host that does not answer: the element waits for so long, and then says so and leads on. */
import { equal, ok } from "./support/assert.ts";
import { clock, mount, search } from "./support/element.ts";

describe("a host that does not answer", () => {
  it("is given ten seconds for a search, which then is down", async () => {
    const at = await mount("hang");
    const time = clock();
    at.element.value = "mer";
    await time.pass(9_900);
    equal(at.element.state, "searching");
    await time.pass(200);
    time.end();
    await at.until(() => at.text().includes("Search is not working."), "search is down");
    equal([at.element.state, at.element.matches(":state(error)")], ["empty", true]);
    ok(at.button("Try again"), "it can be tried again");
    await at.closed();
  });

  it("is given thirty seconds for a session, and the pick is kept", async () => {
    const at = await mount();
    await search(at, "mercy g");
    at.element.sessionUrl = at.element.sessionUrl.replace("sound", "hang");
    const time = clock();
    at.options()[0]?.click();
    await time.pass(29_900);
    equal(at.element.state, "starting");
    await time.pass(200);
    time.end();
    await at.until(() => at.element.state === "failed", "it says so");
    await at.element.updateComplete;
    ok(at.text().startsWith("Please wait a moment"), at.text());
    ok(at.button("Try again"), "the same hospital can be tried again");
  });

  it("keeps nobody from searching when it does not tell the patient's connections", async () => {
    const at = await mount("sound", (element) => {
      element.connectionsUrl = element.connectionsUrl.replace("sound", "hang");
    });
    await search(at, "mer");
    equal(at.options().length, 3);
  });
});
