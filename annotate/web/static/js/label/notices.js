// What the page says about itself: the pill in the bar, the toast, the message above the questions.
import { fill, h, icon, painted, say } from "../lib/dom.js";

/** @typedef {{ text: string, act: () => void, key?: string, kind?: "" | "primary" | "quiet" | "stop" }} Action */

const SIGNS = { saved: "check", waiting: "clock", refused: "cross", plain: "pencil" };
const TOAST_STAYS = 8000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;
/** Counts what was said and taken away, so that nothing comes late. */
let toasts = 0;

/**
 * @param {"saved" | "waiting" | "refused" | "plain"} kind
 * @param {string} text
 */
export function pill(kind, text) {
  const place = document.getElementById("save-state");
  if (!place || place.textContent === text) return;
  fill(place, h(`span.pill.pill-${kind}`, {}, icon(SIGNS[kind]), text));
}

/** @param {Action} action */
export function actionButton({ text, act, key, kind = "" }) {
  return h(`button.btn.btn-sm${kind ? `.btn-${kind}` : ""}`, { type: "button", onclick: act }, text, key ? h("kbd.key", {}, key) : null);
}

/**
 * @param {string} text
 * @param {Action | null} [action]
 */
export function toast(text, action = null) {
  const place = document.getElementById("toasts");
  if (!place) return;
  toasts += 1;
  clearTimeout(toastTimer);
  fill(place, h("div.toast", {}, text, action ? actionButton(action) : null));
  say(text);
  toastTimer = setTimeout(() => place.replaceChildren(), TOAST_STAYS);
}

/**
 * The same, when what was done is on the screen.
 *
 * @param {string} text
 * @param {Action} action
 */
export async function toastSoon(text, action) {
  toasts += 1;
  const own = toasts;
  await painted();
  if (own === toasts) toast(text, action);
}

export function clearToast() {
  toasts += 1;
  clearTimeout(toastTimer);
  document.getElementById("toasts")?.replaceChildren();
}

/**
 * A message above the questions. It stays until it is cleared.
 *
 * @param {"met" | "caution" | "refuse"} kind
 * @param {string} title
 * @param {string | string[]} body
 * @param {Action[]} actions
 * @param {{ focus?: boolean }} [how] false where somebody is at work on something else
 */
export function banner(kind, title, body, actions, { focus = true } = {}) {
  const place = document.getElementById("banner");
  if (!place) return;
  const sign = { met: "check", caution: "clock", refuse: "cross" }[kind];
  const parts = Array.isArray(body) ? body : [body];
  const box = h(`div.msg.msg-${kind}`, { tabindex: "-1", role: kind === "refuse" ? "alert" : "status" }, icon(sign), h("div", {}, h("h3", {}, title), parts.filter(Boolean).map((part) => h("p.muted", {}, part)),
    actions.length ? h("div.btn-row.gap-t", {}, actions.map(actionButton)) : null));
  fill(place, box);
  if (kind === "refuse" && focus) box.focus();
}

export function clearBanner() {
  document.getElementById("banner")?.replaceChildren();
}
