/** No framework and no bundler: the single file, and the one language that this page needs. */
import { MbConnect } from "./mb-connect.min.js";

MbConnect.locales.es = () => import("./locales/es.js");

const element = document.querySelector("mb-connect");
const output = document.querySelector("output");
element.searchConnections = async (query) => ({
  data: [{ id: "fhirsrc_1", name: `Clinic of ${query}` }],
  has_more: false,
});
element.strings = { hint: "The hint of the app" };
element.addEventListener("mb-search", ({ detail }) => {
  output.value = `${detail.count} for ${detail.query}`;
});
element.addEventListener("mb-select", (event) => {
  event.preventDefault();
  output.value = `${event.detail.connection.name}, ${element.state}`;
});
