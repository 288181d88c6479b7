// An exhibit. Its main act is the crowd picture.
import { act, ask, keep } from "/public/centre.js";
import { deathPicture, parts, partsOf, picture } from "/public/crowd.js";
import { file, label } from "/public/files.js";
import { crowdForm, submits } from "/public/press.js";
import { made, number, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const id = decodeURIComponent(location.pathname.split("/").pop());
const address = `/api/exhibit/${encodeURIComponent(id)}`;
const KEPT = 4; // pictures
let exhibit, place, cpu = new Map();

function first() {
  document.title = `${exhibit.id} · Gateway Zoo`;
  $("name").textContent = exhibit.id;
  $("about").textContent = `${exhibit.about} (${exhibit.year})`;
  $("facts").textContent = Object.entries(exhibit.axes).map(([axis, value]) => `${axis}: ${value}`).join(" · ");
  const open = Object.entries(exhibit.fronts).filter(([, why]) => !why).map(([front]) => front);
  $("front").append(...open.map((front) => new Option(front, front)));
  const wanted = new URLSearchParams(location.search).get("front");
  if (open.includes(wanted)) $("front").value = wanted;
  for (const [front, why] of Object.entries(exhibit.fronts)) {
    if (why) $("press").after(made("p", "quiet", `closed behind ${front}: ${plain(why)}`));
  }
  $("send").disabled = !open.length;
  $("inside").hidden = !exhibit.inside || !open.length;
  $("label").querySelector(".text").append(...label(exhibit.label));
  for (const part of ["configuration", "source"]) $(part).append(...exhibit[part].map(file));
  if (exhibit.kill) $("family").after(killLine(exhibit.kill));
}

/** In containers a worker is stopped from outside: the line to copy. */
function killLine(line) {
  const box = made("p", "quiet", "To see it die and stay down: press Send, then ");
  const copy = made("button", "second", "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(line);
    copy.textContent = "Copied";
  });
  box.append(made("code", "", line), " ", copy);
  return box;
}

function family({ rows, why, name, born }) {
  const focused = document.activeElement?.dataset?.place;
  const list = made("ul", "family");
  for (const row of rows ?? []) {
    const item = made("li", cpu.has(row.pid) && row.cpu_s > cpu.get(row.pid) ? "busy" : "");
    item.append(made("b", "", plain(`${row.role} ${row.pid}`)), squares(row.threads));
    const memory = row.pss === null ? "memory unknown" : `${number(Math.round(row.pss / 1024))} kB`;
    item.append(made("div", "", `${row.threads} ${row.threads === 1 ? "thread" : "threads"}, ${memory}, ${row.cpu_s} s of CPU`));
    if (row.exhibit === name && row.place) item.append(stopButton(row.place, row.role, `${row.role} ${row.pid}`));
    list.append(item);
  }
  if (born) {
    const item = made("li", "quiet");
    item.append(made("div", "", "a process that is born for a request"), stopButton(born, "process", "the first process that is born"));
    list.append(item);
  } else if (rows && !rows.length) list.append(made("li", "quiet", "no process of its own now: it lives inside the front"));
  cpu = new Map((rows ?? []).map((row) => [row.pid, row.cpu_s]));
  const parts = [rows && list, why && made("p", "quiet", plain(why))];
  $("family").replaceChildren(...parts.filter(Boolean));
  if (focused) $("family").querySelector(`[data-place="${Number(focused)}"]`)?.focus();
}

/** A small square for each thread; the text beside it says the number. */
function squares(threads) {
  const box = made("div", "threads");
  box.ariaHidden = "true";
  for (let each = 0; each < Math.min(threads, 32); each += 1) box.append(made("span"));
  return box;
}

function stopButton(at, role, words) {
  const button = made("button", "second", plain(`Stop this ${role}`));
  button.dataset.place = at;
  button.addEventListener("click", () => {
    place = at;
    $("what").textContent = plain(`Send SIGKILL to ${words} of ${exhibit.family.name}, while ${$("requests").value} requests are under way?`);
    $("stop").querySelector("[role=status]").textContent = "";
    $("question").showModal();
  });
  return button;
}

function show(...figures) {
  $("pictures").prepend(...figures);
  while ($("pictures").children.length > KEPT) $("pictures").lastChild.remove();
}

const given = crowdForm($("press"), [id], (crowds) => {
  show(...crowds.map((crowd) => picture(crowd)));
  $("parts").replaceChildren(...crowds.flatMap(partsOf));
});
submits($("stop"), async () => {
  const death = await act("/api/exhibit/stop-worker", { ...given(), place });
  $("question").close();
  show(deathPicture(death));
  $("pictures").scrollIntoView({ block: "center" });
});
submits($("inside"), async () => {
  const inside = await act("/api/exhibit/inside", { cells: given().cells });
  $("insides").replaceChildren(parts(inside.parts, `A request to ${inside.exhibit} behind ${inside.front}, median of ${inside.rounds}`));
});
$("no").addEventListener("click", () => $("question").close());

keep(3000, async () => {
  if (exhibit) return family(await ask(`${address}?live`));
  exhibit = await ask(address);
  first();
  family(exhibit.family);
});
