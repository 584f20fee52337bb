/*
 * Building and updating the document. Data only ever becomes text nodes and attribute values, never markup.
 */

const SVG = 'http://www.w3.org/2000/svg';

/** An element. `props` become attributes; null, false and undefined are left out. Children are nodes, text, or lists of them. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat(Number.POSITIVE_INFINITY)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Makes `parent` hold the wanted nodes and keeps what is there already, so that focus, selection and opened parts survive. */
export function morph(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
  let place = parent.firstChild;
  for (const node of wanted) {
    const key = node.dataset?.key;
    const present = key === undefined ? place : keyed.get(key);
    const fits = present && isAlike(present, node) && present.dataset?.key === key;
    if (!fits) parent.insertBefore(node, place);
    else {
      if (present === place) place = place.nextSibling;
      else parent.insertBefore(present, place);
      update(present, node);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function isAlike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName;
}

function update(present, wanted) {
  if (present.nodeType === Node.TEXT_NODE) {
    if (present.nodeValue !== wanted.nodeValue) present.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...present.attributes])
    if (name !== 'open' && !wanted.hasAttribute(name)) present.removeAttribute(name);
  for (const { name, value } of wanted.attributes)
    if (name !== 'open' && present.getAttribute(name) !== value) present.setAttribute(name, value);
  morph(present, [...wanted.childNodes]);
}
