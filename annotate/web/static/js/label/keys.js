// Which key does what. Single keys work outside text fields only, and can be switched off.
import { isTyping, put } from "../lib/dom.js";
import { isAsking } from "./dialogs.js";
import { BACK_KEY } from "./ranking.js";
import { capOfChord, chordOf, keyOf, keymapOf, putKeys } from "./keymap.js";

/** @typedef {import("./types.js").Rubric} Rubric */
/** @typedef {import("./keymap.js").Personal} Personal */
/** @typedef {import("./keymap.js").Keymap} Keymap */

const STORE = "touchstone.single-keys";

/** @type {Personal} */
let personal = { actions: {}, options: {} };
/** @type {Keymap} */
let keymap = keymapOf({ id: "", questions: [] }, personal);

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

/** @returns {Personal} */
export function personalKeys() {
  return personal;
}

/**
 * The keys that a person chose; the page's own are drawn at once, those of a rubric when it comes.
 *
 * @param {Personal} chosen
 */
export function setPersonalKeys(chosen) {
  personal = chosen;
  keymap = keymapOf({ id: "", questions: [] }, personal);
  paint();
}

/** The keys that hold now. */
export function keysNow() {
  return keymap;
}

/**
 * Give a rubric's options the keys of this person, and draw those of the page.
 *
 * @param {Rubric} rubric
 */
export function adopt(rubric) {
  keymap = keymapOf(rubric, personal);
  putKeys(rubric, keymap);
  paint();
}

function paint() {
  for (const cap of document.querySelectorAll("[data-key-of]")) put(cap, capOf(cap.getAttribute("data-key-of") ?? ""));
}

/**
 * The key of an action as it is drawn.
 *
 * @param {string} action
 * @returns {string}
 */
export function capOf(action) {
  return capOfChord(keymap.chords.get(action) ?? "");
}

/**
 * Whether a key event is that of an action; for keys that are held.
 *
 * @param {KeyboardEvent} event
 * @param {string} action
 */
export function isKeyOf(event, action) {
  return keyOf(event) === (keymap.chords.get(action) ?? "").replace("shift+", "");
}

/**
 * @typedef {object} KeyActions
 * @property {(key: string) => boolean} pressed a key that may mean an option
 * @property {() => void} enter
 * @property {() => void} escape
 * @property {() => boolean} isCiting
 * @property {(digit: string) => void} cite
 * @property {(number: number) => void} citeDirect
 * @property {Record<string, () => void>} acts by name
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
  const chord = chordOf(event);
  if (chord === "Escape") {
    actions.escape();
    return true;
  }
  if (chord === "Enter") {
    if (event.target instanceof Element && event.target.closest("button, a, summary, select")) return false;
    actions.enter();
    return true;
  }
  if (!singleKeysOn()) return false;
  if (actions.isCiting() && /^[0-9]$/u.test(chord)) {
    actions.cite(chord);
    return true;
  }
  const act = actions.acts[keymap.actions.get(chord) ?? ""];
  if (act) {
    act();
    return true;
  }
  const digit = event.shiftKey && !/^[0-9]$/u.test(chord) ? /^Digit([1-9])$/u.exec(event.code)?.[1] : undefined;
  if (digit) {
    actions.citeDirect(Number(digit));
    return true;
  }
  return (chord.length === 1 || chord === BACK_KEY) && actions.pressed(chord);
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
