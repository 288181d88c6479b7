// A long list of lines of one height, of which only those in sight are in the page: 10,000 exchanges, 65,536 lines of
// hexadecimal digits and a tree of 50,000 fields scroll alike.

const MORE = 4;                                      // lines above and below the window

export class Rows {
  /** `draw(index)` returns the element of a line. The root scrolls; its lines are as high as --row says. */
  constructor(root, draw) {
    this.root = root;
    this.draw = draw;
    this.count = 0;
    this.chosen = "";
    this.made = new Map();                           // index -> element
    this.space = root.appendChild(document.createElement("div"));
    this.space.className = "space";
    root.addEventListener("scroll", () => this.render(), { passive: true });
    new ResizeObserver(() => this.render()).observe(root);
  }

  /** Pixels of a line. */
  get height() {
    return parseFloat(getComputedStyle(this.root).lineHeight);
  }

  /** As many lines as this; all in sight are drawn anew. */
  show(count = this.count) {
    this.count = count;
    this.space.style.height = `${count * this.height}px`;
    for (const element of this.made.values()) element.remove();
    this.made.clear();
    this.render();
  }

  render() {
    const height = this.height;
    const first = Math.max(0, Math.floor(this.root.scrollTop / height) - MORE);
    const last = Math.min(this.count, Math.ceil((this.root.scrollTop + this.root.clientHeight) / height) + MORE);
    for (const [index, element] of this.made) {
      if (index >= first && index < last) continue;
      element.remove();
      this.made.delete(index);
    }
    for (let index = first; index < last; index += 1) {
      if (this.made.has(index)) continue;
      const element = this.draw(index);
      element.classList.add("row");
      element.dataset.index = index;
      element.style.transform = `translateY(${index * height}px)`;
      this.made.set(index, element);
      this.space.append(element);
    }
    this.choose(this.chosen);
  }

  /** Name the chosen line by its element's id. While it is out of sight it is not in the page, so no id may lead to it. */
  choose(id) {
    this.chosen = id;
    if (id && document.getElementById(id)) this.root.setAttribute("aria-activedescendant", id);
    else this.root.removeAttribute("aria-activedescendant");
  }

  /** Scroll as little as is needed to see a line, and so many around it. */
  reveal(index, around = 0) {
    const height = this.height;
    const top = (index - around) * height, bottom = (index + 1 + around) * height;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (bottom > this.root.scrollTop + this.root.clientHeight) this.root.scrollTop = bottom - this.root.clientHeight;
    this.render();
  }

  /** The index of the line that an event happened on; undefined between lines. */
  at(event) {
    const row = event.target.closest(".row");
    return row && this.root.contains(row) ? Number(row.dataset.index) : undefined;
  }

  /** How many whole lines are in sight. */
  get page() {
    return Math.max(1, Math.floor(this.root.clientHeight / this.height));
  }

  get atEnd() {
    return this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 2;  // a part of a pixel may be missing
  }
}

/** Where a key leads from a line; undefined: it is no such key. */
export function step(key, from, rows) {
  const to = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + rows.page, PageUp: from - rows.page, Home: 0,
    End: rows.count - 1 }[key];
  return to === undefined ? undefined : Math.min(Math.max(to, 0), rows.count - 1);
}
