// The charts of a benchmark. The server has placed everything on a logarithmic axis, as shares of its width; here it is
// drawn. A lane has its figures in words beside it, so the picture itself is hidden from screen readers.
import { made, plain } from "/public/text.js";

const SVG = "http://www.w3.org/2000/svg";
const ROW = 24; // pixels of each series in a lane
const SHAPES = [["circle", { r: 6 }], ["rect", { x: -5.5, y: -5.5, width: 11, height: 11 }], ["path", { d: "M0 -8 L8 0 L0 8 L-8 0 Z" }]];

/** A figure with a lane for each target. */
export function chart({ title, axis, series, ticks, lanes, line, joined }) {
  const figure = made("figure");
  const key = made("p", "key");
  series.forEach((name, number) => {
    const entry = made("span", `s${number}`);
    const sample = element("svg", { width: 20, height: 20, "aria-hidden": "true" });
    sample.append(point(0.5, 10, number));
    entry.append(sample, made("span", "quiet", ` ${name}`));
    key.append(entry);
  });
  key.append(made("span", "", "— 95 % interval, where there is one"), made("span", "", "· a round (○ its control moved)"));
  const height = ROW * (joined ? 1 : series.length);
  const foot = made("div", "bench foot");
  const scale = element("svg", { height: 26, "aria-hidden": "true" });
  scale.append(...ticks.map((tick) => element("text", { x: x(tick.at), y: 18 }, tick.text)));
  foot.append(made("b"), scale, made("span"));
  figure.append(made("h2", "", title), key, ...lanes.map((each) => lane(each, { ticks, line, joined, height })), foot, made("p", "unit", `${axis}; logarithmic`));
  return figure;
}

function lane({ name, sentence, marks }, { ticks, line, joined, height }) {
  const row = made("div", "bench");
  const svg = element("svg", { height, "aria-hidden": "true" });
  svg.append(...ticks.map((tick) => vertical("grid", tick.at, 0, height)));
  if (line !== null) svg.append(vertical("same", line, 0, height));
  if (joined && marks.length > 1) svg.append(horizontal("joint", marks[0].at, marks.at(-1).at, height / 2));
  svg.append(...marks.map((mark) => drawn(mark, ROW / 2 + (joined ? 0 : mark.series * ROW))));
  row.append(made("b", "", plain(name)), svg, made("span", "", plain(sentence)));
  return row;
}

function drawn({ series, at, low, high, rounds, moved }, y) {
  const group = element("g", { class: `s${series}` });
  if (low !== null && high !== null) {
    group.append(horizontal("interval", low, high, y), ...[low, high].map((end) => vertical("interval", end, y - 6, y + 6)));
  }
  group.append(point(at, y, series));
  for (const [kind, places] of [["round", rounds], ["moved", moved]]) {
    group.append(...places.map((place) => element("circle", { class: kind, cx: x(place), cy: y + 8, r: 2.5 })));
  }
  return group;
}

/** A shape around a place: an inner svg, because a path knows no shares. */
function point(at, y, series) {
  const place = element("svg", { class: "point", x: x(at), y, overflow: "visible" });
  place.append(element(...SHAPES[series % SHAPES.length]));
  return place;
}

function horizontal(kind, from, to, y) {
  return element("line", { class: kind, x1: x(from), x2: x(to), y1: y, y2: y });
}

function vertical(kind, at, top, bottom) {
  return element("line", { class: kind, x1: x(at), x2: x(at), y1: top, y2: bottom });
}

function x(share) {
  return `${(share * 100).toFixed(2)}%`;
}

function element(name, attributes, text = "") {
  const drawn = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
  if (text) drawn.textContent = text;
  return drawn;
}
