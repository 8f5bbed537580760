import { useCallback, useMemo } from "react";
import { useSearch } from "wouter";
import { navigate } from "wouter/use-browser-location";

/** Changes parts of the address's query, from what it is at that moment. */
export function changeQuery(changes: Record<string, string | null>, how: { replace?: boolean } = {}): void {
  const params = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(name);
    else params.set(name, value);
  }
  const query = params.toString();
  navigate(window.location.pathname + (query ? `?${query}` : ""), { replace: how.replace ?? false });
}

/**
 * A part of what a page shows, kept in the address so that it can be shared and the back button works. `replace` for what
 * changes with each keystroke.
 */
export function useUrlState(name: string, fallback = ""): [string, (value: string, how?: { replace?: boolean }) => void] {
  const search = useSearch();
  const value = useMemo(() => new URLSearchParams(search).get(name) ?? fallback, [search, name, fallback]);
  const set = useCallback(
    (next: string, how?: { replace?: boolean }) => changeQuery({ [name]: next === fallback ? null : next }, how),
    [name, fallback],
  );
  return [value, set];
}

export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") params.set(name, String(value));
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}
