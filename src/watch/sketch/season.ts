/**
 * A seasonal window as a second reference: what came at the same hours of earlier weeks. Only hours that all used weeks have are compared, on both sides, so
 * a night that is missing in one week is no drift of the others. A period is any whole number of windows; hours are those of UTC.
 */
import { checkSetting } from "../errors.ts";
import { compareSketches } from "./compare.ts";
import type { DriftOptions, DriftReport, FeatureDrift } from "./report.ts";
import type { TimedSketch } from "./since.ts";
import { mergeAllSketches, type Sketch } from "./sketch.ts";

export const weekMs = 7 * 24 * 3_600_000;

export interface SeasonOptions {
  /** Length of a season (default: a week). */
  readonly everyMs?: number;
  /** Earlier seasons that are used at most (default 4). */
  readonly most?: number;
}

export interface Season {
  /** What came at the same hours of earlier seasons. */
  readonly reference: Sketch;
  /** What came now in the hours that have such a counterpart. */
  readonly window: Sketch;
  /** Beginnings of what the reference holds, as earlier seasons: 1 is the last one. */
  readonly seasons: readonly number[];
  /** Beginning of the oldest window that is used. */
  readonly fromMs: number;
  /** Share of the compared events that came in hours with a counterpart. */
  readonly coverage: number;
}

/** Of the best single season's share of events, what the hours that all used seasons have must keep. */
const leastKept = 0.8;

const eventsOf = (windows: readonly TimedSketch[]): number => windows.reduce((n, w) => n + w.sketch.events, 0);

/**
 * The season of windows: `compared` and `earlier` begin at whole steps of the same clock, each time once. Windows of `earlier` that do not come before
 * `compared` are left out. Undefined where no earlier window is a counterpart. Errors: watch/setting; watch/reference where specs of one side differ.
 */
export function seasonOf(
  compared: readonly TimedSketch[],
  earlier: readonly TimedSketch[],
  { everyMs = weekMs, most = 4 }: SeasonOptions = {},
): Season | undefined {
  checkSetting(Number.isFinite(everyMs) && everyMs > 0, "everyMs", "a time above 0, in ms", everyMs);
  checkSetting(Number.isInteger(most) && most >= 1, "most", "a whole number from 1", most);
  const startMs = Math.min(...compared.map(w => w.atMs));
  const before = new Map(earlier.filter(w => w.atMs < startMs && w.sketch.events > 0).map(w => [w.atMs, w]));
  const withSeason = (windows: readonly TimedSketch[], season: number) => windows.filter(w => before.has(w.atMs - season * everyMs));
  const candidates = Array.from({ length: most }, (_, k) => k + 1)
    .map(season => ({ season, windows: withSeason(compared, season) }))
    .filter(c => eventsOf(c.windows) > 0)
    // the season with most of the hours first; of several the latest
    .sort((a, b) => eventsOf(b.windows) - eventsOf(a.windows) || a.season - b.season);
  const [best] = candidates;
  if (!best) return undefined;
  let hours: readonly TimedSketch[] = best.windows;
  const seasons = [best.season];
  for (const { season } of candidates.slice(1)) {
    const both = withSeason(hours, season);
    if (eventsOf(both) < leastKept * eventsOf(best.windows)) continue;
    hours = both;
    seasons.push(season);
  }
  const used = seasons.flatMap(season => hours.map(w => before.get(w.atMs - season * everyMs)!));
  const merged = (windows: readonly TimedSketch[]): Sketch => mergeAllSketches(windows.map(w => w.sketch));
  return {
    reference: merged(used),
    window: merged(hours),
    seasons: seasons.sort((a, b) => a - b),
    fromMs: Math.min(...used.map(w => w.atMs)),
    coverage: eventsOf(hours) / eventsOf(compared),
  };
}

/** Features that differ from what a model was trained on, by how they stand to their season. */
export interface SeasonVerdicts {
  /** As in the season: the difference is usual for these hours. */
  readonly usual: readonly string[];
  /** Differ from the season too. */
  readonly unusual: readonly string[];
  /** Too few values, or no such feature in the season. */
  readonly unknown: readonly string[];
}

export interface SeasonDrift extends SeasonVerdicts {
  readonly report: DriftReport;
  /** Earlier seasons that are used: 1 is the last one. */
  readonly seasons: readonly number[];
  readonly fromMs: number;
  readonly coverage: number;
}

/** How features that differ from the training data stand to their season. `season` is the report of the season's window against its reference. */
export function seasonVerdicts(training: DriftReport, season: DriftReport): SeasonVerdicts {
  const found = new Map(season.features.map((f): [string, FeatureDrift] => [f.name, f]));
  const changed = training.features.filter(f => f.verdict === "drift").map(f => f.name);
  const of = (is: (f: FeatureDrift | undefined) => boolean) => changed.filter(name => is(found.get(name)));
  return {
    usual: of(f => f?.verdict === "no drift"),
    unusual: of(f => f?.verdict === "drift"),
    unknown: of(f => f === undefined || f.verdict === "too few"),
  };
}

/** A window's season, compared, beside the window's own report against the training data. Errors: those of `compareSketches`. */
export function compareSeason(training: DriftReport, season: Season, options: DriftOptions = {}): SeasonDrift {
  const { reference, window, seasons, fromMs, coverage } = season;
  const report = compareSketches(reference, window, options);
  return { ...seasonVerdicts(training, report), report, seasons, fromMs, coverage };
}
