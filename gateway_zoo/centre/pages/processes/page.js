// Every family as a tree, as it changes. What is born, or came and went, lights up; what died stays struck out a moment.
import { act } from "/public/centre.js";
import { live } from "/public/live.js";
import { head } from "/public/table.js";
import { made, number, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const COLUMNS = [["process", ""], ["threads", "number"], ["memory", "number"], ["CPU", "number less"], ["CPU time", "number less"],
  ["requests", "number"], ["age", "number less"]];
const GHOST = 4000;                                   // milliseconds that a process is shown after its end
const SHOWN = 12;                                     // events
const bodies = new Map();                             // name of a family -> its tbody
const ghosts = new Map();                             // name of a family -> processes that have ended
let families = new Map(), order = [], born = new Set();

function whole(data) {
  families = new Map(data.families.map((family) => [family.name, family]));
  bodies.clear();
  ghosts.clear();
  $("events").replaceChildren();
  $("tree").replaceChildren(head(COLUMNS));
  tell(data.events);
  order = [...families.keys()];
  draw(data, order);
}

function change(data) {
  for (const family of data.families) families.set(family.name, family);
  born = new Set(data.events.filter((event) => event.kind === "born").map((event) => event.pid));
  for (const event of data.events) if (event.kind !== "born") haunt(event);
  tell(data.events);
  const names = new Set([...data.families, ...data.events].map((each) => each.name ?? each.family));
  order = data.order;
  draw(data, [...names]);
}

function draw(data, names) {
  for (const name of families.keys()) if (!order.includes(name)) { families.delete(name); bodies.get(name)?.remove(); bodies.delete(name); }
  for (const name of names) if (families.has(name)) replace(name);
  const size = data.pss === null ? "" : `, ${megabytes(data.pss)}`;
  const sums = `${number(data.processes)} processes, ${number(data.threads)} threads${size} in ${number(order.length)} families.`;
  $("state").textContent = [...(data.why ? [data.why] : []), ...(order.length ? [sums] : [])].join(" ");
  offer();
  arrange();
}

/** The family of the chosen exhibit comes first: there is what a press sets going. */
function arrange() {
  const chosen = $("exhibit").value, there = [...$("tree").tBodies];
  const first = order.find((name) => families.get(name)?.exhibits.includes(chosen));
  const wanted = [first, ...order.filter((name) => name !== first)].filter((name) => bodies.has(name)).map((name) => bodies.get(name));
  if (wanted.some((body, place) => there[place] !== body)) $("tree").append(...wanted);
}

function replace(name) {
  const family = families.get(name), old = bodies.get(name), body = made("tbody");
  const gone = ghosts.get(name) ?? [];
  body.append(title(family, gone));
  if (family.rows.length > 1 || family.rows.some((one) => one.depth)) body.append(...family.rows.map(row));
  body.append(...gone.map(ghost));
  old?.replaceWith(body);
  bodies.set(name, body);
}

function title(family, gone) {
  const one = family.rows.length === 1 ? family.rows[0] : null;
  const line = made("tr", `group${gone.length ? " visited" : ""}${one && born.has(one.pid) ? " born" : ""}`);
  const name = made("th", "", plain(family.name, 80));
  name.scope = "rowgroup";
  if (one) name.append(made("span", "quiet", ` ${plain(one.role, 40)} ${one.pid}`));
  line.append(name, ...figures(family, one ? age(one.born) : ""));
  return line;
}

function row(one) {
  const line = made("tr", born.has(one.pid) ? "born" : one.cpu > 0.005 ? "busy" : "");
  const name = made("td", "process", `${"\u00a0\u00a0".repeat(one.depth)}${plain(one.role, 40)} ${one.pid}`);
  line.append(name, ...figures(one, age(one.born)));
  return line;
}

function figures(one, age) {
  const share = one.cpu === null ? "" : `${Math.round(one.cpu * 100)} %`;
  const texts = [number(one.threads), megabytes(one.pss), share, `${one.cpu_s.toFixed(2)} s`, one.requests === null ? "–" : number(one.requests), age];
  return texts.map((text, place) => made("td", COLUMNS[place + 1][1], text));
}

function ghost(event) {
  const line = made("tr", event.kind === "died" ? "died" : "came");
  const text = made("td", "process", `${event.pid} ${event.kind}: ${plain(event.words, 120)}`);
  text.colSpan = COLUMNS.length;
  line.append(text);
  return line;
}

/** Keep a process that has ended for a moment. */
function haunt(event) {
  const own = ghosts.get(event.family) ?? [];
  ghosts.set(event.family, [...own, event]);
  setTimeout(() => {
    ghosts.set(event.family, (ghosts.get(event.family) ?? []).filter((each) => each !== event));
    if (families.has(event.family)) replace(event.family);
  }, GHOST);
}

function tell(events) {
  for (const event of events) {
    const item = made("li", event.kind.split(" ")[0]);
    const time = made("time", "", new Date(event.at * 1000).toLocaleTimeString("en-GB"));
    item.append(time, made("b", "", plain(event.family, 60)), ` ${event.pid} ${event.kind}: ${plain(event.words, 120)}`);
    $("events").prepend(item);
  }
  while ($("events").children.length > SHOWN) $("events").lastChild.remove();
  $("none").hidden = $("events").children.length > 0;
}

/** The exhibits to which requests can be sent. */
function offer() {
  const ids = [...families.values()].flatMap((family) => family.exhibits), select = $("exhibit");
  if (ids.join() === [...select.options].map((option) => option.value).join()) return;
  const before = select.value || "cgi";
  select.replaceChildren(...ids.map((id) => new Option(id)));
  select.value = ids.includes(before) ? before : ids[0] ?? "";
  $("go").disabled = !ids.length;
}

const megabytes = (bytes) => bytes === null ? "unknown" : `${(bytes / 1e6).toFixed(1)} MB`;

function age(born) {
  const seconds = Math.max(0, Date.now() / 1000 - born);
  return seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

$("exhibit").addEventListener("change", arrange);
$("press").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("go").disabled = true;
  $("told").textContent = "";
  try {
    const [crowd] = await act("/api/processes/send", { exhibit: $("exhibit").value });
    $("told").textContent = `${crowd.requests} requests took ${number(Math.round(crowd.total_ms))} ms.`;
  } catch (error) {
    if (error.status === undefined) throw error;
    $("told").textContent = plain(error.message);
  } finally {
    $("go").disabled = false;
  }
});

const pause = live("/api/processes/live", whole, change);
$("pause").addEventListener("click", () => {
  const on = $("pause").getAttribute("aria-pressed") !== "true";
  $("pause").setAttribute("aria-pressed", String(on));
  $("pause").textContent = on ? "Go on" : "Hold still";
  pause(on);
});
