// Every family as a tree. A process that is new since the last look, or was busy, is marked.
import { ask, keep } from "/public/centre.js";
import { made, number } from "/public/text.js";

const $ = (id) => document.getElementById(id);
let before = new Map();

keep(5000, async () => {
  const { families, why } = await ask("/api/processes");
  const rows = families.flatMap((family) => family.rows);
  const threads = rows.reduce((sum, row) => sum + row.threads, 0);
  $("state").textContent = why || `${rows.length} processes, ${threads} threads in ${families.length} families.`;
  $("tree").replaceChildren(head(), ...families.map(body));
  before = new Map(rows.map((row) => [row.pid, row.cpu_s]));
});

function head() {
  const head = made("thead");
  const line = made("tr");
  for (const text of ["process", "threads", "memory", "CPU", "age"]) {
    const cell = made("th", text === "process" ? "" : "number", text);
    cell.scope = "col";
    line.append(cell);
  }
  head.append(line);
  return head;
}

function body(family) {
  const body = made("tbody");
  const title = made("tr", "group");
  const name = made("th", "", family.name);
  name.scope = "rowgroup";
  title.append(name, made("td", "number", family.threads), made("td", "number", kB(family.pss)), made("td", "number", `${family.cpu_s} s`), made("td"));
  body.append(title);
  if (family.rows.length > 1) body.append(...family.rows.map(row));
  return body;
}

function row(one) {
  const line = made("tr", before.size && !before.has(one.pid) ? "born" : before.get(one.pid) < one.cpu_s ? "busy" : "");
  line.append(made("td", "process", `${one.role} ${one.pid}`), made("td", "number", one.threads), made("td", "number", kB(one.pss)));
  line.append(made("td", "number", `${one.cpu_s} s`), made("td", "number", `${Math.round(one.age_s)} s`));
  return line;
}

function kB(bytes) {
  return bytes === null ? "unknown" : `${number(Math.round(bytes / 1024))} kB`;
}
