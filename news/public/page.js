// The page: four panels, what they count, and the experiment across origins. How news is heard: ways.js.
import { Clock } from "./clock.js";
import { events, long, polling, size, socket } from "./ways.js";

const WAYS = [
  { name: "Polling", way: polling, how: "Anything new? Again every second." },
  { name: "Long polling", way: long, how: "The answer waits until there is news, 20 s at most." },
  { name: "Event stream (SSE)", way: events, how: "One answer that does not end." },
  { name: "WebSocket", way: socket, how: "No answers any more: frames, both ways." },
];
const INTERFACES = ["WSGI", "ASGI", "CGI program"];
const LATEST = 100;  // delays of which the median is told
const at = (id) => document.getElementById(id);
const now = () => performance.timeOrigin + performance.now();  // finer than Date.now, and it never goes back
const clock = new Clock();
const TOLD = ["asks", "done", "sent", "answered", "pong", "fails", "items"];  // what a way may say, see ways.js

let exhibit;
let asked = 0;  // bytes of a request of this page, as the server counted them; 0 until it has
let answerHead = 0;  // of an answer, as far as a script may see it; 0 until one has come

/** One way and its counters. */
class Panel {
  constructor({ name, way, how }) {
    this.way = way;
    this.root = at("panel").content.cloneNode(true).querySelector("section");
    this.root.querySelector("h2").textContent = name;
    this.root.querySelector(".how").textContent = how;
    this.button = this.root.querySelector("button");
    this.button.setAttribute("aria-label", `Start ${name}`);
    this.button.addEventListener("click", () => (this.stop ? this.halt() : this.start()));
    this.name = name;
    this.reset();
  }

  reset() {
    this.count = { requests: 0, heads: 0, sent: 0, received: 0, items: 0 };  // heads: of answers we cannot see
    this.delays = [];
    this.workers = new Set();
    this.held = 0;
    this.open = 0;
    this.told("\u00a0", "");
    this.show();
  }

  start() {
    this.reset();
    this.began = this.changed = performance.now();
    this.state("starting", "runs");
    this.press(true);
    this.wanted = true;
    this.stop = this.way(`/${exhibit}/news`, this.hearing());
  }

  /** What this run of the way tells. After its end it is not heard: it may still wait for an answer. */
  hearing() {
    const run = this.run = {};
    return Object.fromEntries(TOLD.map((name) => [name, (...words) => { if (this.run === run) this[name](...words); }]));
  }

  halt() {
    this.stop?.();
    this.stop = this.run = undefined;
    this.wanted = false;
    this.press(false);
    if (!this.root.classList.contains("fails")) this.state("stopped", "");
  }

  press(on) {
    this.button.textContent = on ? "Stop" : "Start";
    this.button.setAttribute("aria-label", `${on ? "Stop" : "Start"} ${this.name}`);
    this.button.setAttribute("aria-pressed", on);
    pressAll();
  }

  // --- what a way tells (see ways.js)
  asks() { this.tick(); this.open = 1; this.count.requests += 1; }
  done() { this.tick(); this.open = 0; }
  sent(bytes) { this.count.sent += bytes; }
  answered(bytes) { bytes ? this.count.received += bytes : this.count.heads += 1; }
  pong(ms) { this.state(`ping ${ms.toFixed(1)} ms`, "runs"); }
  fails(why, status, forever = false) {
    if (forever) {  // here; the next exhibit may have it, so it is still wanted
      this.stop = this.run = undefined;
      this.press(false);
    }
    this.state(status ? `fails: ${status}` : "fails", "fails");
    this.told(why, "fails");
    this.show();
  }
  items(items) {
    const came = now(), { run } = this;
    for (const item of items) {
      if (this.count.items) clock.delay(item.at * 1000, came, (ms) => { if (this.run === run) this.took(ms); });
      this.count.items += 1;  // the first may be older than we are
      this.workers.add(item.worker);
    }
    const item = items.at(-1);
    if (!this.root.classList.contains("runs") || this.count.items === items.length) this.state("works", "runs");
    this.told(item.text, "runs");
    this.root.dataset.n = item.n;
    this.show();
  }

  took(ms) { this.delays = [...this.delays, ms].slice(-LATEST); }

  /** Time in which a request was open. */
  tick() {
    const time = performance.now();
    if (this.open) this.held += time - this.changed;
    this.changed = time;
  }

  state(text, kind) {
    this.root.querySelector(".state").textContent = text;
    this.root.classList.toggle("runs", kind === "runs");
    this.root.classList.toggle("fails", kind === "fails");
  }
  told(text) { this.root.querySelector(".latest").textContent = text; }

  show() {
    this.tick();
    const delays = [...this.delays].sort((a, b) => a - b);
    const loop = [...this.workers].some((worker) => worker.endsWith("/loop"));
    const share = this.began ? this.held / (performance.now() - this.began || 1) : 0;
    const values = {
      ...this.count,
      sent: asked ? this.count.requests * asked + this.count.sent : "",
      received: answerHead ? this.count.heads * answerHead + this.count.received : "",
      last: delays.length ? `${this.delays.at(-1).toFixed(1)} ms` : "",
      median: delays.length ? `${delays[delays.length >> 1].toFixed(1)} ms` : "",
      workers: this.workers.size || "",
      held: !this.workers.size ? "" : loop ? "0 (a loop)" : share.toFixed(2),
    };
    for (const cell of this.root.querySelectorAll("[data-is]")) {
      cell.textContent = typeof values[cell.dataset.is] === "number"
        ? values[cell.dataset.is].toLocaleString("en") : values[cell.dataset.is];
    }
  }
}

const panels = WAYS.map((way) => new Panel(way));
at("panels").append(...panels.map((panel) => panel.root));

function pressAll() {
  const any = panels.some((panel) => panel.stop || panel.button.getAttribute("aria-pressed") === "true");
  at("all").textContent = any ? "Stop all" : "Start all";
  at("all").setAttribute("aria-pressed", any);
}
at("all").addEventListener("click", () => {
  const any = at("all").getAttribute("aria-pressed") === "true";
  for (const panel of panels) any ? panel.halt() : panel.start();
});

// --- the exhibit, and its waiting clients ---------------------------------------------------------------------------------

async function choose(id) {
  const running = panels.filter((panel) => panel.wanted);
  running.forEach((panel) => panel.halt());
  exhibit = id;
  asked = answerHead = 0;
  document.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  history.replaceState(null, "", `#${id}`);
  panels.forEach((panel) => { panel.reset(); panel.state("stopped", ""); });
  running.forEach((panel) => panel.start());
  await waiting();
}

async function waiting() {
  const about = exhibit;
  try {
    const sent = now();
    const response = await fetch(`/${about}/news/waiting`, { cache: "no-store" });
    const received = now();
    const text = await response.text();
    if (about !== exhibit) return;
    if (!response.ok) throw new Error(text.trim());
    const facts = JSON.parse(text);
    clock.heard(sent, received, facts.now * 1000);
    at("clock").textContent = clock;
    asked = facts.asked;
    answerHead = [...response.headers].reduce((sum, [name, value]) => sum + size(name) + size(value) + 4, 17);
    const per = facts.waiting ? ` (${(facts.workers / facts.waiting).toFixed(2)} each)` : "";
    at("waiting").className = "waiting";
    at("waiting").textContent =
      `Waiting at ${about} now: ${facts.waiting} of at most ${facts.limit} clients, holding ${facts.workers} ${facts.workers === 1 ? "worker" : "workers"}${per}.`;
  } catch (error) {
    at("waiting").className = "waiting bad";
    at("waiting").textContent = `${about}: ${error.message}`;
  }
}

async function fill() {
  const exhibits = (await (await fetch("/exhibits.json")).json()).filter((row) => INTERFACES.includes(row.interface));
  for (const row of exhibits) {
    const option = new Option(`${row.id} — ${row.closed ? "closed" : row.model}`, row.id);
    option.disabled = Boolean(row.closed);
    option.title = row.closed ?? row.about;
    at("exhibit").append(option);
  }
  const open = exhibits.filter((row) => !row.closed).map((row) => row.id);
  const wanted = location.hash.slice(1);
  at("exhibit").value = open.includes(wanted) ? wanted : open.includes("asgi") ? "asgi" : open[0];
  at("exhibit").addEventListener("change", () => choose(at("exhibit").value));
  await choose(at("exhibit").value);
}

// --- across origins -----------------------------------------------------------------------------------------------------

/** The other front is the next port: 8080 and 8081, 8443 and 8444. */
async function guess() {
  const page = await fetch(location.pathname, { method: "HEAD" });
  const step = page.headers.get("Server")?.startsWith("nginx") ? 1 : -1;
  return `${location.protocol}//${location.hostname}:${Number(location.port) + step}`;
}

/** Try an event stream of another origin, for three seconds. */
function across(url, cell) {
  cell.className = "";
  cell.textContent = "waiting …";
  return new Promise((resolve) => {
    const source = new EventSource(url);
    const end = (kind, text) => {
      source.close();
      clearTimeout(timer);
      cell.className = kind;
      cell.textContent = text;
      resolve();
    };
    const timer = setTimeout(() => end("bad", "nothing came within three seconds"), 3000);
    source.onmessage = (event) => end("good", `allowed: item ${event.lastEventId} came`);
    source.onerror = () => end("bad", "refused by the browser: the answer does not allow this origin");
  });
}

at("across").addEventListener("click", async () => {
  const base = `${at("other").value.replace(/\/+$/, "")}/${exhibit}/news/events?limit=1`;
  await across(base, at("without"));
  await across(`${base}&cors=1`, at("with"));
});

at("other").value = await guess();
await fill();  // from here on the buttons work
setInterval(() => { waiting(); panels.forEach((panel) => panel.stop && panel.show()); }, 1000);
