/** Search as you type: when it asks, what it shows of good and bad answers, and what it never keeps. */
import type { SourcePage } from "@mb-connect/widget";
import { equal, ok } from "./support/assert.ts";
import { clock, type Mounted, mount, next, press, search, settled, type, watchMoves } from "./support/element.ts";

const names = (at: Mounted) => at.options().map((one) => one.querySelector("[part=name]")?.textContent);
const row = (name: string) => ({ id: `fhirsrc_${name}`, name });

/** A text typed at an even pace, each answer one row: what was asked, how long after the first key, and the names on show. */
async function typed(text: string, keyMs: number, hasMore: (query: string) => boolean, name?: string) {
  const time = clock();
  const asked: [query: string, at: number][] = [];
  const at = await mount("sound", (element) => {
    element.searchConnections = async (query) => {
      asked.push([query, time.now()]);
      return { data: [row(name ?? query)], has_more: hasMore(query) };
    };
  });
  for (let keys = 1; keys <= text.length; keys += 1) {
    at.element.value = text.slice(0, keys);
    await time.pass(keyMs);
  }
  await time.pass(1_000);
  time.end();
  return { asked, shown: names(at) };
}

describe("search", () => {
  it("asks with the first key that is enough, then when typing rests, and not for a single character", async () => {
    const asked: string[] = [];
    const at = await mount("sound", (element) => {
      element.searchConnections = async (query) => {
        asked.push(query);
        return { data: [row(query)], has_more: false };
      };
    });
    at.element.value = "m";
    equal([at.element.state, asked], ["idle", []]);
    const answered = next(at.element, "mb-search");
    for (const value of ["me", "mer", "merc", "mercy", "mercy  hi "]) at.element.value = value;
    equal(asked, ["me"]);
    equal((await answered).query, "mercy hi");
    equal(asked, ["me", "mercy hi"]);
  });

  it("shows place, portal and health system, each only where it says something", async () => {
    const at = await mount();
    await search(at, "mer");
    equal(
      at.options().map((one) => one.querySelector("[part=detail]")?.textContent),
      ["Springfield, IL 62700 · MyPortal", "Mercy Health · Springfield, IL 62701", "Springfield, IL 62702"],
    );
  });

  it("tells the page of what is on show", async () => {
    const at = await mount("more");
    const heard = next(at.element, "mb-search");
    at.element.value = "mer";
    equal(await heard, { query: "mer", count: 4, hasMore: true });
    await at.element.updateComplete;
    ok(at.text().includes("4 results shown, more available."), "and the patient that there are more");
  });

  it("ends an older question when a newer one is asked", async () => {
    const at = await mount("hang");
    at.element.value = "me";
    await at.until(() => at.text().includes("Searching…"), "it says that it searches");
    at.element.value = "mer";
    await at.closed();
  });

  it("never shows an older answer over a newer one", async () => {
    const answers = new Map<string, (page: SourcePage) => void>();
    const at = await mount("sound", (element) => {
      element.searchConnections = (query) => new Promise((resolve) => answers.set(query, resolve));
    });
    const answer = (query: string) => answers.get(query)?.({ data: [row(query)], has_more: false });
    at.element.value = "me";
    at.element.value = "mercy";
    const later = next(at.element, "mb-search");
    await new Promise<void>((resolve) => {
      const set = answers.set.bind(answers);
      answers.set = (query, resolver) => {
        if (query === "mercy") resolve();
        return set(query, resolver);
      };
    });
    answer("mercy");
    await later;
    answer("me");
    await settled();
    equal(names(at), ["mercy"]);
  });

  it("keeps older rows until newer ones come, in a box that keeps its height", async () => {
    const at = await mount("more");
    await search(at, "mer");
    const height = () => at.find(".results")?.getBoundingClientRect().height;
    const before = height();
    at.element.searchUrl = at.element.searchUrl.replace("more", "markup");
    at.element.value = "mercy g";
    await at.element.updateComplete;
    equal([at.element.state, names(at).length, height()], ["searching", 4, before]);
    await at.until(() => names(at).length === 1, "the newer row is on show");
    equal(height(), before);
    at.element.searchUrl = at.element.searchUrl.replace("markup", "none");
    at.element.value = "zzz";
    await at.until(() => at.element.state === "empty" && at.text().includes("No match"), "none is on show");
    equal(height(), before);
  });

  it("moves nothing when an answer comes, however late and whatever it holds", async () => {
    const answers: ((page: SourcePage) => void)[] = [];
    const at = await mount("sound", (element) => {
      element.searchConnections = () => new Promise((resolve) => answers.push(resolve));
    });
    at.element.value = "me";
    await at.until(() => at.text().includes("Searching…"), "the list has its place");
    const moved = await watchMoves();
    const long = "Regional Medical Center of the Upper Valley and of All Its Surrounding Counties, Outpatients";
    const names = ["Mercy", long, "Merit", "Mercer", long];
    for (const data of [names, names.toReversed(), [], names]) {
      answers.at(-1)?.({ data: data.map(row), has_more: true });
      await at.until(() => ["results", "empty"].includes(at.element.state), "the answer is there");
      await settled();
      const asked = answers.length;
      at.element.value += "r";
      while (answers.length === asked) await settled();
    }
    equal(await moved(), []);
  });

  it("begins each answer at its top", async () => {
    const at = await mount("huge");
    await search(at, "mer");
    at.find(".results")?.scrollTo(0, 300);
    equal(at.find(".results")?.scrollTop, 300);
    const answered = next(at.element, "mb-search");
    await type("c");
    await answered;
    await at.element.updateComplete;
    equal([at.options().length, at.find(".results")?.scrollTop], [20, 0]);
  });

  it("asks once for what it knows already", async () => {
    const at = await mount();
    await search(at, "mer");
    await type("c");
    await at.until(() => names(at).length === 2, "two rows are on show");
    await press("Backspace");
    await at.until(() => names(at).length === 3, "three rows are on show again");
    const asked = (await at.asked()).length;
    await type("c");
    await at.until(() => names(at).length === 2, "two rows are on show");
    equal((await at.asked()).length, asked, "nothing new is asked");
  });

  it("says what was not found, and offers the page's other way", async () => {
    const at = await mount("none", (element) => {
      element.innerHTML = `<a slot="empty" href="/other">Ask us</a>`;
    });
    await search(at, "merci");
    ok(at.text().includes("No match for “merci”. Check the spelling or try the city."), "none is on show");
    ok(at.element.querySelector("a")?.checkVisibility(), "the other way is on show");
    at.element.clear();
    await at.element.updateComplete;
    ok(!at.element.querySelector("a")?.checkVisibility(), "the other way is gone");
  });

  it("takes from the patient that a hospital is not listed: the page hears of it, and its other way is there", async () => {
    for (const kind of ["sound", "none"]) {
      const at = await mount(kind, (element) => {
        element.innerHTML = `<a slot="empty" href="/other">Ask us</a>`;
      });
      await search(at, "mer ");
      const heard = next(at.element, "mb-not-listed");
      at.button("My hospital isn’t listed").click();
      equal(await heard, { query: "mer" });
      await at.element.updateComplete;
      equal([at.element.state, at.options().length], ["empty", 0]);
      ok(at.text().includes("Try the name on a bill or an email from your hospital, or ask Willow Clinic."), at.text());
      ok(at.element.querySelector("a")?.checkVisibility(), "the other way is on show");
      await type("c");
      await at.until(() => !at.text().includes("bill"), "typing goes on");
    }
  });

  it("asks nothing more once all is known, as long as only characters are added", async () => {
    const asked: string[] = [];
    const rows = ["Mercy General", "Mercy Hills", "Merit Eye"].map((name) => ({ id: name, name, city: "Genoa" }));
    const at = await mount("sound", (element) => {
      element.searchConnections = async (query) => {
        asked.push(query);
        return { data: query === "merzy" ? [] : rows, has_more: query.length < 3 };
      };
    });
    const type = async (value: string) => {
      at.element.value = value;
      await at.until(() => at.element.state !== "searching", `an answer to ${value}`);
      await at.element.updateComplete;
      return names(at);
    };
    await type("me");
    equal((await type("mer")).length, 3);
    equal(await type("mercy"), ["Mercy General", "Mercy Hills"]);
    equal(await type("mercy gen"), ["Mercy General", "Mercy Hills"]);
    equal(await type("mercy gen hi"), ["Mercy Hills"]);
    equal(asked, ["me", "mer"]);
    await type("merzy");
    equal(asked, ["me", "mer", "merzy"], "what may be a slip only the host can tell");
  });

  it("asks at most 6 times for 13 keys at an even pace, and for the last of them soon, though no answer ever holds all", async () => {
    for (const text of ["general hospi", "massachusetts"]) {
      for (const keyMs of [30, 60, 90, 120, 150]) {
        const { asked, shown } = await typed(text, keyMs, () => true);
        ok(asked.length <= 6, `${asked.map(String)} are too many at ${keyMs} ms a key`);
        const [last, at] = asked.at(-1) ?? [];
        equal([last, shown], [text, [text]]);
        const waited = (at ?? 0) - 12 * keyMs;
        ok(waited <= 40, `the last of a key each ${keyMs} ms waited ${waited} ms`);
      }
    }
  });

  it("asks for each key of a slow hand at once, and keeps no hand waiting longer than a moment", async () => {
    for (const text of ["mercy hospital", "mercy hospita"]) {
      for (const keyMs of [30, 60, 90, 120, 150, 180, 250]) {
        const { asked } = await typed(text, keyMs, () => true);
        const waited = (asked.at(-1)?.[1] ?? 0) - (text.length - 1) * keyMs;
        ok(waited <= (keyMs < 170 ? 170 : 0), `the last of a key each ${keyMs} ms waited ${waited} ms`);
      }
    }
  });

  it("asks less once an answer holds all there is", async () => {
    const { asked, shown } = await typed("mercy gen hos", 120, (query) => query.length < 9, "Mercy General Hospital");
    equal(
      asked.map(([query]) => query),
      ["me", "mercy", "mercy g", "mercy gen"],
    );
    equal(shown, ["Mercy General Hospital"]);
  });

  it("lets a question go on when only a space is added to it", async () => {
    const time = clock();
    const asked: string[] = [];
    const at = await mount("sound", (element) => {
      element.searchConnections = (query) => {
        asked.push(query);
        return new Promise(() => {});
      };
    });
    for (const value of ["mercy", "mercy "]) {
      at.element.value = value;
      await time.pass(500);
    }
    time.end();
    equal(asked, ["mercy"]);
  });

  it("does not narrow by itself what it cannot see: other names, and other places of one login", async () => {
    for (const row of [
      { id: "a", name: "University of California", city: "San Francisco" },
      { id: "a", name: "UCSF Benioff", locations: 2 },
    ]) {
      const asked: string[] = [];
      const at = await mount("sound", (element) => {
        element.searchConnections = async (query) => {
          asked.push(query);
          return { data: [{ id: "b", name: "UCSF Clinic" }, row], has_more: false };
        };
      });
      for (const value of ["ucs", "ucsf"]) {
        const answered = next(at.element, "mb-search");
        at.element.value = value;
        await answered;
      }
      equal(asked, ["ucs", "ucsf"]);
    }
  });

  for (const [kind, code, status] of [
    ["html", "internal_error", 200],
    ["html500", "internal_error", 502],
    ["down", "internal_error", 500],
    ["throttled", "throttled", 429],
    ["bare401", "not_authenticated", 401],
    ["bare403", "config_missing", 403],
    ["broken", "internal_error", undefined],
  ] as const) {
    it(`calls search down when it answers ${kind}, and asks again by the button`, async () => {
      const at = await mount(kind);
      const fault = next(at.element, "mb-error");
      await search(at, "mer");
      const { error, ...detail } = await fault;
      equal(detail, { phase: "search", ...(status && { status }), code });
      ok(error instanceof Error, "the error itself is told as well");
      ok(at.text().includes("Search is not working. Please try again in a minute."), at.text());
      ok(!at.text().includes("Not for the patient"), "the server's text is not shown");
      equal(at.element.matches(":state(error)"), true);
      const again = next(at.element, "mb-error");
      at.button("Try again").click();
      await again;
    });
  }

  it("says that search is down when no answer comes at all", async () => {
    const at = await mount("sound", (element) => {
      element.searchUrl = "http://localhost:1/connections";
    });
    const fault = next(at.element, "mb-error");
    await search(at, "mer");
    equal((await fault).code, "offline");
    await at.element.updateComplete;
    ok(at.text().includes("Please check your internet connection."), at.text());
  });

  it("drops rows that are none, and rows past the limit", async () => {
    const rude = await mount("rude");
    await search(rude, "mer");
    equal(names(rude), ["Mercy General Hospital"]);
    const huge = await mount("huge");
    await search(huge, "mer");
    equal(names(huge).length, 20);
    ok(huge.text().includes("more available"), "it says that there are more");
  });

  it("S20: shows markup in a name as text, and wraps a name of 2,000 characters", async () => {
    const at = await mount("markup");
    await search(at, "bold");
    equal(names(at), [`<img src=x onerror="window.pwned = true"><b>Bold & Sons</b>`]);
    ok(!at.find("img, b"), "no markup of a row's becomes an element");
    const long = await mount("long");
    await search(long, "very");
    equal(names(long)[0]?.length, 2000);
  });

  it("asks with as much of a pasted letter as an address holds", async () => {
    const at = await mount();
    const heard = next(at.element, "mb-search");
    at.element.value = `mercy ${"🏥".repeat(10_000)}`;
    equal((await heard).query.length, 300);
    equal(at.element.value.length, 20_006, "the field keeps what was pasted");
  });

  it("keeps nothing of what was typed", async () => {
    sessionStorage.clear();
    localStorage.clear();
    const at = await mount();
    await search(at, "mercy oncology");
    await press("Home");
    equal([sessionStorage.length, localStorage.length, document.cookie], [0, 0, ""]);
    ok(!location.href.includes("oncology"), "the address neither");
  });

  it("leaves nothing under way when it leaves the page", async () => {
    const at = await mount("hang");
    at.element.value = "mer";
    await at.until(() => at.text().includes("Searching…"), "it says that it searches");
    at.element.remove();
    await at.closed();
  });
});
