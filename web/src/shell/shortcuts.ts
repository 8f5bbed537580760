import { useEffect } from "react";
import { useLocation } from "wouter";
import { Store } from "../lib/store";
import { places } from "./places";

export const paletteOpen = new Store(false);
export const helpOpen = new Store(false);

const kChord = 1200; // milliseconds between g and the next key

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** `/` to the page's search box, or to Search; `g` and a letter to a page; Ctrl+K for the palette; `?` for this list. */
export function useShortcuts(): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let chordUntil = 0;
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        paletteOpen.set(!paletteOpen.get());
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("[role=dialog]")) return;
      if (Date.now() < chordUntil) {
        chordUntil = 0;
        const place = places.find(({ key }) => key === event.key);
        if (place) {
          event.preventDefault();
          navigate(place.href);
        }
        return;
      }
      if (event.key === "g") chordUntil = Date.now() + kChord;
      if (event.key === "?") helpOpen.set(true);
      if (event.key === "/") {
        event.preventDefault();
        const box = document.querySelector<HTMLInputElement>("[data-search-box]");
        if (box) box.select();
        else navigate("/");
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [navigate]);
}
