// XMLHttpRequest (1999) beside fetch (2015). The page shows the text of the two functions below: what is read is what runs.
// Both take a URL, a time limit in ms, and `say`, which writes a line; both return a function that aborts.
import { element } from "./gateways.js";

const STATES = ["UNSENT", "OPENED", "HEADERS_RECEIVED", "LOADING", "DONE"];

function withXhr(url, limit, say) {
  const xhr = new XMLHttpRequest();
  xhr.onreadystatechange = () => say(`readyState ${xhr.readyState} ${STATES[xhr.readyState]}`);
  xhr.onloadstart = () => say("event loadstart");
  xhr.onprogress = (event) => say(`event progress: ${event.loaded} of ${event.total} bytes`);
  xhr.onload = () => say(`event load: status ${xhr.status}`); // also for 404
  xhr.onerror = () => say("event error: no answer, no reason given");
  xhr.onabort = () => say("event abort");
  xhr.ontimeout = () => say("event timeout");
  xhr.onloadend = () => say("event loadend"); // always, and last
  xhr.open("GET", url);
  xhr.timeout = limit;
  xhr.send();
  return () => xhr.abort();
}

function withFetch(url, limit, say) {
  const controller = new AbortController();
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(limit)]);
  (async () => {
    const answer = await fetch(url, { signal });
    say(`headers are here: status ${answer.status}, ok ${answer.ok}`); // 404 is an answer too
    let loaded = 0;
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      say(`a piece of the body: ${(loaded += value.length)} bytes`);
    }
    say("resolved: the body is complete");
  })().catch((error) => say(`rejected: ${error.name}: ${error.message}`));
  return () => controller.abort();
}

// --- the page around them -------------------------------------------------------------------------------------------

// Each side asks under a name of its own: a browser lets two requests for the same URL wait for one another, because the
// second may find its answer in the cache.
const CASES = {
  "200": ["/pages/data.json?by=", 5000],
  "404": ["/pages/no-such-page?by=", 5000],
  "Slow, 2 s": ["/pages/slow?by=", 5000],
  "Time limit 1 s": ["/pages/slow?by=", 1000],
  // Port 1: browsers refuse to ask there. To a script it looks like a server that is down.
  "No server": ["http://127.0.0.1:1/?by=", 5000],
};
const SIDES = { xhr: withXhr, fetch: withFetch };
const LAST = /^(event loadend|resolved|rejected)/; // what each side says when it is over
let current = { aborts: [] };

function start(url, limit) {
  current.aborts.forEach((abort) => abort()); // what still runs belongs to the last case
  const run = { aborts: [], open: new Set(Object.keys(SIDES)) };
  current = run;
  abort.disabled = false;
  for (const [side, ask] of Object.entries(SIDES)) {
    const log = document.querySelector(`#${side}-log`);
    const began = performance.now();
    log.replaceChildren();
    run.aborts.push(ask(url + side, limit, (text) => {
      if (current !== run) return; // an older run's last words
      log.append(element("li", [element("span", `${Math.round(performance.now() - began)} ms`, { class: "ms" }), element("span", text)]));
      if (LAST.test(text)) run.open.delete(side);
      abort.disabled = run.open.size === 0;
    }));
  }
}

const abort = element("button", "Abort", { type: "button", class: "abort" });
abort.disabled = true;
abort.addEventListener("click", () => current.aborts.forEach((stop) => stop()));
const buttons = Object.entries(CASES).map(([name, [url, limit]]) => {
  const button = element("button", name, { type: "button" });
  button.addEventListener("click", () => start(url, limit));
  return button;
});
document.querySelector("#cases").append(...buttons.flatMap((button) => [button, " "]), abort);
document.querySelector("#xhr-code").textContent = withXhr.toString();
document.querySelector("#fetch-code").textContent = withFetch.toString();
