// An exhibit. Its main act is the crowd picture.
import { act, ask, keep, say } from "/public/centre.js";
import { picture } from "/public/crowd.js";
import { made, number, plain } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const id = decodeURIComponent(location.pathname.split("/").pop());
let drawn = false;

function first(exhibit) {
  drawn = true;
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
  $("label").querySelector(".text").append(made("pre", "source", exhibit.label));
  for (const part of ["configuration", "source"]) {
    for (const file of exhibit[part]) $(part).append(made("h3", "", file.path), made("pre", "source", file.text));
  }
}

function family(exhibit) {
  const box = $("family");
  if (!exhibit.family) { box.replaceChildren(made("p", "quiet", exhibit.family_why)); return; }
  const list = made("ul", "family");
  for (const row of exhibit.family) {
    const item = made("li");
    item.append(made("b", "", `${row.role} ${row.pid}`));
    const memory = row.pss === null ? "memory unknown" : `${number(Math.round(row.pss / 1024))} kB`;
    item.append(made("div", "", `${row.threads} ${row.threads === 1 ? "thread" : "threads"}, ${memory}, ${row.cpu_s} s of CPU`));
    list.append(item);
  }
  if (!exhibit.family.length) list.append(made("li", "quiet", "no process now: one is born for each request, or it lives inside the front"));
  box.replaceChildren(list);
}

$("requests").addEventListener("input", () => { $("many").textContent = $("requests").value; });
$("press").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("send").disabled = true;
  $("told").textContent = "under way …";
  try {
    const crowds = await act("/api/exhibit/crowd", {
      cells: [[id, $("front").value]], requests: $("requests").valueAsNumber, hold_ms: $("hold").valueAsNumber,
    });
    $("pictures").prepend(...crowds.map((crowd) => picture(crowd)));
    while ($("pictures").children.length > 4) $("pictures").lastChild.remove();
    $("told").textContent = "";
  } catch (error) {
    if (error.status === undefined) throw error; // a fault of the page
    $("told").textContent = error.status ? error.message : "The visitor centre does not answer.";
  } finally {
    $("send").disabled = false;
  }
});

keep(5000, async () => {
  const exhibit = await ask(`/api/exhibit/${encodeURIComponent(id)}`);
  if (!drawn) first(exhibit);
  family(exhibit);
  say("");
});
