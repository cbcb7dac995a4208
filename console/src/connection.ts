/** Whether the server answers, as every call of the page last found it: one banner says so, not every part of the page. */
import { useSyncExternalStore } from "react";

let isUp = true;
const listeners = new Set<() => void>();

export function reportConnection(up: boolean): void {
  if (up === isUp) return;
  isUp = up;
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** True until a call finds nobody, and again as soon as one is answered. */
export const useIsUp = (): boolean => useSyncExternalStore(subscribe, () => isUp);
