/**
 * Alarms where a version's traffic differs from what it was trained on. The holder of the monitors' lease looks every so many hours. Each look has a level of its
 * own, and the levels of all looks sum to the declared false-alarm rate: looking every day costs nothing. The training data's own error counts, for the tests are
 * of two samples. One alarm a version, which ends with the first look that finds nothing; none of a version that was trained on documents alone.
 */
import type { Json } from "../../../base/index.ts";
import { levelOfLook } from "../../../statistics/index.ts";
import { readState, type Store } from "../../../store/index.ts";
import type { WatchFigures } from "../../../tracing/index.ts";
import type { AlarmChange } from "../live/alarms-kept.ts";
import { compareTraffic, type TrafficDrift } from "./compare-traffic.ts";

const scope = "watch/drift";
const hourMs = 3_600_000;
/** Of traffic: the last days, compared as one. */
const comparedMs = 7 * 24 * hourMs;
/** Features that an alarm names, the strongest first. */
const mostNamed = 5;

export interface DriftRule {
  readonly alpha: number;
  /** Hours between two looks. */
  readonly every: number;
}

type DriftFigure = WatchFigures["drift"][number];

interface DriftLooks {
  readonly looks: number;
  /** Of the last look, or of when the version was first seen. */
  readonly atMs: number;
  readonly isDrifting: boolean;
  /** What the last look said, for /metrics. */
  readonly figures: readonly DriftFigure[];
}

// states of this scope are written here alone
const looksOf = (value: Json | undefined) => value as unknown as DriftLooks | undefined;

/** What became of one version; kept by the caller in one transaction with the alarm. */
export interface DriftLook {
  readonly version: string;
  readonly changes: readonly AlarmChange[];
  readonly state: Json;
}

const figuresOf = (version: string, { report }: TrafficDrift): DriftFigure[] =>
  report.features.flatMap(({ name, measure, effect, adjustedP }) =>
    effect === null ? [] : [{ model: version, feature: name, measure, score: effect.value, p: adjustedP }],
  );

function changesOf(version: string, compared: TrafficDrift, was: boolean, nowMs: number): AlarmChange[] {
  const { report, sinceMs, reference, season } = compared;
  const group = `${version}/drift`;
  if (report.verdict !== "drift") return was ? [{ event: "cleared", group, atMs: nowMs }] : [];
  if (was) return [];
  const moved = report.features.filter(f => f.verdict === "drift");
  const since = moved.flatMap(f => sinceMs.get(f.name) ?? []);
  const evidence = moved.slice(0, mostNamed).map(({ name, kind, measure, effect, adjustedP, moved: values = [] }) => ({
    feature: name,
    kind,
    measure,
    effect: effect && { value: effect.value, low: effect.low, high: effect.high },
    p: adjustedP,
    values: values.slice(0, mostNamed).map(v => ({ value: v.value, reference: v.reference, window: v.window })),
  }));
  // the alarm says whether the difference is usual for these hours: it is still one from what the version was trained on
  const ofSeason = season && {
    ...{ version: season.version, weeks: season.seasons, fromMs: season.fromMs, coverage: season.coverage },
    ...{ events: season.report.events, usual: season.usual, unusual: season.unusual, unknown: season.unknown },
  };
  const told = { reference, alpha: report.alpha, events: report.events, season: ofSeason, features: evidence };
  return [
    {
      event: "raised",
      group,
      atMs: nowMs,
      monitor: "drift",
      kind: "drift",
      model: version,
      severity: "ticket",
      sinceMs: since.length > 0 ? Math.min(...since) : nowMs,
      evidence: JSON.parse(JSON.stringify(told)) as Json,
    },
  ];
}

/** Looks at a version where a look is due; undefined where none is. The first one comes after the first stretch of traffic. */
export async function lookForDrift(store: Store, rule: DriftRule, version: string, nowMs: number): Promise<DriftLook | undefined> {
  const before = looksOf(await readState(store.records.read, scope, version));
  const look = (state: DriftLooks, changes: readonly AlarmChange[] = []): DriftLook => ({
    version,
    changes,
    state: state as unknown as Json, // plain data
  });
  if (!before) return look({ looks: 0, atMs: nowMs, isDrifting: false, figures: [] });
  const { looks, atMs, isDrifting } = before;
  // a clock that was set back starts the stretch anew
  if (nowMs < atMs) return look({ ...before, atMs: nowMs });
  if (nowMs - atMs < rule.every * hourMs) return undefined;
  const compared = await compareTraffic(store, version, { fromMs: nowMs - comparedMs, alpha: levelOfLook(rule.alpha, looks) });
  if (typeof compared === "string") {
    // nobody asks it any more
    const ended: AlarmChange[] = isDrifting ? [{ event: "noData", group: `${version}/drift`, atMs: nowMs }] : [];
    return look({ looks, atMs: nowMs, isDrifting: false, figures: [] }, ended);
  }
  if (!compared.isTuned) return look({ ...before, atMs: nowMs, figures: figuresOf(version, compared) });
  const changes = changesOf(version, compared, isDrifting, nowMs);
  const isNow = compared.report.verdict === "drift";
  return look({ looks: looks + 1, atMs: nowMs, isDrifting: isNow, figures: figuresOf(version, compared) }, changes);
}

export const driftScope = scope;
/** Of states that were read for /metrics. */
export const driftFigures = (states: readonly { readonly value: Json }[]): DriftFigure[] =>
  states.flatMap(s => [...(looksOf(s.value)?.figures ?? [])]);
