// The bytes of one direction, in lines of hexadecimal digits and characters. What is lit, detail.js says.

import { Rows } from "./rows.js";
import { bytes as inBytes, made } from "./text.js";

const root = document.getElementById("bytes");
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const PRINTABLE = (byte) => byte > 32 && byte < 127;

const WIDTH = 74;                                    // characters of a line of 16 bytes, with what is between

let data = new Uint8Array();
let fields = [];
let owner = new Int32Array();                        // which field a byte is of
let lit;                                             // a field
let left = 0;                                        // bytes that are not kept
let wide = 16;                                       // bytes of a line

const dump = new Rows(root, drawBytes);

/** Show these. */
export function showBytes(theData, theFields, theOwner, leftOut) {
  [data, fields, owner, left] = [theData, theFields, theOwner, leftOut];
  lit = undefined;                                   // it was one of other fields
  fit();
}

/** Light a field, or none. */
export function lightBytes(field) {
  lit = field;
  for (const one of root.querySelectorAll("i")) paint(one, Number(one.dataset.at));
}

/** Show where the field begins, and as much of it as there is room for. */
export function revealBytes({ offset, length }) {
  if (!data.length) return;
  const first = Math.floor(offset / wide);
  const last = Math.floor((offset + Math.max(length - 1, 0)) / wide);
  dump.reveal(Math.min(last, first + dump.page - 3), 1);
  dump.reveal(first, 1);
}

/** The field that the byte under the mouse is of, or -1. */
export function fieldAt(event) {
  return event.target.dataset?.at === undefined ? -1 : owner[event.target.dataset.at];
}

/** 16 bytes in a line, or 8 where 16 do not fit. */
function fit() {
  const probe = root.appendChild(made("span", "probe", "0".repeat(10)));
  const one = probe.getBoundingClientRect().width / 10;
  probe.remove();
  const margins = parseFloat(getComputedStyle(root).fontSize);
  wide = root.clientWidth >= WIDTH * one + margins ? 16 : 8;
  root.classList.toggle("narrow", wide === 8);
  const lines = Math.ceil(data.length / wide) + (left > 0);
  dump.show(lines);
}
new ResizeObserver(() => { if (data.length) fit(); }).observe(root);

function drawBytes(line) {
  const row = made("div", "line");
  const start = line * wide;
  if (start >= data.length) {
    row.append(made("span", "quiet", `and ${inBytes(left)} more, which are not kept`));
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
  one.classList.toggle("lit", Boolean(lit) && inside(lit.spans, at));
  one.classList.toggle("near", Boolean(lit) && inside(around(lit), at));
  one.classList.toggle("odd", Boolean(fields[owner[at]]?.odd));
  one.classList.toggle("fault", isFaulty(owner[at]));
}

/** A mark lies on all bytes of its field, also on those of the fields inside. */
function isFaulty(field) {
  for (let at = field; at >= 0; at = fields[at].parent) if (fields[at].fault) return true;
  return false;
}

/** The rest of the variable that a part belongs to. */
function around({ parent }) {
  return parent >= 0 && fields[parent].variable ? fields[parent].spans : [];
}

function inside(spans, at) {
  return spans.some(([offset, length]) => at >= offset && at < offset + length);
}
