// A page's data as they change, by Server-Sent Events from /api/<page>/live; no stream while the page is not seen.
import { say } from "/public/centre.js";

const AGAIN = 2000;                                   // milliseconds until a lost centre is asked again
const LOST = "The visitor centre does not answer; this page tries again.";

/** Call whole(data) first and after each interruption, and change(data) for what changes. Returns pause(on). */
export function live(address, whole, change) {
  let source, timer, paused = false;

  function close() {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  }

  function open() {
    close();
    if (document.hidden || paused) return;
    source = new EventSource(address);
    source.addEventListener("whole", (event) => { say(""); whole(JSON.parse(event.data)); });
    source.addEventListener("change", (event) => change(JSON.parse(event.data)));
    source.addEventListener("problem", (event) => say(JSON.parse(event.data)));
    source.addEventListener("error", async () => {
      close();
      timer = setTimeout(open, AGAIN);
      const words = await reason(address);
      if (!source) say(words);
    });
  }

  document.addEventListener("visibilitychange", open);
  open();
  return (on) => { paused = on; open(); };
}

/** Why there is no stream: an EventSource does not say. */
async function reason(address) {
  const end = new AbortController();
  try {
    const answer = await fetch(address, { signal: end.signal });
    return answer.ok ? "" : (await answer.text()).trim();
  } catch {
    return LOST;
  } finally {
    end.abort();
  }
}
