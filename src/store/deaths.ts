/** Whether the holder of a row is dead: certain for processes of this machine; of others a heartbeat that stands still tells, on our own clock. */
import { ownerState } from "./owner.ts";

/** A heartbeat that stands still this long ends the hold of an owner whom we cannot see; long enough for a busy event loop. */
const staleMs = 60_000;

interface HeldSlot {
  readonly token: string;
  /** JSON of an `Owner`. */
  readonly owner: string;
  readonly beats: number;
}

/** A watch that remembers heartbeats from look to look. */
export function deathWatch(): (held: HeldSlot) => boolean {
  const watched = new Map<string, { readonly beats: number; readonly sinceMs: number }>();
  return ({ token, owner, beats }) => {
    const state = ownerState(JSON.parse(owner));
    if (state !== "unknown") return state === "dead";
    const seen = watched.get(token);
    if (!seen || seen.beats !== beats) {
      watched.set(token, { beats, sinceMs: performance.now() });
      return false;
    }
    return performance.now() - seen.sinceMs > staleMs;
  };
}
