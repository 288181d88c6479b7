// One direction of an exchange: the tree of its fields, and which of them is lit, here and among the bytes (bytes.js).
// What is lit is the field under the mouse, or under the keyboard's cursor, until a click pins one.

import { fieldAt, lightBytes, revealBytes, showBytes } from "./bytes.js";
import { family, opening, owners, unhex } from "./fields.js";
import { Rows, step } from "./rows.js";
import { made, number, plain, where } from "./text.js";

const $ = (id) => document.getElementById(id);

let whose = "";                                      // the name of the direction that is shown
let fields = [];                                     // as fields.js makes them
let size = 0;                                        // bytes
let open = new Set();
let visible = [];                                    // indices of the fields that the tree shows
let cursor = 0;                                      // a field
let hovered = -1, pinned = -1;
let left = 0;                                        // fields that the server has kept to itself

const tree = new Rows($("fields"), drawField);

// --- What is shown ----------------------------------------------------------------------------------------------------

/** Show a direction, which has a name: if that was shown last, it is the same, grown, and what was open stays open. */
export function show(side, name) {
  const data = unhex(side.bytes);
  size = data.length;
  left = side.more_fields;
  fields = family(side.fields);
  if (name !== whose) {
    whose = name;
    open = opening(fields);
    cursor = 0;
    hovered = pinned = -1;
    $("fields").scrollTop = $("bytes").scrollTop = 0;
  }
  if (!fields[pinned]) pinned = -1;
  if (!fields[hovered]) hovered = -1;
  grow();
  showBytes(data, fields, owners(fields, size), side.left_out);
  light();
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
  tree.show(visible.length + (left > 0));
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
    row.append(made("span", "quiet", `and ${number(left)} more fields: only the first are shown`));
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
  lightBytes(fields[current()]);
  tree.choose(`field-${cursor}`);
  say(fields[current()]);
}

/** The line under the tree. */
function say(field) {
  const what = $("what");
  what.replaceChildren();
  $("means").textContent = fields.length ? "Point at a field, or at a byte. A click keeps it lit."
    : size ? "Bytes without names: no cage has a wire.py for this protocol." : "No byte in this direction.";
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

/** Open what is around the field, and scroll to it. */
function toField(index, unfold) {
  if (unfold && shownFor(index) !== index) {
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

$("fields").addEventListener("mousemove", (event) => {
  const index = visible[tree.at(event)] ?? -1;
  if (index === hovered) return;
  hover(index);
  if (pinned < 0 && index >= 0) { revealBytes(fields[index]); light(); }
});
$("fields").addEventListener("mouseleave", () => hover(-1));
$("fields").addEventListener("click", (event) => {
  const index = visible[tree.at(event)];
  if (index === undefined) return;
  if (event.target.className === "twisty") toggle(index);
  else { pin(index); revealBytes(fields[index]); light(); }
});
$("fields").addEventListener("dblclick", (event) => {
  if (event.target.className !== "twisty" && visible[tree.at(event)] !== undefined) toggle(visible[tree.at(event)]);
});
$("bytes").addEventListener("mousemove", (event) => {
  const index = fieldAt(event);
  if (index === hovered) return;
  hover(index);
  if (pinned < 0 && index >= 0) { toField(index, false); light(); }
});
$("bytes").addEventListener("mouseleave", () => hover(-1));
$("bytes").addEventListener("click", (event) => {
  const index = fieldAt(event);
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
  else if (event.key === "ArrowLeft") to(fields[cursor].parent < 0 ? cursor : fields[cursor].parent);
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
  revealBytes(fields[index]);
  light();
}
