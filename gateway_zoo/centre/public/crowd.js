// The crowd picture: a lane for each thread of a process, a bar for each request. Grey: it waited; coloured: it ran; red:
// it got no answer. And the bar of where the time goes.
import { table } from "/public/table.js";
import { made, number, plain } from "/public/text.js";

const SVG = "http://www.w3.org/2000/svg";
const LANE = 25, NAME = 180, ABOVE = 4, BELOW = 30, BESIDE = 40, TICK = 110;

/** A figure of one crowd, with a sentence that says the same. `longest`: ms of the time axis; two crowds share it. */
export function picture(crowd, longest = crowd.total_ms) {
  const figure = drawn(crowd, longest, sentenceOf(crowd));
  if (crowd.failed.length) figure.append(made("p", "bad", plain(`${crowd.failed.length} got no answer: ${crowd.failed[0].error}`)));
  return figure;
}

/** A figure of a worker's death amid a crowd. */
export function deathPicture(death) {
  const marks = [["died", death.died], ["whole", death.whole]].filter(([, ms]) => ms !== null);
  return drawn(death.crowd, death.crowd.total_ms, death.sentences.join(" "), marks);
}

/** Where the time of a crowd went, as far as it was answered. */
export function partsOf(crowd) {
  return crowd.parts.length ? [parts(crowd.parts, `A request to ${crowd.exhibit} behind ${crowd.front}, in this crowd`)] : [];
}

/** Where the time goes: a bar of the medians, and the table that says the same. */
export function parts(parts, title) {
  const box = made("div", "parts");
  const sum = parts.reduce((sum, part) => sum + part.ms, 0) || 1;
  const bar = element("svg", { viewBox: "0 0 1000 30", preserveAspectRatio: "none", role: "img", "aria-label": title });
  let x = 0;
  parts.forEach((part, index) => {
    bar.append(element("rect", { x, y: 0, width: (part.ms / sum) * 1000, height: 30, class: `part${index}` }));
    x += (part.ms / sum) * 1000;
  });
  const wide = Object.assign(made("div", "wide"), { tabIndex: 0 });
  const rows = parts.map((part) => [part.name, ...[part.ms, part.least, part.most].map(ms), part.how]);
  wide.append(table(made("table"), ["part", "ms", "least", "most", "measured"], rows));
  wide.querySelectorAll("tr + tr > th").forEach((cell, index) => cell.prepend(made("span", `swatch part${index}`)));
  box.append(made("p", "title", title), bar, wide);
  return box;
}

function ms(value) {
  return value < 10 ? value.toFixed(1) : number(Math.round(value));
}

function sentenceOf(crowd) {
  const { lanes } = crowd;
  const processes = new Set(lanes.map((lane) => lane.pid)).size;
  return `${crowd.exhibit} behind ${crowd.front}: ${crowd.requests} requests of ${crowd.hold_ms} ms took `
    + `${number(Math.round(crowd.total_ms))} ms, ${crowd.parallel} at a time, in ${processes} ${processes === 1 ? "process" : "processes"} `
    + `and ${lanes.length} ${lanes.length === 1 ? "thread" : "threads"}.`;
}

function drawn(crowd, longest, sentence, marks = []) {
  const figure = made("figure", "crowd");
  const lanes = crowd.failed.length ? [...crowd.lanes, { name: "no answer", bars: crowd.failed }] : crowd.lanes;
  figure.append(made("figcaption", "", sentence));
  // A request waits in the lane where it then runs. A lane with several is as high as its bars side by side in time.
  const width = document.querySelector("main").clientWidth - BESIDE; // one unit is one pixel: no text gets smaller
  const height = ABOVE + lanes.length * LANE + BELOW;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": sentence });
  const x = (ms) => NAME + (ms / Math.max(longest, 1)) * (width - NAME - BESIDE);
  const step = nice((longest * TICK) / (width - NAME));
  for (let ms = 0; ms <= longest; ms += step) {
    svg.append(element("line", { x1: x(ms), x2: x(ms), y1: 0, y2: height - BELOW, class: "axis" }));
    svg.append(element("text", { x: x(ms), y: height - 8, class: "tick", "text-anchor": ms ? "middle" : "start" }, `${ms} ms`));
  }
  lanes.forEach((lane, index) => {
    const y = ABOVE + index * LANE;
    const name = lane.name ?? (lane.pid === lane.thread ? `${lane.pid}` : `${lane.pid} / ${lane.thread}`);
    svg.append(element("text", { x: 0, y: y + 17, class: "lane" }, name));
    for (const bar of lane.bars.filter((bar) => bar.error)) {
      const rect = element("rect", { x: x(bar.sent), y: y + 5, width: Math.max(3, x(bar.answered) - x(bar.sent)), height: 13, class: "failed" });
      rect.append(element("title", {}, plain(`request ${bar.number}: ${bar.error}`)));
      svg.append(rect);
    }
    const bars = lane.bars.filter((bar) => !bar.error);
    for (const bar of bars) {
      svg.append(element("rect", { x: x(bar.sent), y: y + 8, width: Math.max(0, x(bar.began) - x(bar.sent)), height: 8, class: "waited" }));
    }
    for (const bar of bars) {
      const rect = element("rect", { x: x(bar.began), y: y + 2, width: Math.max(2, x(bar.ended) - x(bar.began)), height: 19, rx: 3, class: "ran" });
      rect.append(element("title", {}, `request ${bar.number}: waited ${Math.round(bar.began - bar.sent)} ms, ran ${Math.round(bar.ended - bar.began)} ms`));
      svg.append(rect);
    }
  });
  for (const [kind, ms] of marks) {
    svg.append(element("line", { x1: x(ms), x2: x(ms), y1: 0, y2: height - BELOW, class: `mark ${kind}` }));
  }
  figure.append(svg, legend(crowd.failed.length, marks));
  return figure;
}

function element(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** A round number of ms near this one. */
function nice(ms) {
  const power = 10 ** Math.floor(Math.log10(Math.max(ms, 1)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= ms) ?? power;
}

function legend(failed, marks) {
  const line = made("div", "legend quiet");
  line.append("process / thread", made("span", "w"), "waits", made("span", "r"), "runs");
  if (failed) line.append(made("span", "f"), "no answer");
  const words = { died: "SIGKILL", whole: "the family is whole again" };
  for (const [kind] of marks) line.append(made("span", `m ${kind}`), words[kind]);
  return line;
}
