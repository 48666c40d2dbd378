// What the rubric changed since this person last worked: read first, then the first item.
import { must } from "../lib/dom.js";
import { t } from "./texts.js";

/**
 * Resolves when there is nothing to read, or when it has been read and the server knows.
 *
 * @param {import("./api.js").Api} api
 * @returns {Promise<void>}
 */
export function changesRead(api) {
  const stage = document.getElementById("stage-changes");
  if (!stage) return Promise.resolve();
  must("#changes-h").focus();
  return new Promise((done) => {
    const send = async () => {
      try {
        await api.call("POST", `/rubric-versions/${encodeURIComponent(stage.dataset["version"] ?? "")}/acknowledge`, {});
      } catch {
        must("#changes-say").textContent = t("notAcknowledged");
        return;
      }
      removeEventListener("keydown", enter);
      stage.remove();
      done();
    };
    const enter = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || document.querySelector("dialog[open]") || (event.target instanceof Element && event.target.closest("a, button, select"))) return;
      event.preventDefault();
      void send();
    };
    must("#changes-read").addEventListener("click", () => void send());
    addEventListener("keydown", enter);
  });
}
