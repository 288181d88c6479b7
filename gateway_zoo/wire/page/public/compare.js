// Two exchanges side by side, variable by variable: what each protocol calls it, where it puts it, what it costs.
// Which belongs to which, the server says (gateway_zoo/wire/view/variables.py).

import { bytes, made, number, plain, where } from "./text.js";

const $ = (id) => document.getElementById(id);
const IS = { same: "=", differs: "≠", "only A": "A", "only B": "B" };
const TITLES = { request: "To the gateway", response: "From the gateway" };

let difference = false;                              // only rows that are not the same

/** Lay exchanges `a` and `b` (as the list has them) side by side; `sides` is what the server says of both. */
export function compare(a, b, sides) {
  const filter = made("label", "only");
  const box = filter.appendChild(document.createElement("input"));
  box.type = "checkbox";
  box.checked = difference;
  filter.append(" only what differs");
  box.addEventListener("change", () => {
    difference = box.checked;
    compare(a, b, sides);
  });
  const tables = ["request", "response"].map((side) => table(side, a, b, sides[side]));
  $("compare").replaceChildren(filter, ...tables);
  $("what").replaceChildren();
  $("means").textContent = "Point at a line to see where it is in the bytes of each.";
}

function table(side, a, b, { a: ofA, b: ofB, rows }) {
  const one = made("table", side);
  const spent = (name) => rows.reduce((sum, row) => sum + (row[name]?.bytes ?? 0), 0);
  const caption = one.appendChild(made("caption", "", `${TITLES[side]}: `));
  caption.append(made("b", "a", `A ${bytes(ofA)}`), `, of them ${number(spent("a"))} in variables and headers; `);
  caption.append(made("b", "b", `B ${bytes(ofB)}`), `, of them ${number(spent("b"))}`);
  const head = one.createTHead().insertRow();
  head.append(made("th", "is"), made("th", "variable", "Variable"));
  for (const [name, exchange] of [["a", a], ["b", b]]) {
    head.append(made("th", name, `${name.toUpperCase()}: No. ${exchange.number} ${plain(exchange.exhibit, 30)}, ${plain(exchange.protocol, 30)}`));
    head.append(made("th", "number", "offset"), made("th", "number", "bytes"));
  }
  const body = one.createTBody();
  for (const row of rows) if (!difference || row.is !== "same") body.append(line(row));
  if (!body.rows.length) {
    const empty = body.insertRow().appendChild(made("td", "quiet", rows.length ? "no difference" : "no variables, no headers"));
    empty.colSpan = 8;
  }
  return one;
}

function line(row) {
  const tr = made("tr", row.is.replace(" ", "-"));
  const is = tr.appendChild(made("td", "is", IS[row.is]));
  is.title = row.is;
  tr.append(made("td", "variable", plain(row.variable, 80)));
  for (const side of ["a", "b"]) tr.append(...cells(side, row));
  tr.addEventListener("mouseenter", () => say(row));
  return tr;
}

function cells(side, row) {
  const one = row[side];
  if (!one) return [made("td", side, "—"), made("td", "number"), made("td", "number")];
  const value = made("td", side);
  if (one.name !== row.variable) value.append(made("span", "called", plain(one.name, 80)), " ");
  value.append(made("code", "", plain(one.value, 200)));
  return [value, made("td", "number", number(one.spans[0][0])), made("td", "number", number(one.bytes))];
}

function say(row) {
  $("what").replaceChildren(made("b", "", plain(row.variable, 80)), made("span", "quiet", row.is));
  const told = (side) => (row[side] ? `${side.toUpperCase()}: ${where(row[side].spans)}` : "");
  $("means").textContent = [told("a"), told("b")].filter(Boolean).join(" · ");
}
