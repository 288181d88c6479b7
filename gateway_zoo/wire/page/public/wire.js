// The page that shows the wire: the list of exchanges, and which of them is looked at. Fields and bytes: detail.js; two
// side by side: compare.js; long lists: rows.js; what strangers wrote: text.js.
//
// The server tells what is new as Server-Sent Events. An event has an id; whoever comes back says the last one that was
// heard, and is told what came meanwhile. A tab that nobody sees hangs up: a browser opens few connections to a server.

import { compare } from "./compare.js";
import { show } from "./detail.js";
import { Rows, step } from "./rows.js";
import { bytes, made, number, plain } from "./text.js";

const SILENCE_MS = 16_000;                           // the server says something every 5 s
const RETRY_MS = 1500;

const $ = (id) => document.getElementById(id);
const all = new Map();                               // number -> exchange, as the server said it last
let listed = [];                                     // those of the list, by number: all, or while paused all till then
let shown = [];                                      // those of them that the filter lets through
let first = 1;                                       // number of the oldest that is kept
let recording = 0;                                   // the count of those that have begun
let selected, marked;                                // numbers
let view = "request";
let detail;                                          // of the selected one: {number, request, response}
const single = {}, pair = {};                        // what the server is asked: the selected one; and that beside A
let mark = "";                                       // the last event's id
let paused = false, following = true, dirty = false, unseen = 0;
let source, silence, retry;
let from;                                            // address before live and exchanges; undefined: nothing is shown

const list = new Rows($("list"), drawExchange);

// --- The connection ---------------------------------------------------------------------------------------------------

/** Show the recording whose data are below this address. */
export function attach(address) {
  from = address;
  if (!document.hidden) listen();                    // a tab may be opened in the background
}

function listen() {
  hangUp();
  source = new EventSource(`${from}live?since=${encodeURIComponent(mark)}`);
  source.onmessage = (event) => { mark = event.lastEventId; alive(); take(JSON.parse(event.data)); };
  source.addEventListener("beat", alive);
  source.onopen = alive;
  source.onerror = lost;
}

function hangUp() {
  source?.close();
  clearTimeout(silence);
  clearTimeout(retry);
}

function alive() {
  clearTimeout(silence);
  silence = setTimeout(lost, SILENCE_MS);
  state("on", $("wire").dataset.live ?? "live");
}

function lost() {
  hangUp();
  state("off", "not connected; what is here stays");
  retry = setTimeout(listen, RETRY_MS);
}

function state(name, text) {
  $("state").dataset.state = name;
  $("state-text").textContent = text;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hangUp();
  else if (from !== undefined) listen();
});

// --- What the server says -----------------------------------------------------------------------------------------------

function take({ anew, state: told, exchanges }) {
  if (anew) forget();
  for (const one of exchanges) {
    if (!all.has(one.number)) unseen += 1;
    all.set(one.number, one);
    one.text = haystack(one);
  }
  first = told.first;                                // not the first of `all`: they come as they changed
  for (const old of all.keys()) if (old < first) all.delete(old);
  $("file").textContent = plain(told.file, 200).split("/").at(-1);
  $("file").title = plain(told.file);
  $("problem").hidden = !told.problem;
  $("problem").textContent = plain(told.problem, 1000);
  document.body.classList.toggle("secrets", told.secrets === true);
  if (exchanges.some((one) => one.number === selected)) load();
  later();
}

/** Another recording has begun. */
function forget() {
  drop(single, pair);
  recording += 1;
  all.clear();
  listed = shown = [];
  list.show(0);                                      // also while paused: its numbers are now those of others
  unseen = 0;
  selected = marked = detail = undefined;
  following = true;
  look();
}

/** Once before the next picture, however many events come till then. */
function later() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(() => {
    dirty = false;
    if (!paused) refresh();
    tell();
  });
}

// --- The list -----------------------------------------------------------------------------------------------------------

function haystack(one) {
  const { exhibit, front, protocol, method, target, status } = one;
  const class_ = status ? `${String(status)[0]}xx` : "";
  return [exhibit, front, protocol, method, target, status, class_, ...troubles(one)].join(" ").toLowerCase();
}

/** "error", "warning", or both, as the chips of a row and as words for the filter. */
function troubles(one) {
  return [one.errors.length ? "error" : "", one.warnings.length ? "warning" : ""].filter(Boolean);
}

function refresh() {
  const words = $("filter").value.toLowerCase().split(" ").filter(Boolean);
  if (!paused) {
    listed = [...all.values()].sort((a, b) => a.number - b.number);
    unseen = 0;
  }
  shown = listed.filter((one) => words.every((word) => one.text.includes(word)));
  list.show(shown.length);
  if (following) list.root.scrollTop = list.root.scrollHeight;
  list.render();
  $("none").hidden = all.size > 0;
  if (selected === undefined && shown.length) select(shown.at(-1).number);
}

function tell() {
  const parts = [shown.length === all.size ? `${number(all.size)} exchanges` : `${number(shown.length)} of ${number(all.size)} exchanges`];
  if (all.size === 1 && shown.length === 1) parts[0] = "1 exchange";
  if (first > 1) parts.push(`those before No. ${number(first)} are no longer kept`);
  if (paused && unseen) parts.push(`${number(unseen)} new while paused`);
  $("count").textContent = all.size ? parts.join("; ") : "";
  $("newest").hidden = following || paused;
}

function drawExchange(index) {
  const one = shown[index];
  const row = made("div", "exchange");
  row.id = `exchange-${one.number}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", one.number === selected);
  row.setAttribute("aria-setsize", shown.length);
  row.setAttribute("aria-posinset", index + 1);
  const count = made("span", "number", number(one.number));
  if (one.number === marked) count.prepend(made("span", "chip", "A"));
  const target = made("span", "target");
  target.append(made("b", "", plain(one.method, 20)), " ", plain(one.target) || "…");
  for (const trouble of troubles(one).reverse()) target.prepend(made("span", `chip ${trouble}`, trouble), " ");
  row.title = [...one.errors, ...one.warnings].map((text) => plain(text)).join("\n");
  row.append(count, made("span", "", clock(one.began)), made("span", "", plain(one.exhibit, 40)));
  row.append(made("span", "", plain(one.front, 20)), made("span", "", plain(one.protocol, 20)), target);
  row.append(made("span", `number ${kind(one)}`, one.status ?? (one.seconds === null ? "…" : "—")));
  row.append(made("span", "number", number(one.request)), made("span", "number", number(one.response)));
  row.append(made("span", "number", one.seconds === null ? "…" : (one.seconds * 1000).toFixed(1)));
  row.classList.toggle("bad-one", one.errors.length > 0);
  return row;
}

function kind(one) {
  return !one.status ? "quiet" : one.status < 400 ? "good" : one.status < 500 ? "warn" : "bad";
}

function clock(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.valueOf()) ? "?" : `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

list.root.addEventListener("scroll", () => {
  const now = list.atEnd;
  if (now !== following) { following = now; tell(); }
}, { passive: true });
list.root.addEventListener("click", (event) => { if (shown[list.at(event)]) select(shown[list.at(event)].number); });
list.root.addEventListener("keydown", (event) => {
  if (!shown.length || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = step(event.key, shown.findIndex((one) => one.number === selected), list);
  if (to === undefined) return;
  event.preventDefault();
  select(shown[to].number);
});
$("filter").addEventListener("input", () => { following = true; refresh(); tell(); });
$("newest").addEventListener("click", () => { following = true; refresh(); tell(); });
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  $("pause").textContent = paused ? "Go on" : "Pause";
  later();
});

// --- The selected one ---------------------------------------------------------------------------------------------------

function select(one) {
  if (one === selected) return;
  selected = one;
  drop(single, pair);
  const index = shown.findIndex(({ number }) => number === one);
  list.show();
  if (index >= 0) list.reveal(index);
  list.choose(`exchange-${one}`);
  load();
}

/** Fetch what is to be shown, or show anew what has changed since. */
function load() {
  ask(single, `${from}exchanges/${selected}`, (told) => {
    if (!told.problem) detail = told;
    else if (detail?.number !== selected) detail = undefined;  // it is another's
    look();
    if (told.problem) $("title").textContent = `No. ${number(selected)} · ${told.problem}`;
  });
}

/** Ask the server, and pass its answer on. Only one answer is waited for: who asks meanwhile does so because something
    has changed, so the question is put once more when it has come. */
async function ask(question, path, answered) {
  question.again = question.asked !== undefined;
  if (question.again) return;
  const asked = question.asked = new AbortController();
  const told = await get(path, asked.signal);
  if (asked.signal.aborted) return;                  // dropped, perhaps when the answer was here already
  question.asked = undefined;
  if (question.again) ask(question, path, answered);
  answered(told);
}

/** The answers are not wanted any more: they are about another selection, or another recording. */
function drop(...questions) {
  for (const question of questions) {
    question.asked?.abort();
    question.asked = undefined;
  }
}

/** What the server says, or {problem}. */
async function get(path, signal) {
  try {
    const answer = await fetch(path, { signal });
    return answer.ok ? await answer.json() : { problem: plain(await answer.text(), 200).trim() };
  } catch {
    return { problem: "the server does not answer" };
  }
}

/** Bytes of a side that crossed. */
const size = (side) => side.bytes.length / 2 + side.left_out;

/** Show the selected one as `view` says. */
function look() {
  const beside = marked !== undefined && marked !== selected && all.has(marked) && all.has(selected);
  if (view === "compare" && !beside) view = "request";
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", tab.dataset.view === view);
    tab.disabled = !detail || (tab.dataset.view === "compare" && !beside);
  }
  $("tab-request").textContent = detail ? `To the gateway: ${bytes(size(detail.request))}` : "To the gateway";
  $("tab-response").textContent = detail ? `From the gateway: ${bytes(size(detail.response))}` : "From the gateway";
  $("tab-compare").textContent = beside ? `Beside A (No. ${number(marked)})` : "Beside A";
  $("mark").disabled = !detail;
  $("mark").setAttribute("aria-pressed", selected !== undefined && selected === marked);
  $("mark").textContent = selected !== undefined && selected === marked ? "This is A" : "Mark as A";
  $("fields").hidden = $("bytes").hidden = view === "compare" || !detail;
  $("compare").hidden = view !== "compare" || !detail;
  title();
  if (view !== "compare") drop(pair);
  if (!detail) return;
  if (view === "compare") layBeside();
  else show(detail[view], [recording, detail.number, view].join());
}

function title() {
  const title = $("title");
  title.textContent = "Select an exchange";
  title.className = "";
  if (!detail) return;
  title.textContent = `No. ${number(detail.number)} · ${plain(detail.exhibit, 40)} behind ${plain(detail.front, 20)}`;
  const [trouble] = [...detail.errors, ...detail.warnings];
  if (trouble) {
    title.textContent += ` · ${plain(trouble, 200)}`;
    title.className = detail.errors.length ? "bad" : "warn";
  }
  if (detail.target) title.textContent += ` · ${plain(detail.method, 20)} ${plain(detail.target)}`;
  title.title = title.textContent;
}

function layBeside() {
  const [a, b] = [all.get(marked), all.get(selected)];
  ask(pair, `${from}exchanges/${a.number}/${b.number}`, (told) => {
    if (told.problem) $("compare").textContent = told.problem;
    else compare(a, b, told);
  });
}

$("mark").addEventListener("click", () => {
  marked = marked === selected ? undefined : selected;
  list.show();
  look();
});
for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => { view = tab.dataset.view; look(); });
}

look();
if ($("wire").dataset.from !== undefined) attach($("wire").dataset.from);
