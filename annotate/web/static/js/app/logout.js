import { forgetDrafts } from "../lib/drafts.js";

/** Signing out clears what this browser kept for a person. */
export function forgetOnLogout() {
  for (const form of document.querySelectorAll("form[data-logout]")) {
    form.addEventListener("submit", () => {
      forgetDrafts();
    });
  }
}
