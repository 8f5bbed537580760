import { useSyncExternalStore } from "react";

/** A value outside React that components can follow. */
export class Store<T> {
  private readonly listeners = new Set<() => void>();
  constructor(private value: T) {}

  get = (): T => this.value;
  set = (value: T): void => {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  };
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}

/** A store that outlives the page. `storage` may refuse (private windows); then it lasts as long as the page. */
export function storedIn(storage: "localStorage" | "sessionStorage", name: string, fallback: string): Store<string> {
  const read = (): string => {
    try {
      return window[storage].getItem(name) ?? fallback;
    } catch {
      return fallback;
    }
  };
  const store = new Store(read());
  store.subscribe(() => {
    try {
      const value = store.get();
      if (value === fallback) window[storage].removeItem(name);
      else window[storage].setItem(name, value);
    } catch {
      // the value still holds for this page
    }
  });
  return store;
}
