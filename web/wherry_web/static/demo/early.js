// @ts-check
// A classic script in the head: it runs before the first paint, so the remembered theme never flashes,
// and it runs from file: too, where modules do not load.
(() => {
  const root = document.documentElement;
  let theme = null;
  try {
    theme = localStorage.getItem("wherry.theme");
  } catch {
    // Storage is blocked: the page says so where it matters, and the theme follows the system.
  }
  if (theme === "light" || theme === "dark") {
    root.dataset.theme = theme;
  }
  if (location.protocol === "file:") {
    root.dataset.opened = "file";
  }
})();
