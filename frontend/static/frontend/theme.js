/* Runs before the first paint: the chosen theme, or the system's. */
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    const choice = stored() || "auto";
    const root = document.documentElement;
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    root.dataset.themeChoice = choice;
    root.classList.add("js");
    document.dispatchEvent(new CustomEvent("themechange"));
  };
  dark.addEventListener("change", apply);
  window.setTheme = (choice) => {
    try {
      localStorage.setItem("theme", choice);
    } catch {
      /* private window: the choice lasts for this page */
    }
    apply();
  };
  apply();
})();
