/**
 * What a row of the table of panels may say. A query is written once: dashboards put Grafana's variables into it, rules a window of minutes, and an alert is a
 * query of its panel with a limit, so that the line in the graph and the alert cannot disagree.
 */

/** Grafana's units. */
type PanelUnit =
  | "short"
  | "s"
  | "percentunit"
  | "bytes"
  | "reqps"
  | "tokps"
  | "currencyUSD"
  | "cores"
  | "celsius"
  | "watt"
  | "dateTimeFromNow";

type PanelKind = "timeseries" | "stat" | "heatmap" | "table";

interface PanelQuery {
  /** PromQL; `$s` is the selector of Loam's jobs and stands last in its braces, `$w` the window of rates. */
  readonly expr: string;
  /** Of each series, in Grafana's words: `{{model}}`. */
  readonly legend: string;
}

/** A series that an alert's test writes: its value each minute while the alert should fire, and afterwards. */
export interface WrittenSeries {
  readonly series: string;
  /** Of a counter, the increase a minute. */
  readonly kind: "counter" | "gauge";
  readonly firing: number;
  readonly resolved: number;
}

export interface PanelAlert {
  readonly name: string;
  /** Of the panel's queries; absent: `expr` stands for itself. */
  readonly query?: number;
  /** An expression of its own, with `$s` and `$w`. */
  readonly expr?: string;
  readonly limit: { readonly is: ">" | "<"; readonly value: number };
  /** Window of rates (default 5m). */
  readonly window?: string;
  /** Minutes that it must hold before it fires. */
  readonly forMinutes: number;
  readonly severity: "page" | "ticket";
  readonly summary: string;
  readonly description: string;
  readonly test: {
    readonly series: readonly WrittenSeries[];
    /** Minutes of the two parts (default: twenty more than `forMinutes`, and thirty). */
    readonly firingMinutes?: number;
    readonly resolvedMinutes?: number;
    /** Labels of the alert beside its severity. */
    readonly labels: Readonly<Record<string, string>>;
  };
}

interface PanelRow {
  readonly title: string;
  readonly panels: readonly DashboardPanel[];
}

export interface DashboardPanel {
  readonly title: string;
  readonly description: string;
  readonly kind?: PanelKind;
  readonly unit: PanelUnit;
  readonly queries: readonly PanelQuery[];
  readonly alerts?: readonly PanelAlert[];
}

export interface DashboardTable {
  /** Stable: an import replaces what has the same. */
  readonly uid: string;
  readonly title: string;
  readonly rows: readonly PanelRow[];
}

/** Quantiles of a histogram, a query each. */
export const quantiles = (metric: string, by: string, shares: readonly number[] = [0.5, 0.95, 0.99]): PanelQuery[] =>
  shares.map(share => ({
    expr: `histogram_quantile(${share}, sum by (job, ${by}, le) (rate(${metric}_bucket{$s}[$w])))`,
    legend: `{{${by}}} p${share * 100}`,
  }));

/** The mean of a histogram: sums by counts, both as rates. */
export const rateMean = (metric: string, by: string, legend: string): PanelQuery => ({
  expr: `sum by (job, ${by}) (rate(${metric}_sum{$s}[$w])) / sum by (job, ${by}) (rate(${metric}_count{$s}[$w]))`,
  legend,
});

/** Share of a counter's increase that has a label's value; 0 and not nothing where none has. */
export const shareOf = (metric: string, match: string, by: string): string =>
  `(sum by (${by}) (rate(${metric}{${match},$s}[$w])) or sum by (${by}) (rate(${metric}{$s}[$w])) * 0) / sum by (${by}) (rate(${metric}{$s}[$w]))`;

/** A histogram's counters, for an alert's test: all of its observations in one bucket, and none of them there afterwards. */
export function histogramSeries(metric: string, labels: string, bounds: { readonly fast: number; readonly slow: number }): WrittenSeries[] {
  const bucket = (le: string, firing: number, resolved: number): WrittenSeries => ({
    series: `${metric}_bucket{le="${le}",${labels}}`,
    kind: "counter",
    firing,
    resolved,
  });
  return [bucket(String(bounds.fast), 0, 60), bucket(String(bounds.slow), 60, 60), bucket("+Inf", 60, 60)];
}
