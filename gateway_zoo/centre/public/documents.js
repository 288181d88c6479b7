// Texts of the zoo, each to open. An address with #file-NAME opens that one.
import { ask, say } from "/public/centre.js";
import { label } from "/public/files.js";
import { made } from "/public/text.js";

/** Show the documents of an address. */
export async function show(address) {
  try {
    document.getElementById("documents").replaceChildren(...(await ask(address)).documents.map(one));
    openNamed();
  } catch (error) {
    if (error.status === undefined) throw error; // a fault of the page
    say(error.message);
  }
}

function one({ file, title, exhibits, tree }) {
  const box = made("details");
  box.id = `file-${file.split("/").slice(1).join("/")}`;
  if (exhibits.length) box.id = `file-${file}`; // labels are all README.md
  const links = made("p", "", exhibits.length ? "Exhibits: " : "");
  for (const id of exhibits) {
    const link = made("a", "", id);
    link.href = `/exhibit/${encodeURIComponent(id)}`;
    links.append(link, " ");
  }
  const head = made("summary");
  head.append(made("h2", "", title)); // in place of the text's own first heading
  box.append(head, links, ...label(tree[0]?.tag === "h3" ? tree.slice(1) : tree));
  return box;
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  named.open = true;
  named.scrollIntoView();
}

addEventListener("hashchange", openNamed);
