// The wire. What is shown of a recording, and how: wire.js, which `zoo record --page` has, too. Here: which recording.
import { act, ask, keep, say } from "/public/centre.js";
import { bytes, made, plain } from "/public/text.js";
import { attach } from "/public/wire.js";

const $ = (id) => document.getElementById(id);
const wanted = new URLSearchParams(location.search).get("recording"); // an address of one recording, to bookmark
let shown = "";
let listed = "";

/** The recording of the address, if it is kept; else the one that grows; else the newest. */
function chosen({ recordings, under_way: growing }) {
  const kept = recordings.some(({ name }) => name === wanted);
  if (wanted && !kept) $("news").textContent = `There is no recording ${plain(wanted, 40)}; this is another.`;
  return (kept ? wanted : growing) || recordings[0]?.name || "";
}

function draw(wire) {
  const name = chosen(wire);
  const { recordings, under_way: growing, fronts, why } = wire;
  $("start").hidden = Boolean(growing);
  $("end").hidden = !growing;
  $("empty").hidden = Boolean(name);
  $("wire").hidden = !name;
  for (const id of ["older", "pcap"]) $(id).hidden = !recordings.length;
  // A command's recording may grow: nothing tells when that command has ended.
  $("wire").dataset.live = name === growing ? "live" : name.startsWith("wire") ? "follows the file" : "ended";
  if (why && !growing) $("news").textContent = why;
  addresses(fronts);
  list(recordings, growing, name);
  if (!name) return;
  $("pcap").href = `/api/wire/${encodeURIComponent(name)}/pcap`;
  if (name === shown) return;
  shown = name;
  attach(`/api/wire/${encodeURIComponent(name)}/`);
}

/** Where to ask, so that it is recorded. */
function addresses(fronts) {
  const links = Object.entries(fronts).flatMap(([front, url]) => {
    const link = made("a", "", url.replace("http://127.0.0.1", "localhost"));
    Object.assign(link, { href: `${url}/`.replace("127.0.0.1", "localhost"), target: "_blank", rel: "noopener" });
    return [` ${front}: `, link];
  });
  const text = links.length ? ["What you ask here is recorded:", ...links] : [];
  if ($("asked").textContent !== text.map((each) => each.textContent ?? each).join("")) $("asked").replaceChildren(...text);
}

function list(recordings, growing, name) {
  const now = JSON.stringify([recordings.map((each) => [each.name, each.made]), growing, name]);
  if (now === listed) return;
  listed = now;
  $("recording").replaceChildren(...recordings.map((each) => {
    const when = new Date(each.made * 1000).toTimeString().slice(0, 5);
    const state = each.name === growing ? "grows" : bytes(each.bytes);
    return new Option(`${plain(each.name, 40)}, ${when}, ${state}`, each.name, false, each.name === name);
  }));
}

async function press(action) {
  for (const button of [$("start"), $("end")]) button.disabled = true;
  $("news").textContent = action === "start" ? "starting a second nginx and Apache …" : "ending …";
  try {
    const wire = await act(`/api/wire/${action}`, {});
    $("news").textContent = action === "end" && !wire.why ? "The recording has ended; it stays in the list." : "";
    if (action === "start" && wanted) location.search = "";
    draw(wire);
  } catch (error) {
    if (error.status === undefined) throw error; // a fault of the page
    $("news").textContent = error.status ? error.message : "The visitor centre does not answer.";
  } finally {
    for (const button of [$("start"), $("end")]) button.disabled = false;
  }
}

$("start").addEventListener("click", () => press("start"));
$("end").addEventListener("click", () => press("end"));
$("recording").addEventListener("change", () => {
  location.search = new URLSearchParams({ recording: $("recording").value });
});

keep(2000, async () => {
  draw(await ask("/api/wire"));
  say("");
});
