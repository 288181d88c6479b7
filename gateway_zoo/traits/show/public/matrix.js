// The matrix of behaviours: questions, their answers, and the cells that gave them. For the page of the visitor centre, and
// for the report in one file, which has this script in it.
import { made, plain } from "/public/text.js";

const FILTERS = ["axis", "exhibit", "front"];

/** The form of the filters in front of a table. `press(row, cells)` is called for a name that is clicked. */
export function matrix(view, form, table, press) {
  const choices = {
    axis: [...new Set(view.rows.map((row) => row.axis))],
    exhibit: [...new Set(view.cells.map(([exhibit]) => exhibit))],
    front: view.fronts,
  };
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of FILTERS) {
    const select = form.elements[name];
    select.replaceChildren(new Option("all", ""), ...choices[name].map((each) => new Option(plain(each, 40), each)));
    if (choices[name].includes(given.get(name))) select.value = given.get(name);
  }
  const draw = () => {
    const chosen = Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value]));
    const kept = FILTERS.filter((name) => chosen[name]).map((name) => [name, chosen[name]]);
    history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
    const rows = view.rows.filter((row) => !chosen.axis || row.axis === chosen.axis);
    const parts = rows.map((row) => [row, answersOf(view, row, chosen)]).filter(([, answers]) => answers.length);
    table.replaceChildren(...parts.flatMap(([row, answers], index) => [
      ...(index && parts[index - 1][0].axis === row.axis ? [] : [heading(row.axis)]), question(view, row, answers, press),
    ]));
    form.querySelector("[role=status]").textContent = parts.length ? `${parts.length} questions` : "Nothing has been asked here.";
  };
  form.addEventListener("change", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  draw();
}

/** The answers that a filter leaves. For one exhibit its cells have names of their own. */
function answersOf(view, row, { exhibit, front }) {
  const fits = (cell) => (!exhibit || view.cells[cell][0] === exhibit) && (!front || view.cells[cell][1] === front);
  const named = ([text, cells]) => {
    const left = cells.filter(fits);
    return exhibit ? left.map((cell) => [`behind ${view.cells[cell][1]}`, [cell]]) : [[text, left]];
  };
  return row.answers
    .map((answer) => ({ ...answer, names: answer.names.flatMap(named).filter(([, cells]) => cells.length) }))
    .filter((answer) => answer.names.length);
}

function heading(axis) {
  return made("h2", "", plain(axis, 40));
}

function question(view, row, answers, press) {
  const box = made("section", "trait");
  box.id = row.name;
  const why = made("details");
  const head = made("summary");
  head.append(made("h3", "", plain(row.question, 200)), ...(row.slow ? [made("span", "quiet", " slow")] : []));
  why.append(head, made("p", "", plain(row.why, 2000)), made("p", "quiet", plain(`${row.source} · ${row.name}`, 400)));
  box.append(why);
  const list = made("dl");
  for (const answer of answers) {
    const cells = made("dd");
    cells.append(...answer.names.map(([text, numbers]) => {
      const button = made("button", "second cell", plain(text, 80));
      button.type = "button";
      if (numbers.length > 2) button.append(made("small", "", ` ${numbers.length} cells`));
      button.addEventListener("click", () => press(row, answer, numbers));
      return button;
    }));
    list.append(made("dt", answer.state.replace(" ", "-"), plain(answer.text + (answer.figures ? ` (${answer.figures})` : ""), 400)), cells);
  }
  box.append(list);
  return box;
}

/** The cells of a name in a select. */
export function choose(select, view, cells) {
  select.replaceChildren(...cells.map((cell) => new Option(cellName(view, cell), cell)));
}

export function cellName(view, cell) {
  return plain(view.cells[cell].join(" behind "), 80);
}

/** Pieces of evidence: a title and lines each. */
export function evidence(pieces) {
  if (!pieces.length) return [made("p", "quiet", "No evidence: nothing was sent.")];
  return pieces.flatMap(({ title, text }) => [
    made("h4", "", plain(title, 200)),
    Object.assign(made("pre", "source", text.split("\n").map((line) => plain(line, 2000)).join("\n")), { tabIndex: 0 }),
  ]);
}

/** The row of versions. */
export function versions(view, element) {
  element.replaceChildren(...Object.entries(view.versions).flatMap(([name, version]) => [
    made("span", "version", plain(`${name} ${version}`, 80)), " ",
  ]));
}
