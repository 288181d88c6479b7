// What the browser asked for this page view, drawn from what the browser itself noted: Navigation Timing, Resource
// Timing, User Timing and Element Timing. Nothing here comes from a server, and nothing is a constant.
//
// Times are milliseconds since the navigation began. Bytes are `transferSize`: the body as it travelled, plus 300 that
// the specification puts for the headers of each answer, so that scripts cannot measure those. A body that came from the
// browser's own cache after a 304 counts as those 300 only.
//
// When is the content visible? The element marked elementtiming="content" is noted by the browser when it is first
// painted. A browser without Element Timing tells less: its first paint of any text or, where a script makes the content,
// the frame after the script said performance.mark("content rendered").
//
// This script must not disturb what it shows: it imports nothing (another script's import would then come sooner), draws
// only after the page is complete, and counts neither itself nor the icon, which a browser asks for when it pleases
// (Chromium asks anew whenever the SPA changes the address).

const HEADERS = 300; // what a 304 counts
const WIDTH = 1000; // of a bar's coordinates; the picture is stretched to its place
const PHASES = { before: "before it is sent", waiting: "waiting", receiving: "receiving" };
const MARKS = { firstByte: "first byte", ready: "DOMContentLoaded", content: "content visible" };
const EXACT = PerformanceObserver.supportedEntryTypes.includes("element");
let content = null;

const navigation = () => performance.getEntriesByType("navigation")[0];
const round = (ms) => (ms === null ? null : Math.round(ms * 10) / 10);

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  made.append(...[content].flat());
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const mine = (entry) => entry.name === import.meta.url;

/** This view so far. `requests` and `bytes` up to the moment when page and content were there. */
export function summary() {
  const page = navigation();
  const first = requests().first.filter((entry) => !mine(entry));
  return {
    requests: first.length,
    bytes: first.reduce((sum, entry) => sum + entry.transferSize, 0),
    firstByte: round(page.responseStart),
    ready: round(page.domContentLoadedEventEnd || null),
    content: round(content),
    how: EXACT ? "Element Timing" : "next frame",
  };
}

/** What was asked for the first view, and what later: by scrolling, by a click. */
function requests() {
  const page = navigation();
  const settled = Math.max(page.loadEventEnd || Infinity, content ?? 0);
  const all = [page, ...performance.getEntriesByType("resource")]
    .filter((entry) => !entry.name.endsWith("/icon.svg"))
    .sort((a, b) => a.startTime - b.startTime);
  return { first: all.filter((entry) => entry.startTime <= settled), later: all.filter((entry) => entry.startTime > settled) };
}

// --- drawing ----------------------------------------------------------------------------------------------------------

const words = (ms) => (ms === null ? "-" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
const size = (bytes) => (bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`);

function travelled(entry) {
  if (entry.transferSize === 0) return entry.responseStatus === 0 ? "no answer" : "cached: not asked";
  return (entry.transferSize === HEADERS ? "304, " : "") + size(entry.transferSize);
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** One bar: before the request was sent, waiting for the first byte, receiving. `from`, `to`: the edges, in ms. */
function bar(entry, from, to, marks) {
  const picture = shape("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const x = (ms) => ((Math.max(ms, from) - from) / (to - from)) * WIDTH;
  const sent = entry.requestStart || entry.startTime; // 0 where the browser does not tell
  const ended = entry.responseEnd || entry.responseStart;
  const times = [entry.startTime, sent, entry.responseStart || ended, ended]; // never answered: it only waited
  Object.keys(PHASES).forEach((phase, n) => {
    const width = Math.max(x(times[n + 1]) - x(times[n]), n === 2 ? 3 : 0); // never quite invisible
    picture.append(shape("rect", { class: phase, x: x(times[n]), y: 0, width, height: 10 }));
  });
  for (const [name, ms] of Object.entries(marks)) {
    if (ms !== null) picture.append(shape("line", { class: name, x1: x(ms), x2: x(ms), y1: 0, y2: 10 }));
  }
  return picture;
}

function line(entry, from, to, marks) {
  const url = new URL(entry.name);
  const path = url.pathname.endsWith("/") ? url.pathname : url.pathname.split("/").pop() + url.search;
  const name = url.origin === location.origin ? path : url.host;
  const told = [
    element("b", name),
    element("span", entry.initiatorType),
    element("span", `at ${words(entry.startTime)}, took ${words((entry.responseEnd || entry.responseStart) - entry.startTime)}`),
    element("span", mine(entry) ? "this chart" : travelled(entry)),
  ];
  return element("li", [element("p", told, { title: entry.name }), bar(entry, from, to, marks)], mine(entry) ? { class: "mine" } : {});
}

function figures(now) {
  const shown = { requests: String(now.requests), bytes: size(now.bytes), "first byte": words(now.firstByte) };
  if (now.content !== null) shown["content visible"] = words(now.content);
  return element("dl", Object.entries(shown).map(([name, value]) => element("div", [element("dt", name), element("dd", value)])),
    { class: "figures" });
}

function draw() {
  const now = summary();
  const marks = Object.fromEntries(Object.keys(MARKS).map((name) => [name, now[name]]));
  const { first, later } = requests();
  const to = Math.max(...first.map((entry) => entry.responseEnd), ...Object.values(marks)) * 1.02 || 1;
  const legend = Object.entries(MARKS).filter(([name]) => now[name] !== null).map(([name, text]) => element("li", `${text} ${words(now[name])}`, { class: name }));
  const phases = Object.entries(PHASES).map(([name, text]) => element("li", text, { class: name }));
  const chart = [
    figures(now),
    element("ol", first.map((entry) => line(entry, 0, to, marks)), { class: "requests" }),
    element("ul", [...legend, ...phases], { class: "legend", "aria-label": "Marks and colours in the chart" }),
  ];
  if (later.length) chart.push(...since(later));
  place.replaceChildren(...chart);
  remember(now);
}

/** Requests of later: minutes may lie between them, so each bar begins at the left edge. */
function since(later) {
  const longest = Math.max(...later.map((entry) => entry.duration), 1);
  const lines = later.slice(-6).map((entry) => line(entry, entry.startTime, entry.startTime + longest, {}));
  return [element("h3", `Asked since then: ${later.length}`), element("ol", lines, { class: "requests" })];
}

/** For the overview: the last recording of each way, in this tab and from this front. */
function remember(now) {
  const way = document.body.dataset.way;
  if (location.pathname !== `/pages/${way}/` || now.content === null || now.ready === null) return;
  sessionStorage.setItem(`pages ${way}`, JSON.stringify(now));
}

const place = document.querySelector("#waterfall").appendChild(element("div"));
let drawn = 0;
function soon() { // several notes in one frame make one drawing
  if (document.readyState !== "complete") return;
  cancelAnimationFrame(drawn);
  drawn = requestAnimationFrame(draw);
}

function visible(ms) {
  content ??= ms; // the first time only: later views of the same document are other content
  soon();
}
function watch(type, then) {
  if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
  new PerformanceObserver((list) => list.getEntries().forEach(then)).observe({ type, buffered: true });
}
watch("resource", soon);
watch("navigation", soon);
watch("element", (entry) => { if (entry.identifier === "content") visible(entry.renderTime || entry.loadTime); });
if (!EXACT && document.querySelector("[elementtiming]")) watch("paint", (entry) => visible(entry.startTime));
if (!EXACT) {
  watch("mark", (entry) => {
    if (entry.name === "content rendered") requestAnimationFrame(() => setTimeout(() => visible(performance.now())));
  });
}
addEventListener("load", () => setTimeout(soon)); // when the load event is over, so that its end is known
soon();
