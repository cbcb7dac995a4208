/** What the state said of a key, good or bad, believed for a short time; and while the state does not answer, what was good a little longer. */

interface LookupCacheOptions {
  readonly now: () => number;
  /** How long what was found, or that there is nothing, is believed. */
  readonly cacheMs: number;
  /** How long what was found is believed while the state does not answer. */
  readonly staleMs: number;
}

interface Cached<T> {
  readonly found: Promise<T | null>;
  /** What that came to; undefined until then. */
  known: T | null | undefined;
  /** Believed for `cacheMs` from here. */
  readonly atMs: number;
  /** When the state said so. */
  readonly readMs: number;
}

/** Entries, good and bad alike: about 30 MB. */
const mostCached = 50_000;

export interface LookupCache<T> {
  /** Null: there is none. At once where it is believed from an earlier look. Errors: those of `lookUp`. */
  find(at: string, lookUp: () => Promise<T | null>): T | null | Promise<T | null>;
  forget(): void;
}

export function lookupCache<T>({ now, cacheMs, staleMs }: LookupCacheOptions): LookupCache<T> {
  const cache = new Map<string, Cached<T>>();
  const lookedUp = async (at: string, kept: Cached<T> | undefined, lookUp: () => Promise<T | null>): Promise<T | null> => {
    const nowMs = now();
    const entry: Cached<T> = { found: lookUp(), known: undefined, atMs: nowMs, readMs: nowMs };
    cache.delete(at);
    cache.set(at, entry);
    if (cache.size > mostCached) cache.delete(cache.keys().next().value!);
    try {
      entry.known = await entry.found;
      return entry.known;
    } catch (error) {
      if (cache.get(at) === entry) cache.delete(at);
      if (!kept || now() - kept.readMs > staleMs) throw error;
      const stale = await kept.found.catch(() => null);
      if (!stale) throw error;
      // believed again for the cache's time, so that not every request waits for a state that does not answer
      cache.set(at, { ...kept, known: stale, atMs: now() });
      return stale;
    }
  };
  return {
    find(at, lookUp) {
      const kept = cache.get(at);
      if (kept && now() - kept.atMs < cacheMs) return kept.known === undefined ? kept.found : kept.known;
      return lookedUp(at, kept, lookUp);
    },
    forget: () => cache.clear(),
  };
}
