/** Reads what upstreams say of their load, again and again. */
import type { Clock } from "../../base/index.ts";
import type { Upstream } from "../upstreams/upstream.ts";
import { readLoad } from "./load.ts";

/** Bytes of a metrics page; vLLM's are about 100 KB. */
const pageBytes = 4 * 1024 * 1024;

/** Reads an upstream's load again and again; gives what stops it. A look that fails leaves the last value to grow old. */
export function watchLoad(upstream: Upstream, clock: Clock): () => void {
  const { load } = upstream.config;
  if (!load) return () => {};
  let isAsking = false;
  const look = async () => {
    if (isAsking) return;
    isAsking = true;
    const text = await upstream.page(load.path, pageBytes);
    isAsking = false;
    const read = text === undefined ? undefined : readLoad(text);
    if (read) upstream.loaded({ ...read, atMs: clock.monotonic(), outstanding: upstream.outstanding });
  };
  const timer = setInterval(() => void look(), load.everyMs);
  timer.unref();
  void look();
  return () => clearInterval(timer);
}
