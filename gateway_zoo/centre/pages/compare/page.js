// Two exhibits side by side. The main act is the crowd pictures of both.
import { act, ask, keep } from "/public/centre.js";
import { partsOf, picture } from "/public/crowd.js";
import { file } from "/public/files.js";
import { crowdForm, submits } from "/public/press.js";
import { table } from "/public/table.js";
import { made, number, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const [a, b] = location.pathname.split("/").slice(-2).map(decodeURIComponent);
let compared;

function draw() {
  document.title = `${a} and ${b} · Gateway Zoo`;
  $("name").textContent = `${a} and ${b}`;
  const open = Object.keys(compared.a.fronts).filter((front) => !compared.a.fronts[front] && !compared.b.fronts[front]);
  $("front").append(...open.map((front) => new Option(front, front)));
  $("send").disabled = $("observe").disabled = !open.length;
  if (open.length && sessionStorage.getItem("press") === location.pathname) $("press").requestSubmit(); // from the map
  sessionStorage.removeItem("press");
  if (!open.length) $("told").textContent = "No front has both of them open.";
  const axes = Object.keys(compared.a.axes);
  table($("facts"), ["fact", a, b], [["in short", compared.a.about, compared.b.about],
    ...axes.map((axis) => [axis, compared.a.axes[axis], compared.b.axes[axis]])]);
  $("why").textContent = compared.why;
  for (const side of [compared.a, compared.b]) {
    const column = made("div");
    column.append(made("h2", "", side.id), ...side.configuration.map(file));
    $("configuration").querySelector(".two").append(column);
  }
  if (compared.sides) drawWire(compared.sides, compared.variables);
  else $("variables").hidden = true;
}

function drawWire(sides, variables) {
  const [first, other] = sides;
  const rows = ["request", "response"].flatMap((side) => Object.keys(first[side]).map((part) => (
    [`${side}: ${part}`, ...sides.map((one) => number(one[side][part]))])));
  table($("costs"), ["bytes", `${a} (${first.protocol})`, `${b} (${other.protocol})`], rows);
  const differ = variables.filter((row) => row.where !== "both");
  $("same").textContent = `${variables.length - differ.length} variables are the same; ${differ.length} are not.`;
  const shown = (values) => values === null ? "–" : values.join(", ") || "(empty)";
  table($("differ"), ["variable", a, b], differ.map((row) => [row.name, ...row.values.map(shown)]));
}

const MEASURED = {
  "front": (seen) => seen.front, "processes": (seen) => seen.processes, "most threads of one": (seen) => seen.threads,
  "of 8 at once, in parallel": (seen) => seen.parallel,
  "first request": (seen) => `${seen.first_ms} ms`, "median request": (seen) => `${seen.median_ms} ms`,
  "memory at rest": (seen) => size(seen.memory.rest), "with one in flight": (seen) => size(seen.memory.one),
  "with several in flight": (seen) => `${size(seen.memory.parallel)} (${seen.memory.requests})`,
};

function drawMeasured({ sentences, observations, silent }) {
  $("sentences").replaceChildren(...[...sentences, ...silent].map((text) => made("p", "", plain(text, 2000))));
  const rows = Object.entries(MEASURED).map(([name, of]) => [name, ...observations.map(of)]);
  table($("figures"), ["figure", ...observations.map((seen) => seen.exhibit)], rows);
}

function size(bytes) {
  return bytes === null ? "unknown" : `${number(Math.round(bytes / 1000))} kB`;
}

const given = crowdForm($("press"), [a, b], (crowds) => {
  const longest = Math.max(...crowds.map((crowd) => crowd.total_ms));
  $("pictures").replaceChildren(...crowds.map((crowd) => picture(crowd, longest)));
  $("parts").replaceChildren(...crowds.flatMap(partsOf));
});
submits($("measure"), async () => drawMeasured(await act("/api/compare/measure", { cells: given().cells })));

keep(10000, async () => {
  if (compared) return;
  compared = await ask(`/api/compare/${encodeURIComponent(a)}/${encodeURIComponent(b)}`);
  draw();
});
