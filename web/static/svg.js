// Drawing with SVG: its colours are the style sheet's, so that light and dark need nothing here.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes, text = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}
