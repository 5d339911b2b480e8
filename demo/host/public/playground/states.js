/** The states to choose from: what the pretended host answers differently, and what the patient then does. */
import { CONNECTED, connection, HOSPITALS, list, noNetwork, refusal, silence } from "./pretend-host.js";

const type = (words) => (tag) => {
  tag.focus();
  tag.value = words;
};
const open = (tag) => inside(tag, "input").then((input) => input.click());
const leave = async (tag) => {
  type("general")(tag);
  (await inside(tag, "[part=option]")).click();
};
const comeBack = (query) => (tag) =>
  void tag.handleReturn(`/?patient_id=playground&patient_session_id=ps_01ARZ3NDEKTSV4RRFFQ69G5FAV&${query}`);
const succeed = comeBack(`success=true&connection_id=${CONNECTED.id}`);
const fail = (code) => comeBack(`success=false&error=${code}&error_description=`);

/** What stands in the tag by this selector, once it is there. */
const inside = (tag, selector) =>
  new Promise((resolve) => {
    const look = () => {
      const found = tag.shadowRoot.querySelector(selector);
      if (!found) return;
      observer.disconnect();
      resolve(found);
    };
    const observer = new MutationObserver(look);
    observer.observe(tag.shadowRoot, { subtree: true, childList: true });
    look();
  });

const pull = (state, records, rest = {}) => ({
  "patient-connections": () => list([connection(1, { pull: { state, records, failure: null }, ...rest })]),
});
const starting = (answer) => ({ "patient-sessions": answer });
const searching = (answer) => ({ connections: answer });
const LIST = [
  connection(1),
  connection(2, { status: "refresh_failed" }),
  connection(4, { not_granted: ["Observation", "DocumentReference"] }),
];
const own = {
  "patient-connections": (_query, ended) =>
    list(LIST.map((one) => (ended.includes(one.id) ? { ...one, status: "disconnected" } : one))),
};

/** Name → its trigger, the routes that answer differently, and what the patient does. */
export const STATES = {
  Idle: ["The page opens."],
  Recommended: ["The patient goes into the field.", {}, open],
  "Picked before": [
    "The patient has picked a hospital on this device before.",
    {},
    async (tag) => {
      await leave(tag);
      await tag.updateComplete;
      tag.reset();
      await open(tag);
    },
  ],
  "Their own hospitals": ["The host knows connections of theirs: sound, ended, and narrower than asked.", own],
  "Disconnect, asked": [
    "The patient presses Disconnect.",
    own,
    async (tag) => (await inside(tag, "[part=connection] .quiet")).click(),
  ],
  Searching: ["The host has not answered yet.", searching(silence), type("will")],
  Results: ["The patient types.", {}, type("willow")],
  "More results": ["There are more than fit.", searching(() => list(HOSPITALS, true)), type("hospital")],
  "No match": ["Nothing matches.", {}, type("zzz")],
  "Not listed": [
    "The patient says that their hospital is not listed.",
    {},
    async (tag) => {
      type("eastmere")(tag);
      (await inside(tag, ".results > div button")).click();
    },
  ],
  "Search down": ["The host’s search fails.", searching(() => refusal("internal_error", 500)), type("will")],
  Offline: ["There is no network.", searching(noNetwork), type("will")],
  Starting: ["A hospital is picked; the host has not answered yet.", starting(silence), leave],
  Redirecting: ["The page is about to leave.", {}, leave],
  "Back button": [
    "The patient comes back from the portal by the browser’s button.",
    {},
    async (tag) => {
      tag.addEventListener("mb-redirect", () =>
        dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })),
      );
      await leave(tag);
    },
  ],
  Connected: ["The patient allowed it.", {}, succeed],
  "Records arriving": ["The first records are here.", pull("running", 312), succeed],
  "Records here": ["All of them are.", pull("settled", 1240), succeed],
  "Less than asked": ["Some of it was not allowed.", pull("settled", 640, { not_granted: ["Immunization"] }), succeed],
  Declined: ["The patient stopped at the portal.", {}, fail("user_denied")],
  "Gone wrong": ["The hospital’s sign-in did not finish.", {}, fail("token_exchange_failed")],
  "Another account": ["Somebody else’s account at the same hospital.", {}, fail("patient_mismatch")],
  "Link expired": ["The link has aged out.", {}, fail("session_expired")],
  "Signed out": ["The host’s login has ended.", starting(() => refusal("not_authenticated", 401)), leave],
  "Someone else": ["Another patient is signed in.", starting(() => refusal("patient_access_denied", 403)), leave],
  "Not available": ["The hospital cannot be offered.", starting(() => refusal("resource_not_found", 404)), leave],
  "Please wait": ["The host is not well.", starting(() => refusal("internal_error", 500)), leave],
  Disabled: [
    "The host has switched it off.",
    own,
    (tag) => {
      tag.disabled = true;
    },
  ],
};
