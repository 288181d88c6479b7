// The fields of one direction, as the page uses them: a family, and which byte is whose. Nothing here is shown yet.
//
// Fields come flat, in the order of their offsets, with a depth; one belongs to the nearest before it with a smaller
// depth.

export function unhex(text) {
  const made = new Uint8Array(text.length / 2);
  for (let at = 0; at < made.length; at += 1) made[at] = parseInt(text.substr(2 * at, 2), 16);
  return made;
}

/** Each with `spans`, and the indices of its `parent` (-1: none) and its `children`; `variable`: it is one, or a header. */
export function family(list) {
  const above = [];                                  // the last field of each depth
  return list.map(({ depth = 0, rest = [], ...field }, index) => {
    above.length = depth;
    const parent = above.findLast((one) => one !== undefined) ?? -1;
    above[depth] = index;
    const spans = [[field.offset, field.length], ...rest];
    const one = { value: "", means: "", section: "", ...field, depth, spans, parent, children: [] };
    return one;
  }).map((field, index, all) => {
    if (field.parent >= 0) all[field.parent].children.push(index);
    return field;
  }).map((field, _, all) => Object.assign(field, { variable: isVariable(field, all) }));
}

/** A variable, or a header, says the same as one of its parts. */
function isVariable({ name, value, children }, fields) {
  const named = children.some((child) => fields[child].value === name);
  return named && children.some((child) => fields[child].value === value);
}

/** For each of so many bytes, which field is the innermost that holds it, or -1. Neighbours get different shades. */
export function owners(fields, size) {
  const found = new Int32Array(size).fill(-1);
  // Outer fields first, so that inner ones write over them.
  const byDepth = [...fields.keys()].sort((a, b) => fields[a].depth - fields[b].depth);
  for (const index of byDepth) {
    for (const [offset, length] of fields[index].spans) found.fill(index, offset, offset + length);
  }
  let last = -1, odd = false;
  for (const index of found) {
    if (index === last || index < 0) continue;
    if (fields[index].odd === undefined) fields[index].odd = odd = !odd;
    last = index;
  }
  return found;
}

/** What is open at first: all that variables are in, and no variable itself, so that the lengths are out of the way.
    Where there are no variables, the outermost fields. */
export function opening(fields) {
  const variables = [...fields.keys()].filter((index) => fields[index].variable);
  const around = new Set();
  for (const variable of variables) {
    for (let up = fields[variable].parent; up >= 0 && !around.has(up); up = fields[up].parent) around.add(up);
  }
  return variables.length ? around : new Set([...fields.keys()].filter((index) => fields[index].depth === 0));
}
