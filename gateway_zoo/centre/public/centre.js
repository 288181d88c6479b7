// What all pages share: data, actions, and a loop that goes on while the page is seen.

let token = document.querySelector("meta[name=zoo-token]").content;
const link = document.getElementById("link");

/** The JSON of an address. Throws an Error with the server's sentence and `status`; 0: there was no answer. */
export async function ask(address, options = {}) {
  let answer, text;
  try {
    answer = await fetch(address, options);
    text = await answer.text();
  } catch {
    throw Object.assign(new Error("The visitor centre does not answer; this page tries again."), { status: 0 });
  }
  if (!answer.ok) throw Object.assign(new Error(text.trim()), { status: answer.status });
  return JSON.parse(text);
}

/** An action: JSON there, JSON back. A centre that was started again has another token, which its pages have. */
export async function act(address, given) {
  const send = () => ask(address, {
    method: "POST", headers: { "Content-Type": "application/json", "X-Zoo-Token": token }, body: JSON.stringify(given),
  });
  try {
    return await send();
  } catch (error) {
    if (error.status !== 403) throw error;
    const page = await (await fetch("/", { headers: { Accept: "text/html" } })).text();
    token = page.match(/name="zoo-token" content="([\w-]+)"/)[1];
    return send();
  }
}

/** Do something now, and again every so many milliseconds while the page is seen. A lost centre is said, and asked again. */
export function keep(milliseconds, work) {
  async function turn() {
    try {
      if (!document.hidden) {
        await work();
        say("");
      }
    } catch (error) {
      if (error.status === undefined) throw error; // a fault of the page
      say(error.message);
    } finally {
      setTimeout(turn, milliseconds);
    }
  }
  turn();
}

/** A sentence at the top of every page; an empty one removes it. */
export function say(text) {
  if (link.textContent !== text) link.textContent = text;
}

// The menu "More" closes with Escape, and when the focus or a click goes elsewhere.
const menu = document.querySelector("nav details");
menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
