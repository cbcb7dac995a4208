/** What the console's page Watch shows: read from the record, whoever wrote it. Vectors are compared by `loam watch drift` alone, since that takes seconds. */

import type { LoopPolicy } from "../../loop/index.ts";
import type { WatchSource } from "../../serve/index.ts";
import type { Store } from "../../store/index.ts";
import type { ObjectiveRule } from "../../watch/index.ts";
import { loopShown, loopsRevision } from "../looping/loop-shown.ts";
import { compareTraffic, type TrafficSeason } from "./drift/index.ts";
import { feedbackRevision, modelQuality } from "./feedback/index.ts";
import { readWatchHistory, readWatchStatus, watchedAlarms, watchRevision } from "./live/index.ts";
import { watchedSamples } from "./samples/index.ts";

type Drift = Awaited<ReturnType<WatchSource["drift"]>>[number];

const mostAlarms = 100;
const mostSamples = 20;
/** Of traffic: the last days, compared as one. */
const driftMs = 7 * 86_400_000;
/** A comparison takes some tens of milliseconds of processor: it is kept so long, however many look. */
const driftKeptMs = 60_000;
/** The same hours of earlier weeks change by the hour. */
const seasonKeptMs = 3_600_000;

/** Seasons by version, and when they were found. */
type KeptSeasons = Map<string, { readonly atMs: number; readonly season: TrafficSeason }>;

const seasonShown = ({ report, version, seasons, fromMs, coverage, usual, unusual, unknown }: TrafficSeason) => ({
  ...{ version, seasons: [...seasons], fromMs, coverage, verdict: report.verdict, events: report.events },
  ...{ usual: [...usual], unusual: [...unusual], unknown: [...unknown] },
});

const noComparison = (model: string, why: string): Drift => ({ model, reference: null, verdict: null, features: [], why });

async function driftOf(store: Store, model: string, seasons: KeptSeasons): Promise<Drift> {
  const nowMs = store.clock.now();
  const kept = seasons.get(model);
  const isFresh = kept !== undefined && nowMs >= kept.atMs && nowMs - kept.atMs < seasonKeptMs;
  const compared = await compareTraffic(store, model, { fromMs: nowMs - driftMs, keptSeason: isFresh ? kept.season : undefined });
  if (compared === "unknown")
    return noComparison(model, `No sketch of what ${model} was trained on: train it again with \`loam run\`, which makes one.`);
  if (compared === "unused")
    return noComparison(model, `No requests to ${model} in the last 7 days: send some, and they are compared here.`);
  const { reference, report, sinceMs, season } = compared;
  if (season && !isFresh) seasons.set(model, { atMs: nowMs, season });
  return {
    model,
    reference,
    verdict: report.verdict,
    alpha: report.alpha,
    events: report.events,
    features: report.features.map(({ name, type, kind, verdict, needed, test, p, adjustedP, effect, measure, numbers, moved, ...f }) => ({
      ...{ name, type, kind, verdict, needed, test, p, adjustedP, effect, measure },
      reference: { values: f.reference.values },
      window: { values: f.window.values },
      ...(numbers ? { numbers } : {}),
      ...(moved ? { moved: moved.map(m => ({ value: m.value, reference: m.reference, window: m.window, q: m.q })) } : {}),
      since: sinceMs.get(name) ?? null,
    })),
    season: season && seasonShown(season),
    why: null,
  };
}

interface WatchSourceOptions {
  /** What loam.yaml says of retraining, by model. */
  readonly loops?: Readonly<Record<string, LoopPolicy>>;
  /** Whether loam.yaml asks for examples of requests. */
  readonly keepsSamples?: boolean;
}

export function watchSource(
  store: Store,
  objectives: readonly ObjectiveRule[],
  { loops = {}, keepsSamples = false }: WatchSourceOptions = {},
): WatchSource {
  let drift: { readonly atMs: number; readonly all: Promise<Drift[]> } | undefined;
  const seasons: KeptSeasons = new Map();
  const compare = async (): Promise<Drift[]> => {
    const { models } = await readWatchStatus(store, objectives);
    const versions = models.map(m => m.model).filter(m => /^[^#:]+@\d+$/.test(m));
    const all: Drift[] = [];
    for (const version of versions) all.push(await driftOf(store, version, seasons));
    return all;
  };
  return {
    status: async () => ({
      ...(await readWatchStatus(store, objectives)),
      alarms: (await watchedAlarms(store)).slice(0, mostAlarms),
    }),
    history: (metric, model, step) => readWatchHistory(store, metric, { model, step }),
    drift: () => {
      const nowMs = store.clock.now();
      if (!drift || nowMs - drift.atMs >= driftKeptMs || nowMs < drift.atMs) drift = { atMs: nowMs, all: compare() };
      return drift.all;
    },
    quality: () => modelQuality(store, undefined),
    samples: async alarm => ({ isKept: keepsSamples, samples: await watchedSamples(store, { alarm, limit: mostSamples }) }),
    loops: async () => Promise.all(Object.entries(loops).map(([model, policy]) => loopShown(store, model, policy))),
    revision: async () =>
      JSON.stringify([await watchRevision(store), await feedbackRevision(store), await loopsRevision(store, Object.keys(loops))]),
  };
}
