// Runs before the first paint, so that a theme chosen on this device does not flash.
(() => {
  try {
    const theme = localStorage.getItem("touchstone.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    if (localStorage.getItem("touchstone.reading-size") === "large") document.documentElement.dataset.readingSize = "large";
  } catch {
    // Storage may be switched off; the theme of the account or of the system stands.
  }
})();
