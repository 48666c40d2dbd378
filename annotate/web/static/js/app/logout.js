import { forgetDrafts } from "../lib/drafts.js";

/** Signing out clears what this browser kept for a person, but for annotations that were submitted and are not on the server. */
export function forgetOnLogout() {
  for (const form of document.querySelectorAll("form[data-logout]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    let sure = false;
    form.addEventListener("submit", (event) => {
      if (sure) return;
      event.preventDefault();
      void import("./unsent.js").then(({ mayLeave }) => mayLeave(), () => true).then((may) => {
        if (!may) return;
        sure = true;
        forgetDrafts();
        form.requestSubmit();
      });
    });
  }
}
