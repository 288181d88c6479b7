// What all pages share: data, actions, and a loop that goes on while the page is seen.

const token = document.querySelector("meta[name=zoo-token]").content;
const link = document.getElementById("link");

/** The JSON of an address. Throws an Error with the server's sentence. */
export async function ask(address, options = {}) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw Object.assign(new Error((await answer.text()).trim()), { status: answer.status });
  return answer.json();
}

/** An action: JSON there, JSON back. */
export function act(address, given) {
  const headers = { "Content-Type": "application/json", "X-Zoo-Token": token };
  return ask(address, { method: "POST", headers, body: JSON.stringify(given) });
}

/** Do something now, and again every so many milliseconds while the page is seen. A lost centre is said, and asked again. */
export function keep(milliseconds, work) {
  async function turn() {
    if (!document.hidden) {
      try {
        await work();
        say("");
      } catch (error) {
        say(error.status ? error.message : "The visitor centre does not answer; this page tries again.");
      }
    }
    setTimeout(turn, milliseconds);
  }
  turn();
}

/** A sentence at the top of every page; an empty one removes it. */
export function say(text) {
  if (link.textContent !== text) link.textContent = text;
}
