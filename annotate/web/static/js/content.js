// Content on the pages of experts: files are shown when asked for, invisible characters on request.
import { fill, h, icon } from "./lib/dom.js";
import { countInvisible } from "./label/codepoints.js";
import { drawFile, offer } from "./label/extras.js";
import { shown } from "./label/invisibles.js";
import { t } from "./label/texts.js";

/** @param {HTMLElement} slot */
function enliven(slot) {
  const entry = JSON.parse(slot.dataset["media"] ?? "null");
  if (!entry) return;
  const careful = slot.dataset["careful"] !== undefined;
  const named = slot.querySelector("p");
  const node = offer(entry, { part: "", words: t("showFile"), cap: "" });
  const button = node.querySelector("button");
  button?.removeAttribute("data-reveal");
  button?.addEventListener("click", () => {
    const file = drawFile(entry, { address: slot.dataset["address"] ?? "", careful, lang: slot.lang || null });
    node.replaceWith(file);
    const first = file.querySelector(".media-frame, button");
    if (first instanceof HTMLElement) first.focus();
  });
  fill(slot, node, named);
}

/**
 * @param {HTMLElement} content
 * @returns {HTMLElement[]} the texts that hold a character that nobody sees
 */
function withInvisible(content) {
  return [...content.querySelectorAll(".turn-text, .tool-text, .tool-name")].flatMap((node) => (node instanceof HTMLElement && countInvisible(node.textContent ?? "") > 0 ? [node] : []));
}

/** @param {HTMLElement} content */
function offerInvisible(content) {
  const nodes = withInvisible(content);
  if (!nodes.length) return;
  const count = nodes.reduce((sum, node) => sum + countInvisible(node.textContent ?? ""), 0);
  let on = false;
  const button = h("button.btn.btn-quiet.btn-sm", { type: "button", "aria-pressed": "false" }, icon("eye"), t("invisibleCount", { count }));
  button.addEventListener("click", () => {
    on = !on;
    button.setAttribute("aria-pressed", String(on));
    for (const node of nodes) {
      const text = node.textContent ?? "";
      fill(node, on ? shown(text) : text);
    }
  });
  content.prepend(h("div.content-bar", {}, button));
}

for (const slot of document.querySelectorAll("[data-media]")) if (slot instanceof HTMLElement) enliven(slot);
for (const content of document.querySelectorAll("[data-content]")) if (content instanceof HTMLElement) offerInvisible(content);
