// The gateways, asked for as JSON and made into elements: what templates/card.html is on the server.
// Text from the server goes into textContent only, so it is never read as HTML.

/** An element with text or children. */
export function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  made.append(...[content].flat());
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** All gateways. Throws an Error that a person can read if they cannot be had. */
export async function load() {
  const answer = await fetch("/pages/data.json");
  // fetch is content with any answer: 404 and 503 must be looked for.
  if (!answer.ok) throw new Error(`data.json could not be had: status ${answer.status}`);
  return answer.json();
}

export function facts(gateway) {
  const rows = { year: gateway.year, protocol: gateway.protocol, interface: gateway.interface, processes: gateway.models.join(", ") };
  return element("dl", Object.entries(rows).map(([name, value]) => element("div", [element("dt", name), element("dd", String(value))])));
}

/** The list. `href`: gateway -> where its name leads; without it names are no links. */
export function list(gateways, href) {
  const cards = gateways.map((gateway, place) => element("li", [
    element("h3", href ? element("a", gateway.name, { href: href(gateway) }) : gateway.name),
    element("p", gateway.sentence, place === 0 ? { elementtiming: "content" } : {}),
    facts(gateway),
  ], { class: "gateway" }));
  return element("ul", cards, { class: "gateways" });
}
