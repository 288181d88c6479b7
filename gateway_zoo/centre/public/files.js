// Files and labels, made of elements: text goes in as text, and a label has these elements and no others.
import { made, plain } from "/public/text.js";

const ELEMENTS = new Set("h3 h4 h5 p strong em code pre ul ol li blockquote br hr a table thead tbody tr th td".split(" "));
const LINK = /^(https?:\/\/|#file-)/; // the server chose it; no other kind is made here
const COMMENT = /^\s*(#|\/\/|;)/;

/** A file with numbered lines, under its name. */
export function file({ path, text }) {
  const section = made("section", "file");
  const name = made("h3", "", path);
  name.id = `file-${path.split("/").slice(1).join("/")}`;
  const block = made("pre", "source numbered");
  const lines = text.replace(/\n$/, "").split("\n");
  block.append(...lines.map((line) => made("span", COMMENT.test(line) ? "comment" : "", `${plain(line.replaceAll("\t", "    "), 2000)}\n`)));
  section.append(name, block);
  return section;
}

/** The elements of a label. */
export function label(nodes) {
  return nodes.map((node) => {
    if (!node.tag) return document.createTextNode(node.text ?? "");
    const inside = [node.text ?? "", ...label(node.children ?? [])];
    const empty = inside.every((each) => !(each.textContent ?? each));
    const tag = node.tag === "th" && empty ? "td" : node.tag; // the empty corner of a table names nothing
    const element = document.createElement(ELEMENTS.has(tag) ? tag : "span");
    if (node.tag === "a" && LINK.test(node.href)) element.href = node.href;
    if (node.tag === "pre") Object.assign(element, { className: "source", tabIndex: 0 });
    element.append(...inside);
    if (tag !== "table") return element;
    const wide = Object.assign(made("div", "wide"), { tabIndex: 0 });
    wide.append(element);
    return wide;
  });
}
