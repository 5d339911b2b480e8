/** The playground: chooses a state, dresses the tag, and shows its events and the code that gives the same. */
import { MbConnect } from "/mb-connect.min.js";
import { pretendHost } from "./pretend-host.js";
import { STATES } from "./states.js";

const PROPERTIES = {
  "--mb-accent": "#0b4f8a",
  "--mb-on-accent": "#ffffff",
  "--mb-text": "#18212b",
  "--mb-muted": "#414d5a",
  "--mb-surface": "#ffffff",
  "--mb-border": "#6d7986",
  "--mb-success": "#14623c",
  "--mb-danger": "#96281b",
  "--mb-font": ["inherit", "Georgia, serif", "Verdana, sans-serif", "ui-monospace, monospace"],
  "--mb-radius": [12, 0, 32, "px"],
  "--mb-space": [1, 0.5, 2, "rem"],
  "--mb-target": [48, 44, 80, "px"],
};
const LANGUAGES = {
  en: "English",
  es: "Español",
  de: "Deutsch",
  fr: "Français",
  vi: "Tiếng Việt",
  zh: "简体中文",
  ar: "العربية",
};
const LINES = 12;
const EVENTS = ["mb-search", "mb-select", "mb-redirect", "mb-return", "mb-not-listed", "mb-disconnect", "mb-error"];

const by = (id) => document.getElementById(id);
const stage = by("stage");
const own = new Map();
let tag;

/** The address says which state is on show, so that one can be linked to. */
const stateOf = (hash) => Object.keys(STATES).find((name) => name === decodeURIComponent(hash.slice(1))) ?? "Idle";

async function show() {
  const name = stateOf(location.hash);
  const [trigger, routes = {}, act = () => {}] = STATES[name];
  pretendHost(routes);
  localStorage.removeItem("mb-connect:recent");
  tag = document.createElement("mb-connect");
  tag.returnMode = "manual";
  tag.appName = "Demo Clinic";
  for (const event of EVENTS) tag.addEventListener(event, log);
  dress();
  stage.replaceChildren(tag);
  by("state").value = name;
  by("trigger").textContent = trigger;
  const acted = tag;
  await act(acted);
  // Each test, and each picture, waits for this.
  acted.dataset.shown = "";
}

function log(event) {
  const { type, detail } = event;
  // There is no portal to go to.
  if (type === "mb-redirect") event.preventDefault();
  const line = document.createElement("li");
  line.textContent = `${type} ${JSON.stringify(detail, (key, value) => (key === "error" && value instanceof Error ? value.message : value), 1)}`;
  by("events").prepend(line);
  by("events").children[LINES]?.remove();
}

function dress() {
  stage.style.colorScheme = by("theme").value;
  stage.style.width = `${by("width").value}px`;
  by("width-output").textContent = `${by("width").value} px`;
  stage.lang = by("language").value;
  stage.dir = by("direction").value;
  tag.relation = by("relation").value;
  tag.listMode = by("list").value;
  for (const name of Object.keys(PROPERTIES)) {
    if (own.has(name)) tag.style.setProperty(name, own.get(name));
    else tag.style.removeProperty(name);
  }
  by("code").textContent = code();
}

/** What a host writes to get the same. */
function code() {
  const { value: relation } = by("relation");
  const { value: list } = by("list");
  const attributes = [
    'app-name="Demo Clinic"',
    ...(relation === "self" ? [] : [`relation="${relation}"`]),
    ...(list === "combobox" ? [] : [`list-mode="${list}"`]),
  ];
  const lines = [...own].map(([name, value]) => `  ${name}: ${value};`);
  const style = lines.length > 0 ? ["", "/* in your style sheet */", "mb-connect {", ...lines, "}"] : [];
  return [
    `<script type="module" src="/mb-connect.min.js"></script>`,
    `<mb-connect ${attributes.join(" ")}></mb-connect>`,
    ...style,
  ].join("\n");
}

function control(name, kind) {
  const id = name.slice(2);
  const label = Object.assign(document.createElement("label"), { htmlFor: id, textContent: id.slice(3) });
  const names = typeof kind[0] === "string" && Array.isArray(kind);
  const input = Object.assign(document.createElement(names ? "select" : "input"), { id });
  let unit = "";
  if (names) input.append(...kind.map((value) => new Option(value)));
  else if (Array.isArray(kind)) {
    const [value, min, max] = kind;
    unit = kind[3];
    Object.assign(input, { type: "range", min, max, step: unit === "rem" ? 0.25 : 1, value });
  } else Object.assign(input, { type: "color", value: kind });
  input.addEventListener("input", () => {
    own.set(name, input.value + unit);
    dress();
  });
  const holder = document.createElement("div");
  holder.append(label, input);
  return holder;
}

function controls() {
  by("properties").replaceChildren(...Object.entries(PROPERTIES).map(([name, kind]) => control(name, kind)));
}

for (const name of Object.keys(LANGUAGES)) {
  if (name !== "en") MbConnect.locales[name] = () => import(`/locales/${name}.js`);
}
by("state").append(...Object.keys(STATES).map((name) => new Option(name)));
by("language").append(...Object.entries(LANGUAGES).map(([value, name]) => new Option(name, value)));
controls();
by("state").addEventListener("change", ({ target }) => {
  location.hash = encodeURIComponent(target.value);
});
addEventListener("hashchange", show);
by("language").addEventListener("input", show);
for (const id of ["relation", "list", "theme", "direction", "width"]) by(id).addEventListener("input", dress);
by("plain").addEventListener("click", () => {
  own.clear();
  controls();
  dress();
});
by("empty").addEventListener("click", () => by("events").replaceChildren());
by("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(code());
  by("copied").textContent = "Copied";
});
show();
