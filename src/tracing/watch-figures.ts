/**
 * What monitors, objectives and drift tests say now, as /metrics shows it. A port: `serve` and `gateway` import no monitor, whoever opens them gives a
 * function that reads the figures from memory. Names come from loam.yaml and never from a client; lists are cut at a bound.
 */
import { Gauge, type Registry } from "prom-client";

export interface WatchFigures {
  /** Alarms that are active, one each. */
  readonly alarms: readonly {
    readonly monitor: string;
    readonly kind: "slo" | "chart" | "anomaly" | "drift" | "quality";
    /** A version's id, `mail-small@3`; "" where the alarm is of the whole server. */
    readonly model: string;
    readonly severity: "page" | "ticket";
  }[];
  readonly objectives: readonly {
    readonly name: string;
    /** Share of events that must be good, such as 0.999. */
    readonly objective: number;
    /** Share of good events in the window. */
    readonly reached: number;
    /** Share of the error budget that is left; below 0 where it is overdrawn. */
    readonly budgetLeft: number;
    /** Times as fast as the budget allows, by window: `5m`, `1h`, `6h`, `3d`. */
    readonly burn: Readonly<Record<string, number>>;
  }[];
  readonly drift: readonly {
    readonly model: string;
    readonly feature: string;
    /** `ks`, `psi`, `wasserstein`, ... */
    readonly measure: string;
    readonly score: number;
    /** Corrected for the number of features. */
    readonly p: number;
  }[];
  /** Measured with labels, or estimated without. */
  readonly quality: readonly {
    readonly model: string;
    readonly metric: string;
    readonly source: "labels" | "estimate";
    readonly value: number;
  }[];
  /** When monitors last looked, ms since 1970; undefined before the first time. */
  readonly lookedMs?: number | undefined;
}

export type ReadWatchFigures = () => WatchFigures | undefined;

/** Series of one gauge; what loam.yaml names is far below. */
const mostSeries = 500;

const severities = ["page", "ticket"] as const;

/** Gauges of monitors, read when somebody looks; series only where `figures` gives something. */
export function watchMetrics(registry: Registry, figures: ReadWatchFigures = () => undefined): void {
  type Row<L extends string> = readonly [labels: Readonly<Record<L, string>>, value: number];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[], rows: (f: WatchFigures) => readonly Row<L>[]) =>
    new Gauge({
      name: `loam_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        // without labels a reset leaves a 0 behind
        if (labelNames.length === 0) this.remove();
        const now = figures();
        if (!now) return;
        for (const [labels, value] of rows(now).slice(0, mostSeries)) if (Number.isFinite(value)) this.set(labels, value);
      },
    });
  gauge("alarms", "Active alarms of monitors, by severity.", ["severity"], f =>
    severities.map(severity => [{ severity }, f.alarms.filter(a => a.severity === severity).length]),
  );
  gauge("alarm_active", "1 for each active alarm.", ["monitor", "kind", "model", "severity"], f =>
    f.alarms.map(({ monitor, kind, model, severity }) => [{ monitor, kind, model, severity }, 1]),
  );
  gauge("slo_objective_ratio", "Share of events that must be good, by service level objective.", ["slo"], f =>
    f.objectives.map(o => [{ slo: o.name }, o.objective]),
  );
  gauge("slo_reached_ratio", "Share of good events in the objective's window.", ["slo"], f =>
    f.objectives.map(o => [{ slo: o.name }, o.reached]),
  );
  gauge("slo_budget_left_ratio", "Share of the error budget that is left; below 0 where it is overdrawn.", ["slo"], f =>
    f.objectives.map(o => [{ slo: o.name }, o.budgetLeft]),
  );
  gauge("slo_burn_rate", "Times as fast as the error budget allows, by window.", ["slo", "window"], f =>
    f.objectives.flatMap(o => Object.entries(o.burn).map(([window, rate]): Row<"slo" | "window"> => [{ slo: o.name, window }, rate])),
  );
  gauge("drift_score", "Distance of live data from the reference, by feature and measure.", ["model", "feature", "measure"], f =>
    f.drift.map(({ model, feature, measure, score }) => [{ model, feature, measure }, score]),
  );
  gauge("drift_p_value", "p-value of that distance, corrected for the number of features.", ["model", "feature", "measure"], f =>
    f.drift.map(({ model, feature, measure, p }) => [{ model, feature, measure }, p]),
  );
  gauge("quality", "Quality measured with labels, or estimated without.", ["model", "metric", "source"], f =>
    f.quality.map(({ model, metric, source, value }) => [{ model, metric, source }, value]),
  );
  gauge("watch_looked_timestamp_seconds", "When monitors last looked at their windows.", [], f =>
    f.lookedMs === undefined ? [] : [[{}, f.lookedMs / 1000]],
  );
}
