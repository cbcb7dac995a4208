/** A version's traffic beside what it was trained on, without vectors: `loam watch drift` alone compares those, since that takes seconds. */
import type { Store } from "../../../store/index.ts";
import { compareSketches, type DriftReport, driftSince, mergeAllSketches } from "../../../watch/index.ts";
import { liveWindows } from "./live-sketches.ts";
import { seasonOfTraffic, type TrafficSeason } from "./season-traffic.ts";
import { versionSketch } from "./subject.ts";

export interface TrafficDrift {
  /** Its artifact; null where it is a file. */
  readonly reference: string | null;
  /** It was tuned on what requests are like. One that was trained on documents alone gets prompts, which differ from whole documents in any case. */
  readonly isTuned: boolean;
  readonly report: DriftReport;
  /** When a feature that drifted began to, by name; ms since 1970. */
  readonly sinceMs: ReadonlyMap<string, number>;
  /** The same hours of earlier weeks beside it, where something drifted and such traffic is kept; else null. */
  readonly season: TrafficSeason | null;
}

interface CompareTrafficOptions {
  readonly fromMs: number;
  readonly alpha?: number;
  /** A season that was found a moment ago and still holds: finding one takes seconds of processor where four weeks are kept. */
  readonly keptSeason?: TrafficSeason | null | undefined;
}

/** "unknown": the record has no sketch of what the version was trained on. "unused": there were no requests. */
export async function compareTraffic(
  store: Store,
  version: string,
  { fromMs, alpha, keptSeason }: CompareTrafficOptions,
): Promise<TrafficDrift | "unknown" | "unused"> {
  // a version that the record does not have, as a file's, has none either
  const reference = await versionSketch(store, version).catch(() => undefined);
  if (!reference) return "unknown";
  const windows = await liveWindows(store, version, fromMs);
  if (windows.length === 0) return "unused";
  const live = mergeAllSketches(windows.map(w => w.sketch));
  const features = Object.entries(reference.sketch.spec.features).flatMap(([name, { type }]) =>
    type !== "vector" && Object.hasOwn(live.spec.features, name) ? [name] : [],
  );
  const report = compareSketches(reference.sketch, live, { features, ...(alpha === undefined ? {} : { alpha }) });
  const changed = report.features.filter(f => f.verdict === "drift");
  const onsets = windows.length > 1 && changed.length > 0 ? driftSince(reference.sketch, windows, { alpha: report.alpha }) : [];
  const sinceMs = new Map<string, number>();
  for (const { name } of changed) {
    // of a feature with values, the one whose change is surest
    const [surest] = onsets.filter(o => o.feature === name && o.sinceMs !== null).sort((x, y) => x.p - y.p);
    if (surest) sinceMs.set(name, surest.sinceMs!);
  }
  const isTuned = Object.values(reference.sketch.spec.features).some(f => f.role === "label");
  const season = changed.length > 0 ? (keptSeason ?? (await seasonOfTraffic(store, version, windows, report)) ?? null) : null;
  return { reference: reference.subject.artifact, isTuned, report, sinceMs, season };
}
