/**
 * Who the page is to the server: a session (a cookie that the page cannot read, and the CSRF token that it repeats in a header), or an API key that
 * somebody typed. The key is kept for this tab alone; it counts before the session.
 */
import { useSyncExternalStore } from "react";
import { type Session, session } from "./generated/server.ts";

const none: Session = { gateway: false, record: true, access: "open", csrf: null, demo: null };
const place = "loam-gateway-key";
const codePrefix = "login-";

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

/** Asked once; again after a failure, a login and a logout. */
async function ask(url: string): Promise<Session> {
  try {
    const response = await fetch(url, { headers: { accept: "application/json" } });
    const result = session.safeParse(response.ok ? await response.json() : null);
    if (!result.success) {
      // a server in trouble has said nothing
      asking = null;
      return known ?? none;
    }
    known = result.data;
    if (known.access === "none" && typed === null && asked === "no") asked = "needed";
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

/** Headers of every request to the server. */
export const credentials = ({ csrf }: Session): Record<string, string> =>
  typed !== null ? { authorization: `Bearer ${typed}` } : csrf === null ? {} : { "x-loam-csrf": csrf };

/** False: nothing but a login is answered. */
export const isKnown = ({ access }: Session): boolean => typed !== null || access !== "none";

/** The server knows this page no more: the session is over, or the typed key is none. */
export function wasRefused(): void {
  asked = typed === null ? "needed" : "wrong";
  forget();
}

/** Sends a login code, or keeps what is none as an API key. */
export async function signIn(text: string, url: string): Promise<void> {
  const code = /[?&]code=([\w-]+)/.exec(text)?.[1] ?? (text.startsWith(codePrefix) ? text : undefined);
  if (code === undefined) {
    typed = text;
    sessionStorage.setItem(place, text);
    asked = "no";
    return tell();
  }
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ code }) }).catch(() => null);
  asked = response?.ok ? "no" : "wrong";
  forget();
}

/** Ends the session, or forgets the key. */
export async function signOut(url: string): Promise<void> {
  if (typed === null && known) await fetch(url, { method: "POST", headers: credentials(known) }).catch(() => {});
  asked = "needed";
  forget();
}

function forget(): void {
  typed = null;
  sessionStorage.removeItem(place);
  asking = null;
  tell();
}

export const useSession = (): Session | null => useSyncExternalStore(subscribe, () => known);
/** Whether somebody must sign in before anything is shown, and whether what they typed was wrong. */
export const useSignInNeed = (): "no" | "needed" | "wrong" => useSyncExternalStore(subscribe, () => asked);
export const useHasKey = (): boolean => useSyncExternalStore(subscribe, () => typed !== null);
