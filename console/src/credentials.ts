/**
 * What the page says it is, where a gateway stands before the server: on the same machine a token that the server gives its own page, elsewhere
 * an API key that somebody typed. The key is kept for this tab alone.
 */
import { useSyncExternalStore } from "react";
import * as is from "./shape.ts";

const session = is.object({
  /** Whether a gateway asks who somebody is. */
  gateway: is.boolean,
  token: is.nullable(is.string),
  /** A key to try it with, on this machine. */
  demo: is.nullable(is.object({ key: is.string, path: is.string, body: is.unknown })),
  /** Whether there is a record: a gateway alone has none. */
  record: is.boolean,
});
export type Session = is.Infer<typeof session>;

const none: Session = { gateway: false, token: null, demo: null, record: true };
const place = "loam-gateway-key";

let typed = sessionStorage.getItem(place);
let known: Session | null = null;
let asking: Promise<Session> | null = null;
let asked: "no" | "needed" | "wrong" = "no";
const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

/** Asked once; again after a failure. A server that knows no sessions has no gateway. */
async function ask(url: string): Promise<Session> {
  try {
    const response = await fetch(url, { headers: { accept: "application/json" } });
    const result = session.safeParse(response.ok ? await response.json() : null);
    if (!result.success && response.status >= 500) {
      // a server in trouble has said nothing of gateways
      asking = null;
      return none;
    }
    // one that may not be given a session still has a gateway: it asks for a key
    known = result.success ? result.data : response.status === 403 ? { ...none, gateway: true } : none;
    tell();
    return known;
  } catch {
    asking = null;
    return known ?? none;
  }
}

export function sessionOf(url: string): Promise<Session> {
  asking ??= ask(url);
  return asking;
}

/** The header's value, null where nothing is to be said. */
export const authorization = ({ token }: Session): string | null => {
  const secret = typed ?? token;
  return secret === null ? null : `Bearer ${secret}`;
};

/** It was not good: a session of a server that was started again is asked for anew, a typed key is asked for. True: worth another try. */
export function wasRefused({ token }: Session): boolean {
  if (typed === null && token !== null && asking !== null) {
    asking = null;
    return true;
  }
  const wasTyped = typed !== null;
  forgetKey();
  if (wasTyped) asked = "wrong";
  tell();
  return false;
}

export function keepKey(key: string): void {
  typed = key;
  sessionStorage.setItem(place, key);
  asked = "no";
  tell();
}

/** The key is needed, again or for the first time. */
export function forgetKey(): void {
  typed = null;
  sessionStorage.removeItem(place);
  asked = "needed";
  tell();
}

export const useSession = (): Session | null => useSyncExternalStore(subscribe, () => known);
/** Whether somebody must type a key before anything is shown, and whether the one that they typed was none. */
export const useKeyNeed = (): "no" | "needed" | "wrong" => useSyncExternalStore(subscribe, () => asked);
export const useHasKey = (): boolean => useSyncExternalStore(subscribe, () => typed !== null);
