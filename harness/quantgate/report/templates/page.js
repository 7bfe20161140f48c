"use strict";
// What every page has: light and dark, and everything unfolded on paper.
(() => {
  const root = document.documentElement;
  document.querySelector(".theme")?.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("beforeprint", () => quantgate.all("details").forEach((d) => (d.open = true)));
  root.dataset.ready = "1";
})();
