/** Answers in memory: the one that was used longest ago goes first. Gone with the process. */
import { type CacheStore, type KeptAnswer, type StoreBounds, storedSize } from "./store.ts";

export function memoryStore(bounds: StoreBounds): CacheStore {
  /** In the order of their last use. */
  const kept = new Map<string, { readonly answer: KeptAnswer; readonly size: number }>();
  let bytes = 0;
  const remove = (key: string): void => {
    const found = kept.get(key);
    if (!found) return;
    bytes -= found.size;
    kept.delete(key);
  };
  return {
    kind: "memory",
    get: async (key, nowMs) => {
      const found = kept.get(key);
      if (!found) return undefined;
      kept.delete(key);
      if (found.answer.expiresMs <= nowMs) {
        bytes -= found.size;
        return undefined;
      }
      kept.set(key, found);
      return found.answer;
    },
    put: async (key, answer, nowMs) => {
      remove(key);
      const size = storedSize(answer);
      if (size > bounds.bytes) return { evicted: 0, expired: 0 };
      kept.set(key, { answer, size });
      bytes += size;
      let [evicted, expired] = [0, 0];
      for (const [other, { answer: old }] of kept) {
        if (kept.size <= bounds.entries && bytes <= bounds.bytes) break;
        if (old.expiresMs <= nowMs) expired++;
        else evicted++;
        remove(other);
      }
      return { evicted, expired };
    },
    clear: async ({ tenant, model }) => {
      const before = kept.size;
      for (const [key, { answer }] of kept)
        if ((tenant === undefined || tenant === answer.tenant) && (model === undefined || model === answer.model)) remove(key);
      return before - kept.size;
    },
    size: async () => ({ entries: kept.size, bytes }),
    close: async () => {
      kept.clear();
      bytes = 0;
    },
  };
}
