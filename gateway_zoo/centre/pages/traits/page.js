// Behaviours: the kept matrix, and a chosen cell measured now, with its evidence.
import { act, ask, keep } from "/public/centre.js";
import { cellName, choose, evidence, matrix, versions } from "/public/matrix.js";
import { submits } from "/public/press.js";
import { made, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const dialog = document.querySelector("dialog");
const USUAL = "A zoo of its own is started for it, asked, and stopped: some seconds.";
const SLOW = "This trait waits long: it takes a minute or two.";
let view, row;

function draw({ view: kept, differ, why }) {
  $("made").textContent = why;
  if (!kept) return;
  view = kept;
  const date = view.made.slice(0, 10);
  $("made").textContent = plain(`${view.rows.length} questions in ${view.cells.length} cells, measured on ${date} (${view.place}, ${view.system}).`, 400);
  versions(view, $("versions"));
  const others = differ.map((each) => `${each.name} ${each.after || "is not there"}, not ${each.before || "known then"}`);
  $("differ").textContent = others.length ? plain(`. Others are here: ${others.join("; ")}`, 2000) : ", the same here";
  $("parts").hidden = $("filter").hidden = false;
  if (view.own.length) $("own").textContent = plain(`Own program, not asked: ${view.own.join(", ")}.`, 2000);
  matrix(view, $("filter"), $("matrix"), press);
}

function press(pressed, answer, cells) {
  row = pressed;
  $("what").textContent = plain(row.question);
  $("answer").textContent = plain(answer.text + (answer.figures ? ` (${answer.figures})` : ""));
  choose($("cell"), view, cells);
  $("result").replaceChildren();
  $("live").querySelector("[role=status]").textContent = "";
  $("needs").textContent = row.slow ? SLOW : USUAL;
  dialog.showModal();
}

function shown(answer, cell) {
  const text = answer.answers.join(" or ") || `${answer.state}: ${answer.why}`;
  const head = made("h3", "", plain(`${cellName(view, cell)} now: ${answer.state === "varies" ? `varies: ${text}` : text}`, 400));
  $("result").replaceChildren(head, ...evidence(answer.evidence));
}

submits($("live"), async () => {
  const cell = Number($("cell").value);
  $("result").replaceChildren();
  shown(await act("/api/traits/live", { trait: row.name, cell: view.cells[cell] }), cell);
});
$("cell").addEventListener("change", () => $("result").replaceChildren());
$("close").addEventListener("click", () => dialog.close());

keep(10000, async () => {
  if (!view) draw(await ask("/api/traits"));
});
