/**
 * A part of the server's state on the page: loaded, kept fresh, and shown as it last was while a newer one is under way or the server is
 * gone. Answers are remembered by key, so that going back to a page shows it at once.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { type Failure, failureOf } from "./failure.ts";

export interface Resource<T> {
  /** The last good answer for this key. */
  readonly data: T | undefined;
  /** Why the newest try failed; undefined after a success. */
  readonly failure: Failure | undefined;
  reload(): void;
}

/** Between tries while nothing comes back, in milliseconds: quick enough to notice a restart, slow enough to be no load. */
const retryMs = 2_000;

/** Answers kept, the last ones loaded: a few pages back. */
const mostRemembered = 40;
const remembered = new Map<string, unknown>();

function remember(key: string, data: unknown): void {
  remembered.delete(key);
  remembered.set(key, data);
  for (const oldest of remembered.keys()) if (remembered.size > mostRemembered) remembered.delete(oldest);
}

/**
 * `key` names what is loaded and must differ where `load` would; null loads nothing. With `everyMs` it is loaded again and again while the
 * page is visible.
 */
export function useResource<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>, everyMs?: number): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data?: T | undefined; failure?: Failure | undefined }>({ key: null });
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a new load.
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (ms: number | undefined) => {
      if (ms === undefined) return;
      timer = setTimeout(() => (document.hidden ? again(ms) : void once()), ms);
    };
    const once = async () => {
      try {
        const data = await loader.current(abort.signal);
        if (abort.signal.aborted) return;
        remember(key, data);
        setState({ key, data });
        again(everyMs);
      } catch (error) {
        if (abort.signal.aborted) return;
        const failure = failureOf(error);
        setState(before => ({ key, data: before.key === key ? before.data : (remembered.get(key) as T | undefined), failure }));
        again(everyMs ?? (failure.kind === "unreachable" ? retryMs : undefined));
      }
    };
    void once();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs, round]);

  const reload = useCallback(() => setRound(n => n + 1), []);
  if (key === null) return { data: undefined, failure: undefined, reload };
  if (state.key === key) return { data: state.data, failure: state.failure, reload };
  return { data: remembered.get(key) as T | undefined, failure: undefined, reload };
}
