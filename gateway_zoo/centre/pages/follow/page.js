// Follow one request. Here: the form, and which station is open. The stations are in stations.js.
//
// The address has the choice, so that it can be bookmarked. A bookmark sends nothing: only a person presses Send.
import { act, ask, keep } from "/public/centre.js";
import { made, plain } from "/public/text.js";
import { boxes, draw } from "/pages/follow/stations.js";

const $ = (id) => document.getElementById(id);
const WORDS = ["exhibit", "front", "endpoint", "method", "beside", "beside_front"];
const DECIDES = 1, WIRE = 2; // stations
let choices;
let followed; // {ways, beside}
let station, view = "beside"; // station: none until a person has opened one

// --- The choice -------------------------------------------------------------------------------------------------------

function fill() {
  const wanted = new URLSearchParams(location.search);
  const groups = new Map();
  for (const one of choices.exhibits) {
    if (!Object.values(one.fronts).some((why) => !why)) continue;
    for (const id of ["exhibit", "beside"]) {
      const key = `${id} ${one.protocol}`;
      if (!groups.has(key)) {
        const group = document.createElement("optgroup");
        group.label = one.protocol === "none" ? "inside Apache" : one.protocol;
        groups.set(key, $(id).appendChild(group));
      }
      groups.get(key).append(new Option(one.id, one.id));
    }
  }
  $("method").append(...choices.methods.map((name) => new Option(name, name)));
  if (has("exhibit", "fastcgi")) $("exhibit").value = "fastcgi"; // a good first one
  for (const word of WORDS) {
    if (word.endsWith("front")) fronts(word, wanted.get(word));
    else if (wanted.has(word) && (word === "endpoint" || has(word, wanted.get(word)))) $(word).value = wanted.get(word);
  }
  const missing = ["exhibit", "beside"].filter((word) => wanted.get(word) && !has(word, wanted.get(word)));
  if (missing.length) told(`${missing.map((word) => plain(wanted.get(word), 60)).join(" and ")}: closed, or no exhibit of this zoo`);
  endpoints();
  $("send").disabled = !$("exhibit").value;
}

const has = (id, value) => [...$(id).options].some((option) => option.value === value);
const chosen = (id) => choices.exhibits.find((one) => one.id === $(id).value);

/** The fronts of an exhibit; a closed one can be seen, but not chosen. */
function fronts(select, wanted = $(select).value) {
  const exhibit = chosen(select === "front" ? "exhibit" : "beside");
  const all = Object.entries(exhibit?.fronts ?? {}).map(([front, why]) => {
    const option = new Option(why ? `${front} (closed)` : front, front);
    option.disabled = Boolean(why);
    option.title = why ? plain(why, 200) : "";
    return option;
  });
  $(select).replaceChildren(...all);
  $(select).parentElement.hidden = !all.length;
  const first = all.find((option) => option.value === wanted && !option.disabled) ?? all.find((option) => !option.disabled);
  if (first) first.selected = true;
}

function endpoints() {
  $("endpoints").replaceChildren(...(chosen("exhibit")?.endpoints ?? []).map((path) => new Option(path, path)));
}

/** What the form says, as the address says it. */
function address() {
  const given = WORDS.map((word) => [word, $(word).value]).filter(([, value]) => value);
  history.replaceState(null, "", `?${new URLSearchParams(given)}`);
}

$("exhibit").addEventListener("change", () => { fronts("front"); endpoints(); });
$("beside").addEventListener("change", () => {
  const same = $("beside").value === $("exhibit").value; // then rather the other front
  fronts("beside_front", same ? [...$("front").options].find((one) => !one.disabled && !one.selected)?.value : $("front").value);
});
$("press").addEventListener("change", address);

/** The headers of the form as pairs. A line without a colon is told by the server. */
function headers() {
  const lines = $("headers").value.split("\n").filter((line) => line.trim());
  return lines.map((line) => {
    const at = line.indexOf(":");
    return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1).trim()];
  });
}

function told(text, bad = false) {
  $("told").textContent = text;
  $("told").className = bad ? "bad" : "quiet";
}

$("press").addEventListener("submit", async (event) => {
  event.preventDefault();
  address();
  $("send").disabled = true;
  told("under way …");
  const cells = [[$("exhibit").value, $("front").value]];
  if ($("beside").value) cells.push([$("beside").value, $("beside_front").value]);
  try {
    followed = await act("/api/follow/send", {
      cells, endpoint: $("endpoint").value, method: $("method").value, headers: headers(), body: $("body").value,
    });
    told("");
    show();
  } catch (error) {
    if (error.status === undefined) throw error; // a fault of the page
    told(error.status ? plain(error.message, 400) : "The visitor centre does not answer.", true);
  } finally {
    $("send").disabled = false;
  }
});

// --- The stations -----------------------------------------------------------------------------------------------------

function show() {
  $("hint").hidden = true;
  const { ways } = followed;
  if (ways.length < 2) view = "0";
  else if (!["0", "1", "beside"].includes(view) || view === "0") view = "beside";
  $("ways").replaceChildren(...ways.map((way, index) => boxes(way, ways.length > 1 ? "AB"[index] : "", (number) => {
    station = number;
    open();
  })));
  $("choice").hidden = ways.length < 2;
  $("choice").replaceChildren(...(ways.length < 2 ? [] : [["beside", "Side by side"], ["0", `A: ${name(ways[0])}`], ["1", `B: ${name(ways[1])}`]])
    .map(([value, text]) => {
      const button = made("button", "", text);
      button.type = "button";
      button.dataset.view = value;
      button.addEventListener("click", () => { view = value; open(); });
      return button;
    }));
  open();
}

const name = (way) => `${plain(way.exhibit, 40)} behind ${plain(way.front, 40)}`;

/** At first the wire is open, or the lines of configuration where no wire is seen. */
const current = () => station ?? (followed.ways.every((way) => way.wire.talk) ? WIRE : DECIDES);

function open() {
  for (const button of $("choice").children) button.setAttribute("aria-pressed", button.dataset.view === view);
  for (const button of $("ways").querySelectorAll("button")) {
    button.setAttribute("aria-expanded", Number(button.dataset.station) === current());
  }
  $("opened").hidden = false;
  draw($("opened"), followed, current(), view, (number) => { station = number; open(); });
}

keep(10000, async () => {
  const next = await ask(`/api/follow${location.search}`);
  const first = !choices;
  choices = next;
  if (first) fill();
});
