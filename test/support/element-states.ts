/**
 * Every state of the element, and how a patient comes into it: by typing, pressing, signing in at the simulated hospital and
 * coming back, over a network that can be slow or gone. None is set from outside.
 */
import Database from "better-sqlite3";
import type { Page, Route } from "playwright-core";
import { patientBrowser } from "./clinic.ts";
import { answer, field, type Patient, pick, signIn } from "./patient.ts";
import type { StatesHost } from "./states-host.ts";

/** A patient who is about to come into a state; each has a name of their own. */
export interface Journey extends Pick<Patient, "context" | "page"> {
  host: StatesHost;
  user: string;
}

/** A state: what leads there in words, and in deeds. */
export interface ElementState {
  name: string;
  trigger: string;
  reach(journey: Journey): Promise<void>;
  /** Whether it looks like no other, so that a picture of it is kept. */
  picture?: boolean;
}

const GENERAL = "Thornbury General Hospital";
/** A health system with several places; which of them is found first is not the same in each run. */
export const SYSTEM = "Sunrise Prairie Physicians";

/** The facilities that the host recommends. */
export const RECOMMENDED = [GENERAL, "Saint Delphine Hospital", "Kestrel Bay"];

/** Opens the host's page, with attributes of the tag. */
async function open({ host, page }: Journey, attributes: Record<string, string> = {}): Promise<void> {
  await page.goto(`${host.url}/?${new URLSearchParams(attributes)}`);
  await page.getByRole("combobox").waitFor();
}

const text = (page: Page, words: string | RegExp) => page.getByText(words).first().waitFor();
const heading = (page: Page, words: string | RegExp) => page.getByRole("heading", { name: words }).waitFor();
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).first().click();
/** A way out that leads nowhere: the portal's page never comes. */
const closeTheWay = (page: Page) => page.route("**/api/connect/*", (route) => route.fulfill({ status: 204 }));
/** A network that keeps what is asked of a route until the page is gone. */
const hold = (page: Page, path: string) => page.route(path, (_route: Route) => new Promise(() => {}));

async function type(journey: Journey, words: string, attributes: Record<string, string> = {}): Promise<void> {
  await open(journey, attributes);
  await journey.page.getByRole("combobox").fill(words);
}

/** Types in a page of another language. */
async function typeIn(journey: Journey, lang: string, label: string): Promise<void> {
  await type(journey, "thornbery", { lang });
  await journey.page.getByText(label).waitFor();
  await journey.page.getByRole("option", { name: GENERAL }).waitFor();
}

/** Types and picks; `then` comes between. */
async function choose(
  journey: Journey,
  attributes: Record<string, string> = {},
  then: () => Promise<unknown> = async () => {},
): Promise<void> {
  await type(journey, "thornbury general", attributes);
  await journey.page.getByRole("option", { name: GENERAL }).waitFor();
  await then();
  await journey.page.getByRole("option", { name: GENERAL }).click();
}

/** Signs in at a facility's portal and answers there. */
async function visit(journey: Journey, words: string, facility: string, decision: "Allow" | "Deny"): Promise<void> {
  await open(journey);
  await pick(journey.page, words, facility);
  await signIn(journey.page);
  await answer(journey.page, decision);
}

/** Connects without a page, as on another day. */
async function connected({ host, user }: Journey, ...names: string[]): Promise<void> {
  for (const name of names) await patientBrowser(host, user).connect(host.sourceOf(host.facility(name)));
}

/** Has a sound connection, one that gives less than was asked for, and one that has ended with nothing to renew it. */
async function ownHospitals(journey: Journey): Promise<void> {
  const { host, page } = journey;
  await connected(journey, "Test server: without refresh token");
  host.pass(2 * 3600);
  await connected(journey, "Test server: fewer scopes", GENERAL);
  await open(journey);
  await page.getByRole("button", { name: /^Reconnect/ }).waitFor();
}

/** Ends a source, as a list does that no longer holds it. */
function retire({ host }: Journey, name: string): void {
  const database = new Database(host.database, { fileMustExist: true });
  database.prepare("UPDATE sources SET status = 'retired' WHERE name = ?").run(name);
  database.close();
}

/** Every state, in the order of a patient's day. */
export const ELEMENT_STATES: ElementState[] = [
  { name: "idle", trigger: "The page opens", reach: (journey) => open(journey), picture: true },
  {
    name: "idle, for a child",
    trigger: 'The same for a parent, `relation="child"`',
    reach: async (journey) => {
      await journey.page.goto(`${journey.host.url}/?relation=child`);
      await journey.page.getByRole("combobox", { name: /child/ }).waitFor();
    },
  },
  {
    name: "recommended",
    trigger: "The field is pressed, nothing typed",
    picture: true,
    async reach(journey) {
      await open(journey, { "search-url": "/recommending/connections" });
      await field(journey.page).click();
      await journey.page.getByRole("option").nth(2).waitFor();
    },
  },
  {
    name: "picked before",
    trigger: "The same, after a pick on this device",
    picture: true,
    async reach(journey) {
      await choose(journey);
      await journey.page.waitForURL(/\/sign-in/);
      await open(journey, { "search-url": "/recommending/connections" });
      await field(journey.page).click();
      await journey.page.getByRole("button", { name: "Forget my recent choices" }).waitFor();
    },
  },
  {
    name: "own hospitals",
    trigger: "The host knows connections of the patient's: sound, narrower than asked, lapsed",
    picture: true,
    reach: ownHospitals,
  },
  {
    name: "disconnect, asked",
    trigger: "*Disconnect* is pressed",
    picture: true,
    async reach(journey) {
      await connected(journey, GENERAL);
      await open(journey);
      await press(journey.page, /^Disconnect/);
      await journey.page.getByRole("button", { name: /^Yes/ }).waitFor();
    },
  },
  {
    name: "disconnected",
    trigger: "*Yes* is pressed",
    async reach(journey) {
      await connected(journey, GENERAL);
      await open(journey);
      await press(journey.page, /^Disconnect/);
      await press(journey.page, /^Yes/);
      await journey.page.getByRole("button", { name: /^Reconnect/ }).waitFor();
    },
  },
  {
    name: "searching",
    trigger: "Typed; the answer is not here yet",
    picture: true,
    async reach(journey) {
      await hold(journey.page, "**/api/connections?*");
      await type(journey, "thorn");
      await text(journey.page, "Searching…");
    },
  },
  {
    name: "results",
    trigger: "Typed, with a slip; the answer is here",
    picture: true,
    async reach(journey) {
      await type(journey, "thornbery");
      await journey.page.getByRole("option", { name: GENERAL }).waitFor();
      await journey.page.keyboard.press("ArrowDown");
    },
  },
  {
    name: "in Arabic",
    trigger: "The same, in an Arabic page",
    picture: true,
    reach: (journey) => typeIn(journey, "ar", "ابحث عن مستشفاك أو عيادتك"),
  },
  {
    name: "in Chinese",
    trigger: "The same, in a Chinese page",
    picture: true,
    reach: (journey) => typeIn(journey, "zh", "查找您的医院或诊所"),
  },
  {
    name: "several places, one login",
    trigger: "A health system's name is typed",
    picture: true,
    async reach(journey) {
      await type(journey, SYSTEM);
      await journey.page.getByRole("option", { name: /^Show all/ }).waitFor();
    },
  },
  {
    name: "its places",
    trigger: "*Show all … locations* is pressed",
    async reach(journey) {
      await type(journey, SYSTEM);
      await journey.page.getByRole("option", { name: /^Show all/ }).click();
      await journey.page.getByRole("option").nth(6).waitFor();
    },
  },
  {
    name: "more results",
    trigger: "What is typed fits more than are shown",
    async reach(journey) {
      await type(journey, "thornbury", { limit: "2" });
      await text(journey.page, /more available/);
    },
  },
  {
    name: "no match",
    trigger: "Nothing fits what is typed",
    picture: true,
    async reach(journey) {
      await type(journey, "qqqq xxxx");
      await text(journey.page, /^No match/);
    },
  },
  {
    name: "not listed",
    trigger: "*My hospital isn’t listed* is pressed",
    picture: true,
    async reach(journey) {
      await type(journey, "qqqq xxxx");
      await press(journey.page, "My hospital isn’t listed");
      await journey.page.getByText("Try the name on a bill").waitFor();
    },
  },
  {
    name: "search down",
    trigger: "The host answers 503 to a search",
    picture: true,
    async reach(journey) {
      await type(journey, "thorn", { "search-url": "/resting/connections" });
      await text(journey.page, /^Search is not working/);
    },
  },
  {
    name: "offline",
    trigger: "Typed without a network",
    async reach(journey) {
      await open(journey);
      await journey.context.setOffline(true);
      await field(journey.page).fill("thorn");
      await text(journey.page, /internet connection/);
    },
  },
  {
    name: "starting",
    trigger: "A hospital is picked; the host has not answered yet",
    picture: true,
    async reach(journey) {
      await hold(journey.page, "**/api/patient-sessions");
      await choose(journey);
      await text(journey.page, /^Taking you to/);
    },
  },
  {
    name: "redirecting",
    trigger: "The host has answered; the portal’s page is not here yet",
    async reach(journey) {
      await closeTheWay(journey.page);
      await choose(journey);
      await journey.page.locator("mb-connect:state(redirecting)").waitFor();
    },
  },
  {
    name: "back from the portal",
    trigger: "The browser's *Back*, to a page that it kept alive",
    async reach(journey) {
      await closeTheWay(journey.page);
      await choose(journey);
      await journey.page.locator("mb-connect:state(redirecting)").waitFor();
      await journey.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
      await journey.page.locator("mb-connect:state(idle)").waitFor();
    },
  },
  {
    name: "connected",
    trigger: "*Allow* at the portal; nothing is known of the records yet",
    picture: true,
    async reach(journey) {
      await hold(journey.page, "**/api/patient-connections");
      await visit(journey, "thornbury general", GENERAL, "Allow");
      await heading(journey.page, /is connected$/);
    },
  },
  {
    name: "records arriving",
    trigger: "The first records are here",
    picture: true,
    async reach(journey) {
      await visit(journey, "kestrel bay", "Kestrel Bay", "Allow");
      await text(journey.page, /^Your records are arriving/);
      await hold(journey.page, "**/api/patient-connections");
    },
  },
  {
    name: "records here",
    trigger: "All of them are",
    async reach(journey) {
      await visit(journey, "thornbury general", GENERAL, "Allow");
      await text(journey.page, /^Your records are here/);
    },
  },
  {
    name: "less than asked",
    trigger: "The hospital granted less than was asked for",
    picture: true,
    async reach(journey) {
      await visit(journey, "fewer scopes", "Test server: fewer scopes", "Allow");
      await journey.page.getByRole("button", { name: "Fix it" }).waitFor();
    },
  },
  {
    name: "connect another",
    trigger: "*Connect another hospital* is pressed",
    async reach(journey) {
      await visit(journey, "thornbury general", GENERAL, "Allow");
      await text(journey.page, /^Your records are here/);
      await press(journey.page, "Connect another hospital");
      await field(journey.page).waitFor();
    },
  },
  {
    name: "declined",
    trigger: "*Deny* at the portal",
    picture: true,
    async reach(journey) {
      await visit(journey, "thornbury general", GENERAL, "Deny");
      await heading(journey.page, "Nothing was shared");
    },
  },
  {
    name: "sign-in did not finish",
    trigger: "The hospital's token endpoint is dead",
    picture: true,
    async reach(journey) {
      await visit(journey, "dead token endpoint", "Test server: dead token endpoint", "Allow");
      await heading(journey.page, "We could not connect");
    },
  },
  {
    name: "another account",
    trigger: "Reconnected with somebody else's account at the hospital",
    async reach(journey) {
      await connected(journey, GENERAL);
      await open(journey);
      await pick(journey.page, "thornbury general", GENERAL);
      await journey.page.getByLabel("Username").fill("kit");
      await journey.page.getByLabel("Password").fill("open-sesame-2");
      await signIn(journey.page);
      await answer(journey.page, "Allow");
      await heading(journey.page, "This is a different account");
    },
  },
  {
    name: "link expired",
    trigger: "An hour passes at the portal, then *Allow*",
    picture: true,
    async reach(journey) {
      await open(journey);
      await pick(journey.page, "thornbury general", GENERAL);
      await signIn(journey.page);
      await journey.page.getByRole("button", { name: "Allow", exact: true }).waitFor();
      journey.host.pass(3600);
      await answer(journey.page, "Allow");
      await heading(journey.page, "This link has expired");
    },
  },
  {
    name: "signed out",
    trigger: "The app's login ended before the pick",
    async reach(journey) {
      await choose(journey, {}, () => journey.context.clearCookies());
      await heading(journey.page, "You are signed out");
    },
  },
  {
    name: "someone else",
    trigger: "The page names another patient than the one who is signed in",
    async reach(journey) {
      await choose(journey, { "patient-id": "another" });
      await heading(journey.page, "Someone else is signed in");
    },
  },
  {
    name: "not available",
    trigger: "The hospital left the catalog between search and pick",
    picture: true,
    async reach(journey) {
      const { name } = journey.host.facility("Fairweather");
      await type(journey, name);
      await journey.page.getByRole("option", { name }).waitFor();
      retire(journey, name);
      await journey.page.getByRole("option", { name }).click();
      await heading(journey.page, "This hospital is not available");
    },
  },
  {
    name: "please wait",
    trigger: "The host answers 503 to the pick",
    async reach(journey) {
      await choose(journey, { "session-url": "/resting/patient-sessions" });
      await heading(journey.page, "Please wait a moment");
    },
  },
  {
    name: "offline at the pick",
    trigger: "Picked without a network",
    async reach(journey) {
      await choose(journey, {}, () => journey.context.setOffline(true));
      await heading(journey.page, "You seem to be offline");
    },
  },
  {
    name: "disabled",
    trigger: "The host sets `disabled`",
    async reach(journey) {
      await connected(journey, GENERAL);
      await journey.page.goto(`${journey.host.url}/?disabled`);
      await journey.page.getByRole("heading", { name: "Your hospitals" }).waitFor();
    },
  },
];
