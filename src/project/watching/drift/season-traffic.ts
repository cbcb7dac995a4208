/**
 * The season of a version's traffic: the same hours of earlier weeks. A version that is younger has the season of the versions before it, of what goes in
 * alone: what a model says is its own.
 */
import type { Store } from "../../../store/index.ts";
import {
  compareSeason,
  type DriftOptions,
  type DriftReport,
  type Season,
  type SeasonDrift,
  type SketchSpec,
  seasonOf,
  type TimedSketch,
  weekMs,
} from "../../../watch/index.ts";
import { liveWindows } from "./live-sketches.ts";

/** Earlier weeks that are used at most. */
const mostWeeks = 4;
/** Versions before this one whose traffic is looked at. */
const mostVersions = 4;
/** Share of the requests that must have come in hours with a counterpart; below it an earlier version's traffic is looked at too. */
const leastCoverage = 0.5;

/** `version`: whose traffic the season is, `mail@2`. Weeks are `seasons`. */
export interface TrafficSeason extends SeasonDrift {
  readonly version: string;
}

interface FoundSeason {
  readonly version: string;
  readonly season: Season;
}

/** A version and those before it, the newest first. */
function versionsBefore(version: string): string[] {
  const at = version.lastIndexOf("@");
  const number = Number(version.slice(at + 1));
  return Array.from({ length: Math.min(number, mostVersions + 1) }, (_, i) => `${version.slice(0, at)}@${number - i}`);
}

async function findSeason(store: Store, version: string, compared: readonly TimedSketch[]): Promise<FoundSeason | undefined> {
  const startMs = Math.min(...compared.map(w => w.atMs));
  // of each earlier week only the compared hours
  const hours = new Set(compared.flatMap(w => Array.from({ length: mostWeeks }, (_, k) => w.atMs - (k + 1) * weekMs)));
  let best: FoundSeason | undefined;
  for (const of of versionsBefore(version)) {
    const earlier = await liveWindows(store, of, startMs - mostWeeks * weekMs, { isWanted: atMs => atMs < startMs && hours.has(atMs) });
    const { tokenizer } = compared[0]!.sketch.spec;
    const season = earlier[0]?.sketch.spec.tokenizer === tokenizer ? seasonOf(compared, earlier, { most: mostWeeks }) : undefined;
    if (season && season.coverage > (best?.season.coverage ?? 0)) best = { version: of, season };
    if (best && best.season.coverage >= leastCoverage) break;
  }
  return best;
}

const inputsOf = ({ features }: SketchSpec): string[] =>
  Object.entries(features).flatMap(([name, { role = "input" }]) => (role === "input" ? [name] : []));

/**
 * How traffic of a version stands to its season. `training` is its report against what the version was trained on, whose features and level are used.
 * Undefined where no traffic of the same hours is kept.
 */
export async function seasonOfTraffic(
  store: Store,
  version: string,
  compared: readonly TimedSketch[],
  training: DriftReport,
  options: DriftOptions = {},
): Promise<TrafficSeason | undefined> {
  const found = await findSeason(store, version, compared);
  if (!found) return undefined;
  const { season, version: of } = found;
  const own = Object.keys(season.reference.spec.features);
  const inputs = new Set(inputsOf(season.reference.spec));
  const features = training.features.map(f => f.name).filter(name => own.includes(name) && (of === version || inputs.has(name)));
  if (features.length === 0) return undefined;
  return { version: of, ...compareSeason(training, season, { ...options, features, alpha: training.alpha }) };
}
