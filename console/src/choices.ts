/** What is chosen on a page, kept in its address: a reload loses nothing, and a link opens the same view. */
import { useCallback, useSyncExternalStore } from "react";
import { parseRoute, routeHash } from "./route.ts";

const onHash = (listener: () => void) => {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
};
const hashNow = () => location.hash;

/** The place after `#`, as it changes. */
export const useRoute = () => parseRoute(useSyncExternalStore(onHash, hashNow));

/** Sets choices of the page that is open, in place: the way back leads to the page before it. An empty value takes a choice out. */
export function choose(changes: Readonly<Record<string, string>>): void {
  const { page, id, choices } = parseRoute(location.hash);
  const hash = routeHash(page, id, { ...choices, ...changes });
  if (hash === location.hash) return;
  history.replaceState(history.state, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** As `useChoice`, of a choice between these; a value of the address that is none of them is the initial one. */
export function useOption<T extends string>(name: string, options: readonly T[], initial: NoInfer<T>): readonly [T, (value: T) => void] {
  const [value, set] = useChoice(name, initial);
  return [options.find(o => o === value) ?? initial, set];
}

/**
 * One choice of the page that is open, and the way to set it. While it has its `initial` value the address is without it.
 *
 * @example const [sort, setSort] = useChoice("sort", "newest");
 */
export function useChoice(name: string, initial = ""): readonly [string, (value: string) => void] {
  const value = useRoute().choices[name] ?? initial;
  const set = useCallback((next: string) => choose({ [name]: next === initial ? "" : next }), [name, initial]);
  return [value, set];
}
