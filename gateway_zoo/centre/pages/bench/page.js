// A quick benchmark: it goes on in the centre while the page is elsewhere, and its last report stays.
import { act, ask, keep } from "/public/centre.js";
import { chart } from "/pages/bench/charts.js";
import { head } from "/public/table.js";
import { made, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
let drawn = -1; // number of the benchmark whose report is shown
let bench;

function choose() {
  if ($("front").options.length) return;
  $("front").append(...Object.keys(bench.fronts).map((front) => new Option(front, front)));
  offer();
}

/** A box for each exhibit behind the chosen front; the typical ones are ticked. */
function offer() {
  const front = $("front").value, typical = bench.typical[front] ?? [];
  const others = (bench.fronts[front] ?? []).filter((id) => !typical.includes(id));
  $("ids").replaceChildren(made("legend", "", `Exhibits, at most ${bench.most}`), ...[...typical, ...others].map((id) => {
    const label = made("label"), box = made("input");
    Object.assign(box, { type: "checkbox", value: id, checked: typical.includes(id) });
    label.append(box, id);
    return label;
  }));
  limit();
}

const chosen = () => [...$("ids").querySelectorAll("input:checked")].map((box) => box.value);

function limit() {
  const full = chosen().length >= bench.most;
  for (const box of $("ids").querySelectorAll("input:not(:checked)")) box.disabled = full;
  $("run").disabled = Boolean(bench.missing) || !chosen().length;
}

function show({ job, missing }) {
  $("missing").textContent = missing;
  $("missing").hidden = !missing;
  $("job").hidden = !job.runs;
  $("share").value = job.share;
  const left = job.left_s === null ? "" : `, about ${Math.ceil(job.left_s)} s left`;
  const words = job.runs ? `${job.text}${left}` : "";
  if ($("doing").textContent !== words) $("doing").textContent = words;
  if ($("stop").disabled === job.runs) $("told").textContent = ""; // it has begun, or ended
  $("stop").disabled = !job.runs;
  $("why").textContent = job.why;
  $("why").hidden = !job.why;
}

async function report() {
  if (drawn === bench.job.number) return;
  const shown = await ask("/api/bench/shown");
  drawn = bench.job.number;
  if (!shown) return;
  const { title, facts, warnings, tables, notes } = shown.document;
  const download = made("a", "", "Download the measured data (JSON)");
  Object.assign(download, { href: "/api/bench/report.json", download: "zoo-bench.json" });
  const list = made("ul");
  list.append(...notes.map((note) => made("li", "quiet", note)));
  $("report").replaceChildren(
    made("h2", "", title), ...warnings.map((text) => made("p", "warning", plain(text, 2000))),
    ...shown.charts.map(chart), ...tables.flatMap(table), ...facts.map((fact) => made("p", "fact", plain(fact, 2000))),
    download, made("h2", "", "How to read it"), list,
  );
}

function table({ title, columns, rows }) {
  const box = Object.assign(made("div", "wide"), { tabIndex: 0 }), body = made("tbody"), grid = made("table");
  const kinds = columns.map((column) => (column.right ? "number" : column.least ? "text" : ""));
  body.append(...rows.map((cells) => {
    const line = made("tr");
    line.append(...cells.map((cell, index) => made("td", kinds[index], plain(cell))));
    return line;
  }));
  grid.append(head(columns.map((column, index) => [column.name, kinds[index]])), body);
  box.append(grid);
  return [made("h2", "", title), box];
}

async function press(action, given) {
  try {
    show({ ...bench, job: await act(`/api/bench/${action}`, given) });
    $("told").textContent = "";
  } catch (error) {
    if (error.status === undefined) throw error; // a fault of the page
    $("told").textContent = error.status ? error.message : "The visitor centre does not answer.";
  }
}

$("front").addEventListener("change", offer);
$("ids").addEventListener("change", limit);
$("press").addEventListener("submit", (event) => {
  event.preventDefault();
  press("run", { ids: chosen(), front: $("front").value, busy: $("busy").checked });
});
$("stop").addEventListener("click", () => press("stop", {}));

keep(1000, async () => {
  bench = await ask("/api/bench");
  choose();
  show(bench);
  await report();
});
