// A classic script in the head: the chosen theme is set before the first paint, so that nothing flashes.
(function () {
  "use strict";
  const KEY = "windhover-theme";
  const root = document.documentElement;

  function chosen() {
    try {
      const value = localStorage.getItem(KEY);
      return value === "dark" || value === "light" ? value : null;
    } catch {
      return null; // storage may be switched off; the system's theme stands
    }
  }

  function shown() {
    return root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  }

  const first = chosen();
  if (first) root.dataset.theme = first;

  window.windhoverTheme = {
    shown,
    toggle() {
      root.dataset.theme = shown() === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // the choice then lasts for this page alone
      }
      document.dispatchEvent(new Event("themechange"));
      return root.dataset.theme;
    },
  };
})();
