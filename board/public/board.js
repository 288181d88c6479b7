// The page of the sticker board. It keeps nothing of its own: what it shows is what the server said last.
//
// One WebSocket: the server sends `welcome`, the whole `board`, then every change; we send ours, and show them when they
// come back. Only a move is shown at once, because a sticker must follow the hand; what comes back puts it right.
// A text is written by strangers: it goes into the page by textContent, so it is never read as HTML.
//
// What trips people up: a browser shows its pages neither pings nor the answer to a refused handshake. So silence is
// measured here (the server says something at least every 20 s), and after a refusal the reason is asked for over HTTP.

const SILENCE_MS = 45_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];      // and so on with the last; each ± 25 %, so that not all come at once
const SEND_MS = 100;                                 // between two moves of one sticker while it is dragged
const LIVE = new URL("../live", import.meta.url);
LIVE.protocol = LIVE.protocol.replace("http", "ws");

const $ = (id) => document.getElementById(id);
const board = $("board");
const stickers = new Map();                          // id -> the server's words, `element`; x and y as shown, `home` as said
let socket = null;
let me = 0;                                          // our number, to know our own changes among all
let waiting = [];                                    // our changes that are not answered yet, oldest first
let known = false;                                   // has the server told us the board?
let failures = 0;
let retry, silence;

// --- The connection -----------------------------------------------------------------------------------------------------

function connect() {
  clearTimeout(retry);
  state("trying", "connecting …");
  const mine = socket = new WebSocket(LIVE);
  mine.onmessage = (message) => {
    clearTimeout(silence);
    silence = setTimeout(() => { mine.close(); lost(mine, "nothing was heard for 45 s"); }, SILENCE_MS);
    hear(JSON.parse(message.data));
  };
  mine.onclose = async ({ code, reason }) => {
    lost(mine, reason || `code ${code}`);
    const why = code === 1006 ? await whyNot() : "";
    if (why && !socket) state("off", `no connection: ${why}`);
  };
}

function lost(which, why) {
  if (which !== socket) return;                      // an old one that took its time to close
  socket = null;
  clearTimeout(silence);
  giveBack();
  const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2);
  state("off", `no connection (${why}); trying again in ${Math.ceil(wait / 1000)} s`);
  retry = setTimeout(connect, wait);
}

/** Ask why the connection failed: a page may not read the refusal of a WebSocket, but it may read this answer. */
async function whyNot() {
  try {
    const answer = await fetch(new URL("../board", import.meta.url));
    const text = (await answer.text()).trim();
    if (answer.ok) return "the server answers, but takes no more connections";
    return text.startsWith("{") ? JSON.parse(text).why : text;
  } catch {
    return "the server is not there";
  }
}

function state(name, text) {
  $("state").dataset.state = name;
  $("state-text").textContent = text;
  $("now").hidden = name !== "off";
  $("add").disabled = name !== "on";
  document.body.classList.toggle("off", name !== "on");
}

/** Send a change; `kept` is the text to give back if it is refused. False: not connected. */
function send(change, kept = "") {
  if (socket?.readyState !== WebSocket.OPEN) {
    say("Not connected: nothing was changed.", "bad");
    return false;
  }
  waiting.push({ ...change, kept, at: performance.now() });
  socket.send(JSON.stringify(change));
  return true;
}

/** A text that did not arrive goes back into the form, if that is still empty. */
function giveBack(changes = waiting) {
  waiting = waiting.filter((one) => !changes.includes(one));
  const text = changes.find((one) => one.kept)?.kept;
  if (text && !$("text").value) $("text").value = text;
}

// --- What the server says -----------------------------------------------------------------------------------------------

const heard = {
  welcome({ you, front, visitors }) {
    me = you;
    failures = 0;
    waiting = [];
    state("on", `connected through ${front ?? "no front"}`);
    heard.visitors({ visitors });
  },
  visitors({ visitors }) {
    $("visitors").textContent = visitors === 1 ? "1 visitor" : `${visitors} visitors`;
  },
  board(all) {
    const before = known ? stickers.size : -1;
    known = true;
    for (const id of [...stickers.keys()]) if (!all.stickers.some((one) => one.id === id)) drop(id);
    for (const one of all.stickers) put(one);
    if (stickers.size !== before) say(`${stickers.size} on the board.`);
  },
  add({ sticker, by }) {
    put(sticker).classList.add("fresh");
    say(`${who(by)} added: ${sticker.text}`);
  },
  edit({ sticker, by }) {
    put(sticker);
    say(`${who(by)} edited: ${sticker.text}`);
  },
  move({ sticker, by }) {
    const further = by === me && waiting.some((one) => one.do === "move" && one.id === sticker.id);
    const { x, y } = stickers.get(sticker.id) ?? sticker;
    put(sticker);
    if (further) show(sticker.id, x, y);             // another step is on its way
  },
  remove({ sticker, by }) {
    drop(sticker.id);
    say(`${who(by)} removed: ${sticker.text}`);
  },
  refused({ why }) {
    const change = waiting[0];
    if (change) giveBack([change]);
    if (change?.do === "move" && stickers.has(change.id) && !inHand(change.id)) show(change.id, ...stickers.get(change.id).home);
    say(`Refused: ${why}`, "bad");
  },
};

function hear(event) {
  const mine = event.by === me && waiting.shift();   // answers come in the order of the questions
  heard[event.event]?.(event);
  if (mine) requestAnimationFrame(() => took(performance.now() - mine.at));
  $("empty").hidden = !known || stickers.size > 0;
}

const who = (by) => (by === me ? "You" : "A visitor");

/** One clock, this browser's: from the key or the mouse over front, program and file back to this screen. */
function took(ms) {
  $("took").textContent = `Your change was back on this screen in ${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

function say(text, kind = "") {
  $("said").textContent = text;
  $("said").className = kind;
}

// --- Stickers -----------------------------------------------------------------------------------------------------------

/** Show a sticker as the server described it, but where we hold it; returns its element. */
function put(sticker) {
  const before = stickers.get(sticker.id);
  const { x, y } = before && inHand(sticker.id) ? before : sticker;
  const element = before?.element ?? make(sticker.id);
  stickers.set(sticker.id, { ...sticker, element, home: [sticker.x, sticker.y] });
  element.dataset.colour = sticker.colour;
  element.dataset.length = sticker.text.length > 110 ? "long" : sticker.text.length > 45 ? "middle" : "short";
  element.firstChild.textContent = sticker.text;
  element.setAttribute("aria-label", `${sticker.colour} sticker: ${sticker.text}`);
  element.style.zIndex = sticker.version;            // the sticker that changed last lies on top, for all visitors
  show(sticker.id, x, y);
  return element;
}

/** Show a sticker at a place, 0 … 1; `home` stays where the server has it. */
function show(id, x, y) {
  const sticker = stickers.get(id);
  Object.assign(sticker, { x, y });
  sticker.element.style.setProperty("--x", x);
  sticker.element.style.setProperty("--y", y);
}

function make(id) {
  const element = document.createElement("li");
  element.className = "sticker";
  element.tabIndex = 0;
  element.dataset.id = id;
  const tools = document.createElement("div");
  tools.className = "tools";
  for (const [name, sign, label] of [["edit", "✎", "Edit"], ["remove", "✕", "Remove"]]) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: name, textContent: sign, title: label });
    button.setAttribute("aria-label", label);
    tools.append(button);
  }
  element.append(document.createElement("p"), tools);
  board.append(element);
  return element;
}

function drop(id) {
  const element = stickers.get(id)?.element;
  stickers.delete(id);
  if (!element) return;
  if (element.contains(document.activeElement)) (element.nextElementSibling ?? element.previousElementSibling ?? $("text")).focus();
  element.remove();
}

/** The sticker that an event is about, or undefined. */
const of = (event) => stickers.get(Number(event.target.closest?.(".sticker")?.dataset.id));
const within = (n) => Math.round(Math.min(1, Math.max(0, n)) * 1e4) / 1e4;

// --- Moving it ----------------------------------------------------------------------------------------------------------

const moving = new Map();                            // id -> timer: at most one message each SEND_MS, the last one always

function move(sticker, x, y) {
  show(sticker.id, within(x), within(y));
  if (moving.has(sticker.id)) return;
  const go = () => {
    moving.delete(sticker.id);
    const now = stickers.get(sticker.id);
    if (now) send({ do: "move", id: now.id, x: now.x, y: now.y });
  };
  moving.set(sticker.id, setTimeout(go, SEND_MS));
}

let drag = null;
const inHand = (id) => drag?.id === id || moving.has(id);  // its place is ours, and not sent yet

board.addEventListener("pointerdown", (event) => {
  const sticker = of(event);
  if (!sticker || event.button !== 0 || event.target.closest("button")) return;
  drag = { id: sticker.id, fromX: event.clientX, fromY: event.clientY, x: sticker.x, y: sticker.y };
  sticker.element.setPointerCapture(event.pointerId);
});

board.addEventListener("pointermove", (event) => {
  const sticker = stickers.get(drag?.id);
  if (!sticker) return;
  const [right, down] = [event.clientX - drag.fromX, event.clientY - drag.fromY];
  if (!drag.begun && Math.hypot(right, down) < 5) return;      // a click trembles
  drag.begun = true;
  sticker.element.classList.add("held");
  sticker.element.style.zIndex = 2 ** 31 - 1;
  const { offsetWidth: width, offsetHeight: height } = sticker.element;
  move(sticker, drag.x + right / (board.clientWidth - width), drag.y + down / (board.clientHeight - height));
});

for (const name of ["pointerup", "pointercancel"]) {
  board.addEventListener(name, () => {
    stickers.get(drag?.id)?.element.classList.remove("held");
    drag = null;
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

board.addEventListener("keydown", (event) => {
  const sticker = of(event);
  if (!sticker || event.target !== sticker.element || event.ctrlKey || event.altKey || event.metaKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) {
    const step = event.shiftKey ? 0.1 : 0.02;
    move(sticker, sticker.x + arrow[0] * step, sticker.y + arrow[1] * step);
    say(`${Math.round(sticker.x * 100)} % from the left, ${Math.round(sticker.y * 100)} % from the top.`);
  } else if (event.key === "Enter") edit(sticker);
  else if (event.key === "Delete" || event.key === "Backspace") send({ do: "remove", id: sticker.id });
  else return;
  event.preventDefault();
});

// --- Writing, editing, removing -----------------------------------------------------------------------------------------

$("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text && send({ do: "add", text, colour: event.target.elements.colour.value }, text)) $("text").value = "";
});

for (const field of [$("text"), $("edit-text")]) {
  field.addEventListener("keydown", (event) => {     // Enter sends, Shift+Enter begins a new line
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit(field.form.querySelector("button"));
  });
}

board.addEventListener("click", (event) => {
  const sticker = of(event);
  if (sticker && event.target.closest(".edit")) edit(sticker);
  if (sticker && event.target.closest(".remove")) send({ do: "remove", id: sticker.id });
});
board.addEventListener("dblclick", (event) => {
  const sticker = of(event);
  if (sticker && !event.target.closest("button")) edit(sticker);
});

let edited = 0;

function edit({ id, text, colour }) {
  edited = id;
  $("edit-text").value = text;
  $("edit").querySelector("form").elements.colour.value = colour;
  $("edit").returnValue = "";
  $("edit").showModal();
}

$("edit").addEventListener("close", () => {
  const sticker = stickers.get(edited);
  const text = $("edit-text").value.trim();
  const colour = $("edit").querySelector("form").elements.colour.value;
  if ($("edit").returnValue !== "save" || !text) return;
  if (!sticker) say("Another visitor has removed that sticker.", "bad");
  else if (text !== sticker.text || colour !== sticker.colour) send({ do: "edit", id: edited, text, colour });
});

$("now").addEventListener("click", connect);
addEventListener("online", () => { if (!socket) connect(); });
connect();
