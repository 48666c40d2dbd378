// Which key does what. Single keys work outside text fields only, and can be switched off.
import { isTyping } from "../lib/dom.js";
import { isAsking } from "./dialogs.js";
import { BACK_KEY } from "./ranking.js";

const STORE = "touchstone.single-keys";
const CODES = /** @type {Record<string, string>} */ ({ Slash: "/", BracketLeft: "[", BracketRight: "]" });

/** @returns {boolean} */
export function singleKeysOn() {
  try {
    return localStorage.getItem(STORE) !== "off";
  } catch {
    return true;
  }
}

/** @param {boolean} on */
export function setSingleKeys(on) {
  try {
    localStorage.setItem(STORE, on ? "on" : "off");
  } catch {
    // Without storage the keys stay as they are.
  }
}

/**
 * The key in Latin letters and digits, also on a keyboard for another script.
 *
 * @param {KeyboardEvent} event
 * @returns {string}
 */
export function keyOf({ key, code, shiftKey }) {
  if (key.length > 1 || key.charCodeAt(0) < 128) return key.length === 1 ? key.toLowerCase() : key;
  if (code === "Slash" && shiftKey) return "?";
  const letter = /^(?:Key|Digit)([A-Z0-9])$/u.exec(code)?.[1];
  return letter?.toLowerCase() ?? CODES[code] ?? key;
}

/**
 * @typedef {object} KeyActions
 * @property {(digit: string) => boolean} pressed a key that may mean an option
 * @property {() => void} enter
 * @property {() => void} escape
 * @property {() => boolean} isCiting
 * @property {(digit: string) => void} cite
 * @property {Record<string, () => void>} plain by key
 * @property {Record<string, () => void>} shifted by key, with Shift
 */

/**
 * @param {KeyboardEvent} event
 * @param {KeyActions} actions
 */
function inField(event, actions) {
  if (event.key === "Escape") actions.escape();
  else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement)) actions.enter();
  else return;
  event.preventDefault();
}

/**
 * @param {KeyboardEvent} event
 * @param {KeyActions} actions
 * @returns {boolean} whether the key meant something
 */
function outside(event, actions) {
  const key = keyOf(event);
  if (key === "Escape") {
    actions.escape();
    return true;
  }
  if (key === "Enter") {
    if (event.target instanceof Element && event.target.closest("button, a, summary, select")) return false;
    actions.enter();
    return true;
  }
  if (!singleKeysOn()) return false;
  if (actions.isCiting() && /^[0-9]$/u.test(key)) {
    actions.cite(key);
    return true;
  }
  const act = event.shiftKey && key !== "?" ? actions.shifted[key] : actions.plain[key];
  if (act) {
    act();
    return true;
  }
  return (key.length === 1 || key === BACK_KEY) && !event.shiftKey && actions.pressed(key);
}

/** @param {KeyActions} actions */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || isAsking()) return;
    if (isTyping(event.target)) {
      inField(event, actions);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (outside(event, actions)) event.preventDefault();
  });
}
