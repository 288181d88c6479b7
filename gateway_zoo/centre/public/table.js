// What the tables of the pages share.
import { made } from "/public/text.js";

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
