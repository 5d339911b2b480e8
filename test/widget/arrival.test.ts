/** Records that arrive after a patient has come back: what is on show, what is said, and how often the host is asked. */
import { equal, ok } from "./support/assert.ts";
import { type Mounted, settled } from "./support/element.ts";
import { arriving, comeBack } from "./support/states.ts";

const SUCCESS = "success=true&connection_id=fhirsrc_1";
/** Milliseconds after which an answer, and a test's own wait, is given up; every other long wait is a pause between two looks. */
const DEADLINES_MS = [10_000, 8_000];

/** Lets every pause between two looks pass at once. */
function pauses(): { lengths: number[]; end(): void } {
  const { setTimeout } = window;
  const lengths: number[] = [];
  window.setTimeout = ((call: () => void, ms = 0) => {
    const paused = ms >= 2_000 && ms < 20_000 && !DEADLINES_MS.includes(ms);
    if (paused) lengths.push(ms);
    return setTimeout(call, paused ? 0 : ms);
  }) as typeof setTimeout;
  return {
    lengths,
    end() {
      window.setTimeout = setTimeout;
    },
  };
}

const hidden = (hide: boolean): void =>
  void Object.defineProperty(document, "hidden", { value: hide, configurable: true });
const looks = async (at: Mounted): Promise<number> => (await at.asked()).length;
const sentence = (at: Mounted): string => at.text().split("\n")[1] ?? "";

describe("records that arrive", () => {
  let waits: ReturnType<typeof pauses>;
  beforeEach(() => {
    sessionStorage.clear();
    waits = pauses();
  });
  afterEach(() => {
    waits.end();
    hidden(false);
    document.body.replaceChildren();
  });

  it("are counted as they come, until all are here, and then nothing more is asked", async () => {
    const at = await comeBack(SUCCESS, "arriving");
    const seen = [sentence(at)];
    const root = at.element.shadowRoot as ShadowRoot;
    new MutationObserver(() => seen.at(-1) !== sentence(at) && seen.push(sentence(at))).observe(root, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    await at.until(() => sentence(at) === "Your records are here: 1,240", "all are here");
    equal(seen, [
      "Willow Clinic can now get a copy of your records, which may take a while.",
      "Your records are arriving: 312 so far",
      "Your records are arriving: 1,100 so far",
      "Your records are here: 1,240",
    ]);
    await settled();
    equal(
      (await at.asked()).map(({ method }) => method),
      ["GET", "GET", "GET", "GET"],
    );
    equal(at.element.state, "connected");
  });

  it("are said once, when all are here, while the focus stays on the heading", async () => {
    const at = await comeBack(SUCCESS, "arriving");
    await at.until(() => sentence(at).includes("312"), "some are here");
    equal(at.said(), "");
    await at.until(() => at.said() !== "", "something is said");
    equal(at.said(), "Your records are here: 1,240");
    equal(at.element.shadowRoot?.activeElement?.id, "title");
  });

  it("are asked for every two seconds at first, ever less often, and every fifteen at last", async () => {
    const at = await comeBack(SUCCESS, "waiting");
    while (waits.lengths.length < 12) await settled();
    const { lengths } = waits;
    equal(lengths[0], 2_000);
    ok(
      lengths.every((ms, index) => index === 0 || ms >= (lengths[index - 1] ?? 0)),
      `${lengths} grow`,
    );
    equal([lengths[9], lengths[11]], [15_000, 15_000]);
    equal(sentence(at), "Willow Clinic can now get a copy of your records, which may take a while.");
  });

  it("are not asked for while nobody sees the page, and soon after it is seen again", async () => {
    hidden(true);
    const at = await comeBack(SUCCESS, "moment");
    while (waits.lengths.length < 5) await settled();
    equal([await looks(at), waits.lengths.slice(0, 5)], [0, Array(5).fill(2_000)]);
    hidden(false);
    await at.until(() => sentence(at) === "Your records are here: 1", "it is up to date");
  });

  it("may be none, which is no failure", async () => {
    const at = await arriving("nothing", "There are no records here yet.");
    equal([at.element.state, at.find("section")?.className], ["connected", "done"]);
  });

  it("are not called all of them where the pull broke off", async () => {
    const at = await arriving("broken-off", "Your records are arriving: 312 so far");
    await settled();
    equal([await looks(at), waits.lengths], [1, []]);
  });

  it("go on after a moment's fault", async () => {
    const at = await arriving("moment", "Your records are here: 1");
    equal([await looks(at), waits.lengths], [2, [2_000]]);
  });

  for (const kind of ["routeless", "signed-out"]) {
    it(`are asked for once where the host does not tell (${kind}), without a complaint`, async () => {
      let complaints = 0;
      document.addEventListener("mb-error", () => (complaints += 1), { once: true });
      const at = await comeBack(SUCCESS, kind);
      while ((await looks(at)) === 0) await settled();
      await settled();
      equal([await looks(at), waits.lengths, complaints, at.element.state], [1, [], 0, "connected"]);
    });
  }

  it("are waited for where the answer makes no sense", async () => {
    const at = await comeBack(SUCCESS, "odd");
    while (waits.lengths.length < 2) await settled();
    ok(sentence(at).startsWith("Willow Clinic can now"), sentence(at));
  });

  it("are not asked for once the patient goes on, the element is gone, or the page does not want it", async () => {
    const on = await comeBack(SUCCESS, "waiting");
    on.button("Connect another hospital").click();
    const gone = await comeBack(SUCCESS, "waiting");
    gone.element.remove();
    await settled();
    const before = [await looks(on), await looks(gone)];
    waits.lengths.length = 0;
    for (let turn = 0; turn < 5; turn += 1) await settled();
    equal([await looks(on), await looks(gone)], before);
    equal(waits.lengths, []);
    const unwanted = await comeBack(SUCCESS, "arriving", (element) => {
      element.connectionsUrl = "";
    });
    await settled();
    equal(await looks(unwanted), 0);
  });

  it("are followed on when the element is moved on its page", async () => {
    const at = await comeBack(SUCCESS, "arriving");
    const place = document.createElement("div");
    document.body.append(place);
    place.append(at.element);
    await at.until(() => sentence(at) === "Your records are here: 1,240", "all are here");
  });

  it("are not waited for after a failure", async () => {
    const at = await comeBack("success=false&error=user_denied&error_description=x", "arriving");
    await settled();
    equal([await looks(at), waits.lengths], [1, []]);
  });

  it("are counted in the words and the way of another language", async () => {
    const at = await comeBack(SUCCESS, "arriving", (element) => {
      element.strings = { lang: "de", arrived: "{count} Unterlagen sind da" };
    });
    await at.until(() => sentence(at) === "1.240 Unterlagen sind da", "all are here");
  });

  it("are not told of where something else fails after them", async () => {
    const at = await arriving("arriving", "Your records are here: 1,240");
    const field = document.createElement("input");
    document.body.append(field);
    field.focus();
    at.element.createSession = () => Promise.reject(new Error("down"));
    await at.element.reconnect("conn_1");
    await at.until(() => at.said().startsWith("Please wait a moment."), "the failure is said");
  });
});
