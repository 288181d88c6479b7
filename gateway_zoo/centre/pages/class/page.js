// The addresses for a class, readable from the last row; and the button that clears the board, behind a question.
import { act, ask, keep } from "/public/centre.js";
import { made } from "/public/text.js";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4;  // light signs around a QR code (ISO/IEC 18004)
let drawn = "";

/** A QR code as one path: a square for each dark sign. */
function code(rows, url) {
  const size = rows.length + 2 * QUIET;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `QR code of ${url}`);
  const [paper, dark] = [document.createElementNS(SVG, "rect"), document.createElementNS(SVG, "path")];
  paper.setAttribute("width", size);
  paper.setAttribute("height", size);
  paper.setAttribute("class", "paper");
  const squares = rows.flatMap((row, y) => [...row].map((sign, x) => (sign === "1" ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")));
  dark.setAttribute("d", squares.join(""));
  svg.append(paper, dark);
  return svg;
}

keep(3000, async () => {
  const page = await ask("/api/class");
  if (drawn !== JSON.stringify(page.addresses)) {
    drawn = JSON.stringify(page.addresses);
    const lines = page.addresses.map(({ url, front }) => {
      const line = made("p", "address");
      const link = made("a", "", url);
      link.href = url;
      line.append(link, made("span", "quiet", ` ${front}`));
      return line;
    });
    $("addresses").replaceChildren(...lines, ...(page.qr.length ? [code(page.qr, page.addresses[0].url)] : []));
  }
  $("why").hidden = !page.why;
  $("why").textContent = page.why;
  $("stickers").textContent = page.stickers === null ? page.board_why : `${page.stickers} on the board.`;
  $("clear").querySelector("button").disabled = !page.stickers;
});

$("clear").addEventListener("submit", (event) => {
  event.preventDefault();
  $("question").textContent = `Remove all stickers from the board and from every screen? (${$("stickers").textContent})`;
  $("sure").returnValue = "no";
  $("sure").showModal();
});

$("sure").addEventListener("close", async () => {
  if ($("sure").returnValue !== "yes") return;
  try {
    const { removed } = await act("/api/class/clear-board", {});
    $("done").textContent = removed === 1 ? "1 sticker was removed." : `${removed} stickers were removed.`;
    $("stickers").textContent = "0 on the board.";
    $("clear").querySelector("button").disabled = true;
  } catch (error) {
    $("done").textContent = error.message;
  }
});
