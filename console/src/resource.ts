/**
 * A part of the server's state on the page: loaded, kept fresh, and shown as it last was while a newer one is under way or the server is
 * gone. Answers are remembered by key, so that going back to a page shows it at once.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { hasStream, onChanges, revisionOf, type Topic } from "./changes.ts";
import { type Failure, failureOf } from "./failure.ts";

export interface Resource<T> {
  /** The last good answer for this key. */
  readonly data: T | undefined;
  /** Why the newest try failed; undefined after a success. */
  readonly failure: Failure | undefined;
  reload(): void;
}

/** How a resource is kept fresh while the page is visible; a resource without it is loaded once. */
export interface Freshness {
  /** Loaded again when one of these changes; absent: no stream tells of it. */
  readonly on?: readonly Topic[];
  /** Between loads at least; and at most where no stream tells of changes. Absent: it is loaded again by a stream alone. */
  readonly everyMs?: number;
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

interface Watched<T> {
  readonly load: (signal: AbortSignal) => Promise<T>;
  readonly fresh: Freshness;
  readonly onData: (data: T) => void;
  readonly onFailure: (failure: Failure) => void;
}

/** Loads until the returned function is called. */
function watch<T>({ load, fresh: { on = [], everyMs }, onData, onFailure }: Watched<T>): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLoading = false;
  /** Revision of the newest load, its time, and how long until another try where it failed. */
  let [seen, loadedMs, failedMs] = ["", 0, undefined as number | undefined];

  const isBehind = () => on.length > 0 && hasStream() && revisionOf(on) !== seen;
  const plan = () => {
    clearTimeout(timer);
    if (isLoading || document.hidden) return;
    const polls = on.length === 0 || !hasStream();
    const everyNow = failedMs ?? (polls ? everyMs : isBehind() ? (everyMs ?? retryMs) : undefined);
    if (everyNow !== undefined) timer = setTimeout(() => void once(), Math.max(0, loadedMs + everyNow - performance.now()));
  };
  const once = async () => {
    isLoading = true;
    // what changes while it is under way is loaded again
    seen = revisionOf(on);
    try {
      const data = await load(abort.signal);
      if (abort.signal.aborted) return;
      failedMs = undefined;
      onData(data);
    } catch (error) {
      if (abort.signal.aborted) return;
      const failure = failureOf(error);
      failedMs = everyMs ?? (failure.kind === "unreachable" ? retryMs : undefined);
      onFailure(failure);
    }
    isLoading = false;
    loadedMs = performance.now();
    plan();
  };
  const stopListening = onChanges(plan);
  document.addEventListener("visibilitychange", plan);
  void once();
  return () => {
    abort.abort();
    clearTimeout(timer);
    stopListening();
    document.removeEventListener("visibilitychange", plan);
  };
}

/** The last answer stays while that of another key is on its way: nothing moves under a person's hands, and what has the focus keeps it. */
export function useStaying<T>(resource: Resource<T>): Resource<T> {
  const last = useRef<T>(undefined);
  if (resource.data !== undefined) last.current = resource.data;
  return { ...resource, data: resource.data ?? (resource.failure ? undefined : last.current) };
}

/** `key` names what is loaded and must differ where `load` would; null loads nothing. */
export function useResource<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>, fresh: Freshness = {}): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data?: T | undefined; failure?: Failure | undefined }>({ key: null });
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;
  const { everyMs } = fresh;
  const topics = fresh.on?.join(" ");

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a new load.
  useEffect(() => {
    if (key === null) return;
    return watch({
      load: signal => loader.current(signal),
      fresh,
      onData(data) {
        remember(key, data);
        setState({ key, data });
      },
      onFailure: failure =>
        setState(before => ({ key, data: before.key === key ? before.data : (remembered.get(key) as T | undefined), failure })),
    });
  }, [key, everyMs, topics, round]);

  const reload = useCallback(() => setRound(n => n + 1), []);
  if (key === null) return { data: undefined, failure: undefined, reload };
  if (state.key === key) return { data: state.data, failure: state.failure, reload };
  return { data: remembered.get(key) as T | undefined, failure: undefined, reload };
}
