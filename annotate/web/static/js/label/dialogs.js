// The dialogs of the page. Each asks once and tells what was decided; null means "go back".
import { answerOf, fill, h, must } from "../lib/dom.js";
import { t } from "./texts.js";

/**
 * Show a dialog of the page until it is closed.
 *
 * @param {string} id
 * @returns {Promise<string>} value of the button that closed it; "" for Escape
 */
export function ask(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) throw new Error(`The page lacks the dialog ${id}`);
  return answerOf(dialog);
}

/** Close whatever dialog is open. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    if (dialog instanceof HTMLDialogElement) dialog.close("");
  }
}

/** @returns {boolean} */
export function isAsking() {
  return document.querySelector("dialog[open]") !== null;
}

/** @returns {Promise<{ kind: string, note?: string } | null>} */
export async function askReport() {
  const form = must("#report form");
  if (form instanceof HTMLFormElement) form.reset();
  if (await ask("report") !== "yes" || !(form instanceof HTMLFormElement)) return null;
  const data = new FormData(form);
  const note = String(data.get("note") ?? "").trim();
  return { kind: String(data.get("kind") ?? "other"), ...(note ? { note } : {}) };
}

/** @returns {Promise<{ reason?: string } | null>} */
export async function askOptOut() {
  const form = must("#optout form");
  if (form instanceof HTMLFormElement) form.reset();
  if (await ask("optout") !== "yes" || !(form instanceof HTMLFormElement)) return null;
  const reason = String(new FormData(form).get("reason") ?? "").trim();
  return reason ? { reason } : {};
}

/**
 * @typedef {object} Mine
 * @property {string} assignmentId
 * @property {string} name
 * @property {string} when
 * @property {boolean} editable
 */

/**
 * One's last items; tells which of them is to be changed.
 *
 * @param {Mine[]} rows
 * @returns {Promise<string | null>}
 */
export async function askMine(rows) {
  fill(must("#mine-list"), rows.length ? null : h("p.muted", {}, t("mineNone")), rows.map((row) => h("li.file", {},
    h("span.mono", {}, row.name), h("span.muted", {}, row.when),
    row.editable ? h("button.btn.btn-sm", { value: row.assignmentId, "aria-label": t("changeItem", { item: row.name }) }, t("change")) : h("span.muted", {}, t("closedForChange")))));
  return await ask("mine") || null;
}
