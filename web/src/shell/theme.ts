import { storedIn } from "../lib/store";

export const theme = storedIn("localStorage", "millrace-theme", "system");

/** Lets the choice hold on this page, and again whenever it changes. */
export function applyTheme(): void {
  const apply = () => {
    const choice = theme.get();
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  };
  apply();
  theme.subscribe(apply);
}

export function nextTheme(): void {
  const order = ["system", "light", "dark"];
  theme.set(order[(order.indexOf(theme.get()) + 1) % order.length]!);
}
