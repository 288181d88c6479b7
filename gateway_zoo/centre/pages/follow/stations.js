// The stations of a way: the row of boxes with times between them, and what an open station shows.
//
// All texts come from strangers: they are inserted as text. The byte view (detail.js) exists once in the page, and moves
// into the station that is open.
import { show as showBytes } from "/public/detail.js";
import { made, number, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const NAMES = ["browser → front", "the front decides", "front → gateway", "gateway → program", "the way back"];
const MARKS = { same: "=", differs: "≠", "only A": "A", "only B": "B" };
const CHANGES = { added: "+", removed: "−", changed: "≠", same: "=" };
/** Three digits: 0.46 ms, 12.3 ms, 685 ms, 1.20 s. */
function ms(value) {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1))));
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ms`;
}
const count = (size, noun) => `${number(size)} ${noun}${size === 1 ? "" : "s"}`;
const place = (line) => `${line.file}:${line.number}`;

// --- The row of boxes -------------------------------------------------------------------------------------------------

/** The boxes of a way. `press(station)` opens one. */
export function boxes(way, letter, press) {
  const figure = made("figure", "way");
  const status = way.status === null ? "no status" : `status ${way.status}`;
  const total = way.total_ms === null ? "no whole answer" : ms(way.total_ms);
  const title = `${letter ? `${letter}: ` : ""}${way.exhibit} behind ${way.front}: ${way.method} ${plain(way.path, 80)}, ${status}, ${total}`;
  const caption = made("figcaption", way.status === null || way.status >= 500 ? "bad" : "", title);
  const row = made("ol", "stations");
  NAMES.forEach((name, station) => {
    if (station) row.append(arrow(way, station));
    row.append(box(way, name, station, press));
  });
  figure.append(caption, row);
  return figure;
}

function box(way, name, station, press) {
  const item = made("li");
  const button = item.appendChild(made("button", unknown(way, station) ? "unknown" : ""));
  button.type = "button";
  button.dataset.station = station;
  button.setAttribute("aria-controls", "opened");
  button.append(made("b", "", name), ...summary(way, station).map((text) => made("span", "", plain(text, 60))));
  for (const leg of way.legs.filter((one) => one.start === station && one.end === station)) {
    const time = made("span", "time", ms(leg.ms));
    time.title = leg.means;
    button.append(time);
  }
  button.addEventListener("click", () => press(station));
  return item;
}

function unknown(way, station) {
  return Boolean([way.browser.errors.length ? "x" : "", way.decision.why, way.wire.why, way.program.why, way.back.why][station]);
}

/** Short lines of a station. */
function summary(way, station) {
  const { browser, decision, wire, program, back } = way;
  const bytes = (talk, peer) => [`${number(talk.request.size)} bytes to the ${peer},`, `${number(talk.response.size)} from the ${peer}`];
  if (station === 0) return [`HTTP, status ${browser.status ?? "none"}`, ...bytes(browser, "front")];
  if (station === 1) return [decision.why ? "unknown" : count(decision.lines.length, "line")];
  if (station === 2) return wire.talk ? [`${wire.talk.protocol}, ${count(wire.variables.length, "name")}`, ...bytes(wire.talk, "gateway")] : ["nothing to see"];
  if (station === 3) return program.report ? [`process ${program.report.pid}`, `thread ${program.report.thread}`] : ["no report"];
  const of = (is) => back.changes.filter((one) => one.is === is).length;
  return back.why ? ["unknown"] : [`${of("added")} added, ${of("removed")} removed,`, `${of("changed")} changed`];
}

/** The arrow before a station, with the time that ends there. */
function arrow(way, station) {
  const item = made("li", "arrow");
  const leg = way.legs.find((one) => one.end === station && one.start < station);
  item.append(made("span", "head", "→"));
  if (leg) {
    item.append(made("span", "time", ms(leg.ms)));
    item.title = leg.means;
  }
  return item;
}

// --- An open station --------------------------------------------------------------------------------------------------

/** Show a station. `view`: "0" or "1", one of the ways; "beside": both. `go(station)` opens another. */
export function draw(root, followed, station, view, go) {
  const parts = [made("h2", "", NAMES[station])];
  $("byteview").hidden = true;
  document.body.append($("byteview")); // out of what is replaced
  if (view === "beside") {
    parts.push(compared(followed.beside[station], followed.ways), compared(followed.beside.at(-1), followed.ways));
    root.replaceChildren(...parts);
    return;
  }
  const way = followed.ways[Number(view)];
  parts.push(...[browser, decision, wire, program, back][station](way, go));
  parts.push(...times(way, station));
  root.replaceChildren(...parts);
  const talk = [way.browser, null, way.wire.talk][station];
  if (talk) bytes(root, talk, station ? "gateway" : "front", `${way.request_id} ${station}`);
}

function bytes(root, talk, peer, name) {
  root.append($("byteview"));
  $("byteview").hidden = false;
  const turn = (side) => {
    $("there").setAttribute("aria-pressed", side === "request");
    $("back").setAttribute("aria-pressed", side === "response");
    showBytes(talk[side], `${name} ${side}`);
  };
  $("there").onclick = () => turn("request");
  $("back").onclick = () => turn("response");
  $("there").textContent = `To the ${peer}: ${count(talk.request.size, "byte")}`;
  $("back").textContent = `From the ${peer}: ${count(talk.response.size, "byte")}`;
  turn("request");
}

const why = (text) => made("p", "warn", `Unknown: ${plain(text, 400)}.`);
const sentence = (text) => made("p", "", plain(text, 400));
const problems = (talk) => [...talk.errors.map((text) => made("p", "bad", plain(text))), ...talk.warnings.map((text) => made("p", "warn", plain(text)))];

function browser(way) {
  const { browser: talk } = way;
  return [sentence(`HTTP: ${count(talk.request.size, "byte")} to the front, ${number(talk.response.size)} from the front.`), ...problems(talk)];
}

function decision(way) {
  if (way.decision.why) return [why(way.decision.why)];
  const rows = way.decision.lines.map((line) => ({ cells: [where(line), code(line.text), plain(line.comment)], id: anchor(line) }));
  return [sentence("The lines of configuration that applied, in the order in which they applied:"), table(["line", "directive", "comment"], rows)];
}

const anchor = (line) => `line ${place(line)}`;
const where = (line) => made("span", "place", plain(place(line), 80));

function wire(way, go) {
  const { talk, variables, silent } = way.wire;
  if (!talk) return [why(way.wire.why)];
  const rows = variables.map((one) => ({ cells: [made("b", "", plain(one.name, 80)), code(one.value || "(empty)"), origin(one.origin, go)] }));
  const parts = [sentence(`${talk.protocol}: ${count(talk.request.size, "byte")} to the gateway, ${number(talk.response.size)} from the gateway.`), ...problems(talk)];
  if (way.wire.lines_why) parts.push(why(way.wire.lines_why));
  parts.push(table(["name", "value", "made by"], rows));
  if (silent.length) {
    const more = made("details");
    more.append(made("summary", "", `${count(silent.length, "line")} sent nothing`));
    more.append(table(["line", "directive", "comment"], silent.map((line) => ({ cells: [where(line), code(line.text), plain(line.comment)] }))));
    parts.push(more);
  }
  return parts;
}

/** Where a variable comes from: the line, quoted, and a way to it among all lines. */
function origin(one, go) {
  const box = made("span");
  if (!one) return box;
  if (one.kind === "client") box.append(`the client's header ${plain(one.header, 80)}`);
  else if (one.kind === "server") box.append(plain(one.why, 200));
  for (const line of [one.line, ...one.shaped_by].filter(Boolean)) {
    const link = made("button", "link place", plain(place(line), 80));
    link.type = "button";
    link.title = plain(line.text, 200);
    link.addEventListener("click", () => {
      go(1);
      const row = document.getElementById(anchor(line)) ?? document.getElementById("opened");
      row.classList.add("lit");
      row.tabIndex = -1;
      row.focus();
      row.scrollIntoView({ block: "center" });
    });
    box.append(link, " ");
  }
  return box;
}

function program(way) {
  const { report, source, family } = way.program;
  const parts = report ? [sentence(`Process ${report.pid}, thread ${report.thread} answered with status ${report.status}.`)] : [why(way.program.why)];
  if (family) {
    const list = made("ul", "family");
    for (const row of family) {
      const item = made("li", row.pid === report?.pid ? "it" : "");
      item.append(made("b", "", `${plain(row.role, 30)} ${row.pid}`), made("div", "", `${count(row.threads, "thread")}${row.pid === report?.pid ? ": it took the request" : ""}`));
      list.append(item);
    }
    if (report && !family.some((row) => row.pid === report.pid)) {
      const item = made("li", "it");
      item.append(made("b", "", `process ${report.pid}`), made("div", "", "born for this request, or ended since"));
      list.append(item);
    }
    parts.push(list);
  } else parts.push(why(way.program.family_why));
  if (source) {
    parts.push(made("h3", "", `${source.file}, from line ${source.first}`));
    const shown = made("pre", "source", source.lines.join("\n"));
    shown.tabIndex = 0;
    parts.push(shown);
  } else if (way.program.source_why !== way.program.why) parts.push(why(way.program.source_why));
  if (report) {
    const given = Object.entries(report.given);
    parts.push(made("h3", "", `${report.kind}: ${count(given.length, "entry").replace("entrys", "entries")}`));
    parts.push(table(["name", "value"], given.map(([name, value]) => ({ cells: [made("b", "", plain(name, 80)), code(value || "(empty)")] }))));
  }
  return parts;
}

function back(way, go) {
  const parts = way.back.why ? [why(way.back.why)] : [];
  if (way.back.body) parts.push(sentence(`${way.back.body[0].toUpperCase()}${way.back.body.slice(1)}.`));
  const rows = way.back.changes.map((one) => ({
    kind: one.is,
    cells: [`${CHANGES[one.is]} ${one.is}`, made("b", "", plain(one.header, 80)), code(one.gateway ?? "–"), code(one.client ?? "–"),
      one.is === "same" ? "" : origin(one.line ? { kind: "line", line: one.line, shaped_by: [] } : { kind: "server", why: one.why, shaped_by: [] }, go)],
  }));
  if (rows.length) parts.push(table(["change", "header", "the gateway's", "the client's", "made by"], rows));
  return parts;
}

/** The times of a station, and what is not known. */
function times(way, station) {
  const of = way.moments.filter((moment) => moment.station === station);
  const legs = way.legs.filter((leg) => leg.end === station).map((leg) => `${ms(leg.ms)} ${leg.means}`);
  const missing = of.filter((moment) => moment.ms === null).map((moment) => `no clock saw this: ${moment.means} (${moment.why})`);
  return [...legs, ...missing].map((text) => made("p", "quiet", plain(text, 400)));
}

/** The facts of a station in both ways. */
function compared({ name, rows }, ways) {
  const head = ["is", name === "times" ? "time" : "fact", ...ways.map((way, index) => `${"AB"[index]}: ${way.exhibit} behind ${way.front}`)];
  const value = (fact) => {
    const box = made("span");
    if (!fact) return "–";
    box.append(code(fact.value || "(empty)"));
    if (fact.origin) box.append(made("span", "by", plain(fact.origin, 120)));
    return box;
  };
  return table(head, rows.map((row) => ({ kind: row.is.replace(" ", "-"), cells: [MARKS[row.is], made("b", "", plain(row.name, 80)), value(row.a), value(row.b)] })));
}

const code = (text) => made("code", "", plain(text));

function table(head, rows) {
  const wide = made("div", "wide");
  const one = wide.appendChild(made("table"));
  const top = one.createTHead().insertRow();
  top.append(...head.map((text) => Object.assign(made("th", "", plain(text, 80)), { scope: "col" })));
  const body = one.createTBody();
  for (const { cells, id, kind } of rows) {
    const row = body.insertRow();
    if (id) row.id = id;
    if (kind) row.className = kind;
    for (const cell of cells) row.insertCell().append(cell);
  }
  return wide;
}
