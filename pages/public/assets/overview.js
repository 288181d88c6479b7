// The overview's table: what waterfall.js noted when this tab last visited each way.
const places = [...document.querySelectorAll("tr[data-way]")];
let visited = 0;
for (const row of places) {
  const noted = JSON.parse(sessionStorage.getItem(`pages ${row.dataset.way}`));
  if (!noted) continue;
  visited += 1;
  const shown = [noted.requests, `${(noted.bytes / 1000).toFixed(1)} kB`, `${Math.round(noted.firstByte)} ms`, `${Math.round(noted.content)} ms`];
  row.querySelectorAll("td.number").forEach((cell, n) => { cell.textContent = shown[n]; });
}
if (visited) {
  document.querySelector("#recorded").textContent =
    `${visited} of ${places.length} recorded in this tab, each one's last visit. The way visited first also brought style and scripts, which the others then had; and times vary: visit twice, then compare.`;
}
