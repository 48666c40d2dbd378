// The keys of a case: choose in the open question, name the cause, keep or decide.
import { keyOf } from "./label/keymap.js";
import { singleKeysOn } from "./label/keys.js";
import { isTyping } from "./lib/dom.js";

const FIELD = "fieldset[data-cell]";

/** @param {ParentNode} parent @param {string} what @returns {HTMLElement[]} */
function all(parent, what) {
  return [...parent.querySelectorAll(what)].filter((one) => one instanceof HTMLElement);
}

/** @param {HTMLElement} field @returns {boolean} */
const isAnswered = (field) => field.querySelector(":checked") !== null;

/** @param {HTMLFormElement} form @returns {HTMLElement | undefined} the question that the keys mean */
function openField(form) {
  const fields = all(form, FIELD);
  const here = document.activeElement?.closest(FIELD);
  return fields.find((one) => one === here) ?? fields.find((one) => !isAnswered(one)) ?? fields[0];
}

/** @param {HTMLElement | undefined} field */
function goTo(field) {
  const target = field?.querySelector("input:checked") ?? field?.querySelector("input");
  if (target instanceof HTMLElement) target.focus();
}

/**
 * @param {HTMLFormElement} form
 * @param {number} step
 */
function move(form, step) {
  const fields = all(form, "fieldset");
  const here = document.activeElement?.closest("fieldset");
  const index = fields.findIndex((one) => one === here);
  const next = index < 0 ? 0 : Math.min(Math.max(index + step, 0), fields.length - 1);
  goTo(fields[next]);
}

/** @param {HTMLInputElement} box a box that was just ticked: some answers go with no other */
function partBoxes(box) {
  for (const other of all(box.closest(FIELD) ?? document, "input[type=checkbox]")) {
    if (!(other instanceof HTMLInputElement) || other === box) continue;
    if ("alone" in box.dataset || "alone" in other.dataset) other.checked = false;
  }
}

/**
 * @param {HTMLInputElement} input
 * @returns {boolean} whether the question is answered with it
 */
function tick(input) {
  input.checked = input.type === "radio" || !input.checked;
  if (input.type === "radio") return true;
  if (input.checked) partBoxes(input);
  return input.checked && "alone" in input.dataset;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} key
 * @returns {boolean} whether the key chose something
 */
function choose(form, key) {
  const named = `input[data-key="${CSS.escape(key)}"]`;
  const field = openField(form);
  const input = field?.querySelector(named) ?? form.querySelector(`.causes ${named}`);
  if (!(input instanceof HTMLInputElement)) return false;
  const whole = tick(input);
  input.focus();
  if (whole && input.closest(FIELD)) goTo(all(form, "fieldset").find((one) => !isAnswered(one)) ?? field);
  return true;
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLFormElement} form
 * @returns {boolean} whether the key meant something
 */
function pressed(event, form) {
  const key = keyOf(event);
  if (key === "Enter") {
    if (event.target instanceof Element && event.target.closest("button, a, summary, select")) return false;
    form.requestSubmit();
    return true;
  }
  if (!singleKeysOn()) return false;
  if (key === "j" || key === "k") {
    move(form, key === "j" ? 1 : -1);
    return true;
  }
  return choose(form, key);
}

const form = document.querySelector("#blind, #decide");
if (form instanceof HTMLFormElement) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (pressed(event, form)) event.preventDefault();
  });
  form.addEventListener("change", (event) => {
    const box = event.target;
    if (box instanceof HTMLInputElement && box.type === "checkbox" && box.checked) partBoxes(box);
  });
  form.dataset.keys = "on";
  document.querySelector(".error")?.scrollIntoView({ block: "center" });
}
