import { say } from "../lib/dom.js";

/** `<button data-copy="text" hidden>`: shown where the browser can copy. */
export function copyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset["copy"] ?? "");
      button.dataset["copied"] = "yes";
      say(button.dataset["copiedText"] ?? button.textContent ?? "");
    });
  }
}
