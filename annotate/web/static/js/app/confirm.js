import { answerOf } from "../lib/dom.js";

/**
 * A form whose button carries `data-confirm="Question"` asks once, in a dialog, before it is sent.
 * Without scripts the server's own confirmation page or the plain post stands.
 */
export function confirmFirst() {
  const dialog = document.getElementById("confirm");
  if (!(dialog instanceof HTMLDialogElement)) return;
  const text = dialog.querySelector("h2");
  /** @type {HTMLElement | null} */
  let asked = null;
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!(button instanceof HTMLElement) || !button.dataset["confirm"] || asked === button) {
      asked = null;
      return;
    }
    event.preventDefault();
    if (text) text.textContent = button.dataset["confirm"];
    void answerOf(dialog).then((said) => {
      if (said !== "yes") {
        button.focus();
        return;
      }
      asked = button;
      const form = event.target;
      if (form instanceof HTMLFormElement) form.requestSubmit(button);
    });
  });
}
