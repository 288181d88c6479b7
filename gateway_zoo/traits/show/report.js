// The report: the matrix of this file, and its evidence, which is compressed in this file, too.

const $ = (id) => document.getElementById(id);
const view = JSON.parse($("view").textContent);
let unpacked;

/** (trait, number of the cell) -> pieces of evidence. */
async function all() {
  if (!unpacked) {
    const bytes = Uint8Array.from(atob($("all").textContent), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked = new Response(stream).json();
  }
  return unpacked;
}

let row;

async function show() {
  $("evidence").replaceChildren();
  const pieces = (await all())[row.name]?.[$("cell").value] ?? [];
  $("evidence").replaceChildren(...evidence(pieces.map(([title, text]) => ({ title, text }))));
}

function press(pressed, answer, cells) {
  row = pressed;
  $("what").textContent = plain(row.question);
  $("answer").textContent = plain(answer.text + (answer.figures ? ` (${answer.figures})` : ""));
  choose($("cell"), view, cells);
  $("evidence").replaceChildren();
  document.querySelector("dialog").showModal();
  show();
}

$("cell").addEventListener("change", show);
$("close").addEventListener("click", () => document.querySelector("dialog").close());
const made_ = view.made.replace("T", " ").replace("+00:00", " UTC");
$("made").textContent = plain(`${view.rows.length} questions in ${view.cells.length} cells; ${view.place}, ${made_}; ${view.system}${view.complete ? "" : "; stopped: not every cell was asked"}.`, 2000);
versions(view, $("versions"));
if (view.own.length) $("own").textContent = plain(`Own program, not asked: ${view.own.join(", ")}.`, 2000);
matrix(view, $("filter"), $("matrix"), press);
