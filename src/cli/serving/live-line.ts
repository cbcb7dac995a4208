/** The line at the bottom of the terminal while a server runs: slots, queue, tokens a second, use of the cache, the wait for a first token, requests. */
import { formatCount, formatDuration } from "../../base/index.ts";
import type { Engines } from "../../serve/index.ts";
import { EngineHistory } from "../../serve/index.ts";
import { type Context, streamsOf } from "../verb.ts";

const everyMs = 500;
/** First tokens whose median wait is shown: a minute of a busy server, and what a quiet one last did. */
const keptWaits = 64;

interface LiveCounts {
  readonly requests: number;
  readonly tokensPerSecond: number;
  readonly running: number;
  readonly slots: number;
  readonly queued: number;
  /** Share of all caches' positions that is in use; undefined where nothing has a cache. */
  readonly cacheUse: number | undefined;
  /** Median wait for the first token of the last answers, in milliseconds; undefined before the first. */
  readonly firstTokenMs: number | undefined;
  readonly versions: readonly string[];
}

/** What changes most stands first: a narrow terminal cuts the end off. */
export function liveText(counts: LiveCounts): string {
  const { requests, tokensPerSecond, running, slots, queued, cacheUse, firstTokenMs, versions } = counts;
  return [
    `slots ${running}/${slots}`,
    `queue ${queued}`,
    `${formatCount(Math.round(tokensPerSecond))} tokens/s`,
    ...(cacheUse === undefined ? [] : [`cache ${Math.round(100 * cacheUse)} %`]),
    ...(firstTokenMs === undefined
      ? []
      : [`first token ${firstTokenMs < 1000 ? `${Math.round(firstTokenMs)} ms` : formatDuration(firstTokenMs)}`]),
    `${formatCount(requests)} requests`,
    ...(versions.length > 1 ? [`${versions.length} versions`] : []),
  ].join("  ");
}

const median = (values: readonly number[]): number | undefined => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Draws until it is called off. Only for a terminal: elsewhere it would fill a log. */
export function showLive(context: Context, engines: Engines, requests: () => number): () => void {
  const { out } = context;
  if (out.json || !streamsOf(context).stderr.isTTY) return () => {};
  const histories = new WeakMap<object, EngineHistory>();
  const waits: number[] = [];
  engines.watch(engine => {
    histories.set(engine, new EngineHistory(engine));
    engine.observe({
      firstToken: ms => {
        waits.push(ms);
        if (waits.length > keptWaits) waits.shift();
      },
    });
  });
  const progress = out.progress("serving");
  const draw = () => {
    const all = engines.all().map(e => ({ ...e.stats(), id: e.model.id, speed: histories.get(e)?.tokensPerSecond ?? 0 }));
    const encoders = engines.encoders().map(e => ({ ...e.stats(), id: e.model.id }));
    const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);
    const room = sum(all.map(e => e.cacheRoom));
    progress({
      stage: "serve",
      message: liveText({
        requests: requests(),
        tokensPerSecond: sum(all.map(e => e.speed)),
        running: sum([...all, ...encoders].map(e => e.running)),
        slots: sum(all.map(e => e.slots)),
        queued: sum([...all, ...encoders].map(e => e.queued)),
        cacheUse: room > 0 ? sum(all.map(e => e.cacheTokens)) / room : undefined,
        firstTokenMs: median(waits),
        versions: [...all, ...encoders].map(e => e.id),
      }),
    });
  };
  const timer = setInterval(draw, everyMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    out.clear();
  };
}
