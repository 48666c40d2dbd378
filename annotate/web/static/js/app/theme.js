const KEY = "touchstone.theme";

/** The switch between light and dark: kept on this device, on top of the setting of the account. */
export function themeSwitch() {
  const root = document.documentElement;
  for (const button of document.querySelectorAll('[data-do="theme"]')) {
    if (!(button instanceof HTMLElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset["theme"]
        ? root.dataset["theme"] === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset["theme"] = dark ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset["theme"]);
      } catch {
        // Without storage the choice holds for this page.
      }
    });
  }
}
