// One direction of an exchange: the tree of its fields, its bytes, and which belongs to which.
//
// Fields come flat, in the order of their offsets, with a depth; one belongs to the nearest before it with a smaller
// depth. `owner` says for each byte which field is the innermost that holds it. What is lit is the field under the
// mouse, or under the keyboard's cursor, until a click pins one.

import { Rows, step } from "./rows.js";
import { bytes as inBytes, made, number, plain, where } from "./text.js";

const $ = (id) => document.getElementById(id);
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const PRINTABLE = (byte) => byte > 32 && byte < 127;

const WIDTH = 74;                                    // characters of a line of 16 bytes, with what is between

let data = new Uint8Array();
let fields = [];                                     // as they came, with `spans`, `parent`, `children`, `odd`
let owner = new Int32Array();
let open = new Set();
let visible = [];                                    // indices of the fields that the tree shows
let cursor = 0;                                      // a field
let hovered = -1, pinned = -1;
let left = { fields: 0, bytes: 0 };
let wide = 16;                                       // bytes of a line

const tree = new Rows($("fields"), drawField);
const dump = new Rows($("bytes"), drawBytes);

// --- What is shown ----------------------------------------------------------------------------------------------------

/** Show a direction; `again`: it is the same one, grown. */
export function show(side, leftOut, again) {
  data = unhex(side.bytes);
  left = { fields: side.more_fields, bytes: leftOut };
  fields = family(side.fields);
  owner = owners();
  if (!again) {
    open = opening();
    cursor = 0;
    hovered = pinned = -1;
    $("fields").scrollTop = $("bytes").scrollTop = 0;
  }
  if (!fields[pinned]) pinned = -1;
  if (!fields[hovered]) hovered = -1;
  grow();
  fit();
  light();
}

function unhex(text) {
  const made = new Uint8Array(text.length / 2);
  for (let at = 0; at < made.length; at += 1) made[at] = parseInt(text.substr(2 * at, 2), 16);
  return made;
}

function family(list) {
  const above = [];                                  // the last field of each depth
  return list.map(({ depth = 0, rest = [], ...field }, index) => {
    above.length = depth;
    const parent = above.findLast((one) => one !== undefined) ?? -1;
    above[depth] = index;
    const spans = [[field.offset, field.length], ...rest];
    const one = { value: "", means: "", section: "", ...field, depth, spans, parent, children: [] };
    return one;
  }).map((field, index, all) => {
    if (field.parent >= 0) all[field.parent].children.push(index);
    return field;
  });
}

/** Outer fields first, so that inner ones write over them. Neighbours get different shades. */
function owners() {
  const found = new Int32Array(data.length).fill(-1);
  const byDepth = [...fields.keys()].sort((a, b) => fields[a].depth - fields[b].depth);
  for (const index of byDepth) {
    for (const [offset, length] of fields[index].spans) found.fill(index, offset, offset + length);
  }
  let last = -1, odd = false;
  for (const index of found) {
    if (index === last || index < 0) continue;
    if (fields[index].odd === undefined) fields[index].odd = odd = !odd;
    last = index;
  }
  return found;
}

/** What is open at first: all that variables are in, and no variable itself, so that the lengths are out of the way.
    Where there are no variables, the outermost fields. */
function opening() {
  const variables = [...fields.keys()].filter(isVariable);
  const around = new Set();
  for (const variable of variables) {
    for (let up = fields[variable].parent; up >= 0 && !around.has(up); up = fields[up].parent) around.add(up);
  }
  return variables.length ? around : new Set([...fields.keys()].filter((index) => fields[index].depth === 0));
}

/** A variable, or a header, says the same as one of its parts. */
function isVariable(index) {
  const { children, value } = fields[index];
  const named = children.some((child) => fields[child].value === fields[index].name);
  return named && children.some((child) => fields[child].value === value);
}

/** The lines of the tree: no field below a closed one. */
function grow() {
  visible = [];
  for (let index = 0; index < fields.length;) {
    visible.push(index);
    const { depth } = fields[index];
    const closed = !open.has(index);
    index += 1;
    while (closed && index < fields.length && fields[index].depth > depth) index += 1;
  }
  if (!visible.includes(cursor)) cursor = shownFor(cursor);
  tree.show(visible.length + (left.fields > 0));
}

/** The field itself, or the innermost around it that the tree shows. */
function shownFor(index) {
  if (!fields[index]) return 0;
  let shown = index;
  for (let up = index; up >= 0; up = fields[up].parent) {
    if (fields[up].parent >= 0 && !open.has(fields[up].parent)) shown = fields[up].parent;
  }
  return shown;
}

function drawField(line) {
  const row = made("div", "field");
  const index = visible[line];
  if (index === undefined) {
    row.append(made("span", "quiet", `and ${number(left.fields)} more fields: only the first are shown`));
    return row;
  }
  const field = fields[index];
  row.id = `field-${index}`;
  row.setAttribute("role", "treeitem");
  row.setAttribute("aria-level", field.depth + 1);
  row.style.setProperty("--depth", field.depth);
  if (field.children.length) row.setAttribute("aria-expanded", open.has(index));
  row.append(made("span", "twisty", field.children.length ? (open.has(index) ? "▾" : "▸") : ""));
  row.append(made("span", "name", plain(field.name)), made("span", "value", plain(field.value)));
  if (field.secret) row.append(made("span", "chip", "secret"));
  row.append(made("span", "size", number(field.spans.reduce((sum, [, length]) => sum + length, 0))));
  row.classList.toggle("fault", Boolean(field.fault));
  dress(row, index);
  return row;
}

function dress(row, index) {
  const lit = shownFor(current());
  row.classList.toggle("lit", current() >= 0 && index === lit);
  row.classList.toggle("pinned", pinned >= 0 && index === lit);
  row.classList.toggle("cursor", index === cursor);
  row.setAttribute("aria-selected", index === cursor);
}

// --- Bytes ------------------------------------------------------------------------------------------------------------

/** 16 bytes in a line, or 8 where 16 do not fit. */
function fit() {
  const root = $("bytes");
  const probe = root.appendChild(made("span", "probe", "0".repeat(10)));
  const one = probe.getBoundingClientRect().width / 10;
  probe.remove();
  const margins = parseFloat(getComputedStyle(root).fontSize);
  wide = root.clientWidth >= WIDTH * one + margins ? 16 : 8;
  root.classList.toggle("narrow", wide === 8);
  const lines = Math.ceil(data.length / wide) + (left.bytes > 0);
  root.classList.toggle("empty", !data.length);
  dump.show(lines);
}
new ResizeObserver(() => { if (data.length) { fit(); light(); } }).observe($("bytes"));

function drawBytes(line) {
  const row = made("div", "line");
  const start = line * wide;
  if (start >= data.length) {
    row.append(made("span", "quiet", `and ${inBytes(left.bytes)} more in this exchange, which are not kept`));
    return row;
  }
  row.append(made("span", "offset", start.toString(16).padStart(6, "0")));
  const hex = row.appendChild(made("span", "hex"));
  const ascii = row.appendChild(made("span", "ascii"));
  for (let at = start; at < Math.min(start + wide, data.length); at += 1) {
    hex.append(cell(at, HEX[data[at]]));
    ascii.append(cell(at, PRINTABLE(data[at]) ? String.fromCharCode(data[at]) : data[at] === 32 ? " " : "·"));
  }
  return row;
}

function cell(at, text) {
  const one = made("i", PRINTABLE(data[at]) ? "" : "dim", text);
  one.dataset.at = at;
  if (at % 8 === 7 && at % wide !== wide - 1) one.classList.add("gap");
  paint(one, at);
  return one;
}

function paint(one, at) {
  const field = fields[current()];
  one.classList.toggle("lit", Boolean(field) && inside(field.spans, at));
  one.classList.toggle("near", Boolean(field) && inside(around(field), at));
  one.classList.toggle("odd", Boolean(fields[owner[at]]?.odd));
  one.classList.toggle("fault", Boolean(fields[owner[at]]?.fault));
}

/** The rest of the variable that a part belongs to. */
function around({ parent }) {
  return parent >= 0 && isVariable(parent) ? fields[parent].spans : [];
}

function inside(spans, at) {
  return spans.some(([offset, length]) => at >= offset && at < offset + length);
}

// --- Light ------------------------------------------------------------------------------------------------------------

/** The field that is lit, or -1. */
function current() {
  return pinned >= 0 ? pinned : hovered;
}

function light() {
  for (const row of tree.made.values()) {
    const index = visible[row.dataset.index];
    if (index !== undefined) dress(row, index);
  }
  for (const one of $("bytes").querySelectorAll("i")) paint(one, Number(one.dataset.at));
  const active = document.getElementById(`field-${cursor}`);
  if (active) $("fields").setAttribute("aria-activedescendant", active.id);
  say(fields[current()]);
}

/** The line under the tree. */
function say(field) {
  const what = $("what");
  what.replaceChildren();
  $("means").textContent = fields.length ? "Point at a field, or at a byte. A click keeps it lit."
    : data.length ? "Bytes without names: no cage has a wire.py for this protocol." : "No byte in this direction.";
  if (!field) return;
  what.append(made("b", "", plain(field.name, 80)));
  if (field.value) what.append(made("code", field.fault ? "bad" : "", plain(field.value, 160)));
  what.append(made("span", "quiet", where(field.spans)));
  if (pinned >= 0) what.append(made("span", "chip", "kept: Esc lets go"));
  const wrong = field.fault ? "wrong, or cut off" : "";
  $("means").textContent = [wrong, field.means, field.section].filter(Boolean).join(" · ");
}

function hover(index) {
  if (index === hovered) return;
  hovered = index;
  if (pinned < 0) light();
}

/** Keep a field lit; the same again lets go. */
function pin(index) {
  pinned = pinned === index ? -1 : index;
  if (index >= 0) cursor = shownFor(index);
  light();
}

/** Show where the field begins, and as much of it as there is room for. */
function toBytes(index) {
  if (!fields[index] || !data.length) return;
  const { offset, length } = fields[index];
  const first = Math.floor(offset / wide);
  const last = Math.floor((offset + Math.max(length - 1, 0)) / wide);
  dump.reveal(Math.min(last, first + dump.page - 3), 1);
  dump.reveal(first, 1);
}

/** Open what is around the field, and scroll to it. */
function toField(index, opening) {
  if (opening && shownFor(index) !== index) {
    for (let up = fields[index].parent; up >= 0; up = fields[up].parent) open.add(up);
    grow();
  }
  tree.reveal(visible.indexOf(shownFor(index)), 1);
}

function toggle(index) {
  if (!fields[index].children.length) return;
  if (!open.delete(index)) open.add(index);
  grow();
  light();
}

function byteAt(event) {
  return event.target.dataset?.at === undefined ? -1 : owner[event.target.dataset.at];
}

$("fields").addEventListener("mousemove", (event) => {
  const index = visible[tree.at(event)] ?? -1;
  if (index === hovered) return;
  hover(index);
  if (pinned < 0 && index >= 0) { toBytes(index); light(); }
});
$("fields").addEventListener("mouseleave", () => hover(-1));
$("fields").addEventListener("click", (event) => {
  const index = visible[tree.at(event)];
  if (index === undefined) return;
  if (event.target.className === "twisty") toggle(index);
  else { pin(index); toBytes(index); light(); }
});
$("fields").addEventListener("dblclick", (event) => {
  if (event.target.className !== "twisty" && visible[tree.at(event)] !== undefined) toggle(visible[tree.at(event)]);
});
$("bytes").addEventListener("mousemove", (event) => {
  const index = byteAt(event);
  if (index === hovered) return;
  hover(index);
  if (pinned < 0 && index >= 0) { toField(index, false); light(); }
});
$("bytes").addEventListener("mouseleave", () => hover(-1));
$("bytes").addEventListener("click", (event) => {
  const index = byteAt(event);
  if (index < 0) return;
  pin(index);
  toField(index, true);
  light();
});
$("fields").addEventListener("focus", () => { if (pinned < 0 && fields.length) { hovered = cursor; light(); } });
$("fields").addEventListener("blur", () => hover(-1));
$("fields").addEventListener("keydown", (event) => {
  if (!fields.length || event.ctrlKey || event.metaKey || event.altKey) return;
  const line = step(event.key, visible.indexOf(cursor), tree);
  if (line !== undefined) to(visible[Math.min(line, visible.length - 1)]);
  else if (event.key === "ArrowRight") open.has(cursor) || !fields[cursor].children.length ? null : toggle(cursor);
  else if (event.key === "ArrowLeft" && open.has(cursor)) toggle(cursor);
  else if (event.key === "ArrowLeft") to(Math.max(fields[cursor].parent, 0));
  else if (event.key === "Enter" || event.key === " ") pin(cursor);
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && pinned >= 0) pin(pinned); });

/** The keyboard's cursor to a field. */
function to(index) {
  cursor = hovered = index;
  if (pinned >= 0) pinned = index;
  tree.reveal(visible.indexOf(index));
  toBytes(index);
  light();
}
