// @ts-check
import { setAttribute, setText } from "./dom.js";

const KEY = "wherry.theme";
/** @type {Record<string, { next: string, label: string }>} */
const STEPS = {
  system: { next: "light", label: "Theme: system" },
  light: { next: "dark", label: "Theme: light" },
  dark: { next: "system", label: "Theme: dark" },
};

/**
 * Let the button walk through system, light and dark; the choice is remembered.
 * @param {HTMLButtonElement} control
 */
export function bindTheme(control) {
  let theme = document.documentElement.dataset.theme ?? "system";
  const show = () => {
    const label = STEPS[theme]?.label ?? "";
    const word = control.querySelector("span");
    if (word) {
      setText(word, label);
    }
    setAttribute(control, "aria-label", `${label}. Change it`);
    setAttribute(control, "data-theme-choice", theme);
  };
  control.addEventListener("click", () => {
    theme = STEPS[theme]?.next ?? "system";
    remember(theme);
    show();
  });
  show();
}

/** @param {string} theme */
function remember(theme) {
  const root = document.documentElement;
  if (theme === "system") {
    delete root.dataset.theme;
  } else {
    root.dataset.theme = theme;
  }
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
