// The map. A cell is a link to its exhibit; its box chooses it for a comparison.
import { ask, keep } from "/public/centre.js";
import { head } from "/public/table.js";
import { made, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const AXES = ["wire protocol", "programming interface", "process model"];
const WORDS = { answers: "answers", down: "down", closed: "closed" };
const chosen = new Set();
let map;

function draw() {
  const wanted = Object.fromEntries(AXES.map((axis) => [axis, $("filter").elements[axis].value]));
  const table = $("map");
  const focused = document.activeElement.dataset.key;
  table.replaceChildren(head(["exhibit", "process model", ...map.fronts, "compare"].map((name) => [name, ""])));
  for (const [protocol, exhibits] of Object.entries(map.protocols)) {
    const rows = exhibits.filter((one) => AXES.every((axis) => !wanted[axis] || one.axes[axis] === wanted[axis]));
    if (!rows.length) continue;
    const body = made("tbody");
    const group = made("tr", "group");
    const name = made("th", "", protocol === "none" ? "inside Apache" : protocol);
    name.colSpan = 3 + map.fronts.length;
    name.scope = "rowgroup";
    group.append(name);
    body.append(group, ...rows.map(row));
    table.append(body);
  }
  if (focused) table.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  count();
}

function row(exhibit) {
  const line = made("tr");
  const name = made("th");
  name.scope = "row";
  const link = made("a", "", exhibit.id);
  link.href = `/exhibit/${encodeURIComponent(exhibit.id)}`;
  link.dataset.key = exhibit.id;
  name.append(link, made("span", "quiet about", exhibit.about));
  line.append(name, made("td", "", exhibit.axes["process model"]));
  for (const front of map.fronts) {
    const state = exhibit.cells[front];
    const cell = made("td", `cell ${state.state}`);
    const text = made(state.state === "closed" ? "span" : "a", "mark", WORDS[state.state]);
    if (state.state !== "closed") text.href = `/exhibit/${encodeURIComponent(exhibit.id)}?front=${encodeURIComponent(front)}`;
    text.dataset.key = `${exhibit.id} ${front}`;
    cell.append(text);
    if (state.why) cell.append(made("span", "why", plain(state.why, 160)));
    line.append(cell);
  }
  const box = made("input");
  box.type = "checkbox";
  box.value = exhibit.id;
  box.dataset.key = `${exhibit.id} box`;
  box.checked = chosen.has(exhibit.id);
  box.setAttribute("aria-label", `compare ${exhibit.id}`);
  box.addEventListener("change", () => choose(exhibit.id, box.checked));
  const last = made("td");
  last.append(box);
  line.append(last);
  return line;
}

function choose(id, on) {
  if (on) chosen.add(id); else chosen.delete(id);
  for (const other of chosen) if (chosen.size > 2) chosen.delete(other);
  for (const box of $("map").querySelectorAll("input")) box.checked = chosen.has(box.value);
  count();
}

function count() {
  $("chosen").textContent = [...chosen].join(" and ") || "Choose two in the last column:";
  $("press").disabled = $("beside").disabled = chosen.size !== 2;
  const cells = Object.values(map.protocols).flat().flatMap((one) => Object.values(one.cells));
  const of = (state) => cells.filter((cell) => cell.state === state).length;
  $("state").textContent = `${of("answers")} cells answer, ${of("down")} are down, ${of("closed")} are closed.`;
}

function fill() {
  const exhibits = Object.values(map.protocols).flat();
  for (const axis of AXES) {
    const select = $("filter").elements[axis];
    if (select.options.length) continue;
    const values = [...new Set(exhibits.map((one) => one.axes[axis]))].sort();
    select.append(...["", ...values].map((value) => new Option(value || "all", value)));
    select.value = new URLSearchParams(location.search).get(axis) ?? "";
  }
}

$("filter").addEventListener("change", () => {
  const given = AXES.map((axis) => [axis, $("filter").elements[axis].value]).filter(([, value]) => value);
  history.replaceState(null, "", given.length ? `?${new URLSearchParams(given)}` : "/");
  draw();
});
$("filter").addEventListener("submit", (event) => event.preventDefault());
const beside = () => `/compare/${[...chosen].map(encodeURIComponent).join("/")}`;
$("beside").addEventListener("click", () => { location.href = beside(); });
$("choice").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("press", beside()); // no link from elsewhere can press it
  location.href = beside();
});

keep(5000, async () => {
  const next = await ask("/api/map");
  const same = JSON.stringify(next) === JSON.stringify(map);
  map = next;
  fill();
  if (!same) draw();
});
