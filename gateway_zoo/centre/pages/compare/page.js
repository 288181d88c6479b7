// Two exhibits side by side.
import { act, ask, keep } from "/public/centre.js";
import { picture } from "/public/crowd.js";
import { made, number, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const [a, b] = location.pathname.split("/").slice(-2).map(decodeURIComponent);
let drawn = false;

function table(element, head, rows) {
  const top = made("tr");
  top.append(...head.map((text) => Object.assign(made("th", "", text), { scope: "col" })));
  const lines = rows.map(([name, ...cells]) => {
    const line = made("tr");
    line.append(Object.assign(made("th", "", name), { scope: "row" }), ...cells.map((text) => made("td", "", plain(String(text)))));
    return line;
  });
  element.replaceChildren(top, ...lines);
}

function draw(compared) {
  drawn = true;
  document.title = `${a} and ${b} · Gateway Zoo`;
  $("name").textContent = `${a} and ${b}`;
  const open = Object.keys(compared.a.fronts).filter((front) => !compared.a.fronts[front] && !compared.b.fronts[front]);
  $("front").append(...open.map((front) => new Option(front, front)));
  $("send").disabled = !open.length;
  if (open.length && sessionStorage.getItem("press") === location.pathname) $("press").requestSubmit(); // from the map
  sessionStorage.removeItem("press");
  if (!open.length) $("told").textContent = "No front has both of them open.";
  const axes = Object.keys(compared.a.axes);
  table($("facts"), ["", a, b], axes.map((axis) => [axis, compared.a.axes[axis], compared.b.axes[axis]]));
  $("why").textContent = compared.why;
  if (!compared.sides) return;
  const [first, other] = compared.sides;
  const rows = ["request", "response"].flatMap((side) => Object.keys(first[side]).map((part) => (
    [`${side}: ${part}`, ...[first, other].map((one) => number(one[side][part]))])));
  table($("costs"), ["bytes", `${a} (${first.protocol})`, `${b} (${other.protocol})`], rows);
  const shown = (values) => values === null ? "–" : values.join(", ") || "(empty)";
  table($("variables").querySelector("table"), ["variable", a, b], compared.variables.map((row) => (
    [row.where === "both" ? row.name : `${row.name} ≠`, ...row.values.map(shown)])));
}

$("requests").addEventListener("input", () => { $("many").textContent = $("requests").value; });
$("press").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("send").disabled = true;
  $("told").textContent = "under way …";
  try {
    const front = $("front").value;
    const crowds = await act("/api/exhibit/crowd", {
      cells: [[a, front], [b, front]], requests: $("requests").valueAsNumber, hold_ms: $("hold").valueAsNumber,
    });
    const longest = Math.max(...crowds.map((crowd) => crowd.total_ms));
    $("pictures").replaceChildren(...crowds.map((crowd) => picture(crowd, longest)));
    $("told").textContent = "";
  } catch (error) {
    if (error.status === undefined) throw error; // a fault of the page
    $("told").textContent = error.status ? error.message : "The visitor centre does not answer.";
  } finally {
    $("send").disabled = false;
  }
});

keep(10000, async () => { if (!drawn) draw(await ask(`/api/compare/${encodeURIComponent(a)}/${encodeURIComponent(b)}`)); });
