// The crowd picture: a lane for each thread of a process, a bar for each request. Grey: it waited; coloured: it ran.
import { made, number } from "/public/text.js";

const SVG = "http://www.w3.org/2000/svg";
const LANE = 25, NAME = 180, ABOVE = 4, BELOW = 30, BESIDE = 40, TICK = 110;

/** A figure of one crowd, with a sentence that says the same. `longest`: ms of the time axis; two crowds share it. */
export function picture(crowd, longest = crowd.total_ms) {
  const figure = made("figure", "crowd");
  const { lanes } = crowd;
  const processes = new Set(lanes.map((lane) => lane.pid)).size;
  const sentence = `${crowd.exhibit} behind ${crowd.front}: ${crowd.requests} requests of ${crowd.hold_ms} ms took `
    + `${number(Math.round(crowd.total_ms))} ms, ${crowd.parallel} at a time, in ${processes} ${processes === 1 ? "process" : "processes"} `
    + `and ${lanes.length} ${lanes.length === 1 ? "thread" : "threads"}.`;
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
    svg.append(element("text", { x: 0, y: y + 17, class: "lane" }, lane.pid === lane.thread ? `${lane.pid}` : `${lane.pid} / ${lane.thread}`));
    for (const bar of lane.bars) {
      svg.append(element("rect", { x: x(bar.sent), y: y + 8, width: Math.max(0, x(bar.began) - x(bar.sent)), height: 8, class: "waited" }));
    }
    for (const bar of lane.bars) {
      const rect = element("rect", { x: x(bar.began), y: y + 2, width: Math.max(2, x(bar.ended) - x(bar.began)), height: 19, rx: 3, class: "ran" });
      rect.append(element("title", {}, `request ${bar.number}: waited ${Math.round(bar.began - bar.sent)} ms, ran ${Math.round(bar.ended - bar.began)} ms`));
      svg.append(rect);
    }
  });
  figure.append(svg, legend());
  if (crowd.failed.length) figure.append(made("p", "bad", `${crowd.failed.length} got no answer: ${crowd.failed[0].error}`));
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

function legend() {
  const line = made("div", "legend quiet");
  line.append("process / thread", made("span", "w"), "waits", made("span", "r"), "runs");
  return line;
}
