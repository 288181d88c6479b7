// One page: the address decides what is shown, links change the address by the History API, and no document is loaded.
// What a browser does by itself when it loads a page, a script must do here: the title, the focus, the scroll position,
// and saying that there is no such page (the status stays 200: the web server knows no addresses of this page).
import { element, facts, list, load } from "./gateways.js";

const HOME = "/pages/spa/";
const view = document.querySelector("#view");
const href = (gateway) => `${HOME}${gateway.id}/`;
let gateways = [];

function show(byPerson) {
  const id = location.pathname.slice(HOME.length).replace(/\/$/, "");
  const place = gateways.findIndex((gateway) => gateway.id === id);
  const [title, ...parts] = id === "" ? home() : place >= 0 ? one(place) : absent();
  const heading = element("h1", title, { tabindex: "-1" });
  view.replaceChildren(heading, ...parts);
  document.title = `${id === "" ? "SPA" : title} - Gateway Zoo`;
  // A screen reader and the next Tab begin where the focus is. On the first view the browser has put it right already.
  if (byPerson) heading.focus();
}

function home() {
  const lead = element("p", ["Links change the address and the content, but ", element("strong", "load no document"),
    ". Follow one: the chart stays, and neither page nor data are asked for."], { class: "lead" });
  const content = element("section", [element("h2", "The gateways", { id: "content-heading" }), list(gateways, href)],
    { id: "content", "aria-labelledby": "content-heading" });
  return ["SPA: one page", lead, content];
}

function one(place) {
  const gateway = gateways[place];
  const [before, after] = [gateways[place - 1], gateways[place + 1]];
  const walk = element("p", [], { class: "walk" });
  if (before) walk.append(element("a", `Before: ${before.name}`, { href: href(before), rel: "prev" }), " ");
  walk.append(element("a", "All gateways", { href: HOME }));
  if (after) walk.append(" ", element("a", `After: ${after.name}`, { href: href(after), rel: "next" }));
  const lead = element("p", gateway.sentence, { class: "lead", elementtiming: "content" });
  return [gateway.name, element("section", [lead, element("p", gateway.more), facts(gateway), walk], { id: "content" })];
}

function absent() {
  const text = "There is no page of this name. A script says so; the server's status was 200, for it sends this file for every address.";
  const walk = element("p", element("a", "All gateways", { href: HOME }), { class: "walk" });
  return ["No such gateway", element("section", [element("p", text), walk], { id: "content" })];
}

// Only plain clicks on links of this page: Ctrl, Shift and the middle button stay the browser's.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#view a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show(true);
  scrollTo(0, 0);
});
addEventListener("popstate", () => show(true)); // back and forward

try {
  gateways = await load();
  show(false);
  performance.mark("content rendered"); // waterfall.js reads it
} catch (error) {
  view.replaceChildren(element("h1", "SPA: one page"), element("p", error.message, { role: "alert" }));
}
