// Infinite scrolling: an IntersectionObserver tells when the link "Load more" comes near the window, and the next rows are
// fetched and added. The link itself stays, for keyboards and for visitors that untick the box; without this script it
// leads to the next rows as a page.
import { element } from "./gateways.js";

const rows = document.querySelector("#rows");
const count = document.querySelector("#count");
const more = document.querySelector("#more");
const byItself = document.querySelector("#by-itself");
const first = rows.start;
let busy = false;

function row(fact) {
  return element("li", [element("span", fact.kind, { class: "kind" }), " ", element("b", fact.name), " ", fact.text]);
}

async function load(byPerson) {
  if (busy || !more.isConnected) return;
  busy = true;
  more.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch(`/pages/gateways${new URL(more.href).search}`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    add(await answer.json(), byPerson);
  } catch (error) {
    byItself.querySelector("input").checked = false; // or it would ask again and again
    count.textContent = `The next rows could not be had (${error.message}). Load more tries again.`;
  } finally {
    busy = false;
    more.removeAttribute("aria-disabled");
  }
  look(); // still in sight: the rows did not fill the window
}

function add(found, byPerson) {
  const made = found.rows.map(row);
  rows.append(...made);
  count.textContent = `Rows ${first} to ${first + rows.children.length - 1} of ${found.total}.`;
  if (found.next) {
    const asked = new URL(more.href);
    asked.searchParams.set("after", found.next);
    more.href = asked;
    return;
  }
  count.textContent += " That is all.";
  more.remove();
  byItself.hidden = true;
  if (byPerson) { // the link that had the focus is gone: read on at the first new row
    made[0].tabIndex = -1;
    made[0].focus();
  }
}

// 200 px early, so that the rows are there when the reader is.
const observer = new IntersectionObserver(
  (seen) => { if (seen.some((entry) => entry.isIntersecting) && byItself.querySelector("input").checked) load(false); },
  { rootMargin: "200px" },
);
function look() { // an observer speaks when something changes: observe anew to hear how things are
  observer.disconnect();
  if (more.isConnected) observer.observe(more);
}

if (more) {
  byItself.hidden = false;
  byItself.addEventListener("change", look);
  more.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    load(true);
  });
  // Not before the reader has moved: the first view stays what the server sent.
  addEventListener("scroll", look, { once: true, passive: true });
}
