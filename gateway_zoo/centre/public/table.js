// What the tables of the pages share.
import { made, plain } from "/public/text.js";

/** The head of a table. A column is [its name, the class of its cells]. */
export function head(columns) {
  const line = made("tr");
  for (const [name, kind] of columns) {
    const cell = made("th", kind, name);
    cell.scope = "col";
    line.append(cell);
  }
  const head = made("thead");
  head.append(line);
  return head;
}

/** A table with a head; the first cell of each line names it. */
export function table(element, head, rows) {
  const cell = (tag, scope, text) => Object.assign(made(tag, "", plain(String(text))), scope ? { scope } : {});
  const line = (cells) => { const line = made("tr"); line.append(...cells); return line; };
  element.replaceChildren(
    line(head.map((text) => (text ? cell("th", "col", text) : cell("td", "", "")))),
    ...rows.map(([name, ...others]) => line([cell("th", "row", name), ...others.map((text) => cell("td", "", text))])),
  );
  return element;
}
