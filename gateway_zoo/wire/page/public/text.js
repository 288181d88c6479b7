// Text of strangers, made fit to be seen. All of it goes into the page by textContent, so it is never read as HTML; but
// characters that show nothing, or turn the writing direction round, would still deceive the eye.

const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;
const LONGEST = 400;                                 // characters that are shown of a value: the bytes show the rest

/** Control characters by their numbers; what is too long is cut, and says so. */
export function plain(text, longest = LONGEST) {
  const cut = text.length > longest ? text.slice(0, longest) : text;
  const seen = cut.replace(UNSEEN, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
  return cut === text ? seen : `${seen}… (${number(text.length)} characters)`;
}

export function number(count) {
  return count.toLocaleString("en");
}

export function bytes(count) {
  return count === 1 ? "1 byte" : `${number(count)} bytes`;
}

/** An element with a class and a text. */
export function made(tag, kind, text = "") {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.textContent = text;
  return element;
}

/** Spans as people say them: "offset 24 (0x18), 13 bytes in 2 pieces". */
export function where(spans) {
  const length = spans.reduce((sum, [, size]) => sum + size, 0);
  return `offset ${number(spans[0][0])} (0x${spans[0][0].toString(16)}), ${bytes(length)}${spans.length > 1 ? ` in ${spans.length} pieces` : ""}`;
}
