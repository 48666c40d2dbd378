// Building DOM without markup strings, so that content can never become markup.

/** @typedef {string | number | Node | null | undefined | false} Child */

/** Icons that point along the line, and so the other way where it runs from right to left. */
const DIRECTED = new Set(["next", "prev", "undo", "out", "history"]);
/** Four bars, each higher than the one before it. */
const BARS = ["M1 9.5h3.4v3.5H1z", "M5.8 6.9h3.4v6.1H5.8z", "M10.6 4.3h3.4v8.7h-3.4z", "M15.4 1.7h3.4v11.3h-3.4z"];
const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. A name may carry classes: `div.card.wide`. Attributes: strings are set, `true` sets an empty attribute,
 * false, null and undefined are left out, and a function under `onclick` and the like becomes a listener.
 *
 * @param {string} name
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(name, attributes = {}, ...children) {
  const [tag = "div", ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, String(value));
  }
  append(node, children);
  return node;
}

/**
 * @param {Element} node
 * @param {(Child | Child[])[]} children
 */
export function append(node, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Write words where others stand: what stands already is left alone, so that nothing is laid out anew for it.
 *
 * @param {Element} node
 * @param {string} words
 */
export function put(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/**
 * Replace what is inside.
 *
 * @param {Element} node
 * @param {...(Child | Child[])} children
 */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

/**
 * Let exactly these nodes stand inside, in this order. Those that stand there already are not moved.
 *
 * @param {Element} parent
 * @param {Element[]} nodes
 */
export function settle(parent, nodes) {
  for (const old of [...parent.children]) if (!nodes.includes(old)) old.remove();
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

/**
 * An icon of the sprite that the page carries.
 *
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", DIRECTED.has(name) ? "ico ico-flip" : "ico");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Severity as four bars, `rank` of them filled.
 *
 * @param {number} rank
 * @returns {HTMLElement}
 */
export function severityBars(rank) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 14");
  svg.setAttribute("aria-hidden", "true");
  for (const kind of ["on", "off"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    path.setAttribute("stroke-linejoin", "round");
    path.setAttribute("d", BARS.slice(...(kind === "on" ? [0, rank] : [rank])).join(""));
    svg.append(path);
  }
  return h(`span.sev.sev-${rank}`, {}, svg);
}

/**
 * The one element that a selector must find; a page without it is broken, and says so.
 *
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement}
 */
export function must(selector, within = document) {
  const node = within.querySelector(selector);
  if (!(node instanceof HTMLElement)) throw new Error(`The page lacks ${selector}`);
  return node;
}

/**
 * Say something to a screen reader without moving the focus.
 *
 * @param {string} text
 */
export function say(text) {
  const region = document.getElementById("live");
  if (region) region.textContent = text;
}

/**
 * Whether keys belong to a text field now.
 *
 * @param {EventTarget | null} target
 * @returns {boolean}
 */
export function isTyping(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches("textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=button])"));
}

/** A hidden tab draws nothing; what waits for a frame there waits this long. */
const NO_FRAME = 100;
/** @type {Promise<unknown> | null} the frame that is waited for, by however many */
let next = null;

/**
 * Wait until what was changed is on the screen, so that nothing delays its frame.
 *
 * @returns {Promise<unknown>}
 */
export function painted() {
  if (next) return next;
  const own = new Promise((done) => {
    const begun = () => { if (next === own) next = null; };
    requestAnimationFrame(() => { begun(); setTimeout(done, 0); });
    setTimeout(() => { begun(); done(null); }, NO_FRAME);
  });
  next = own;
  return own;
}

/** @type {WeakMap<HTMLDialogElement, (said: string) => void>} */
const asked = new WeakMap();

/**
 * Show a dialog until it is closed. The browser sends word of the end later; a dialog that is open again by then was asked anew,
 * and whoever asked before was told to go back.
 *
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} value of the button that closed it; "" for Escape
 */
export function answerOf(dialog) {
  if (!asked.has(dialog)) dialog.addEventListener("close", () => { if (!dialog.open) asked.get(dialog)?.(dialog.returnValue); });
  asked.get(dialog)?.("");
  dialog.returnValue = "";
  return new Promise((done) => {
    asked.set(dialog, done);
    dialog.showModal();
  });
}
