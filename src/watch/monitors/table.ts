/** The monitors, one a row: which metric, how its values are made comparable, which detector, which side, how bad. Adding a monitor is adding a row. */
import type { ChartSides } from "../charts/index.ts";
import type { minuteNumbers, minuteShares } from "../minute.ts";
import type { DetectorName } from "./detectors.ts";

/**
 * How the values of a metric become standardised ones. `log`, `log1` (of 1 + value), `root` (of counts: Anscombe 1948) and `linear`: residuals of a seasonal
 * model, `least` being their least deviation, and `needsWeek` whether weekends are so different that lasting shifts are judged from the second week on; `share`: beta-binomial; `classes`: chi-square of all labels; `vector`: all metrics of the minute together.
 */
export type MetricModel =
  | { readonly kind: "log" | "log1" | "root" | "linear"; readonly least: number; readonly needsWeek?: boolean }
  | { readonly kind: "share" }
  | { readonly kind: "classes" }
  | { readonly kind: "vector"; readonly method: "components" | "isolation" };

const log = { kind: "log", least: 0.05 } as const;
/** Metrics by name. Least deviations: 5 % of a time or a length, 0.02 nats a token, a hundredth of a share. */
export const metricModels = {
  requests: { kind: "root", least: 1, needsWeek: true },
  "latency-p50": log,
  "latency-p95": log,
  "first-token-p95": log,
  "queue-p95": { kind: "log1", least: 0.1 },
  "tokens-per-second": log,
  "answer-length": log,
  "prompt-length": log,
  nll: { kind: "linear", least: 0.02 },
  repetition: { kind: "linear", least: 0.01 },
  confidence: { kind: "linear", least: 0.01 },
  entropy: { kind: "linear", least: 0.01 },
  errors: { kind: "share" },
  refusal: { kind: "share" },
  injection: { kind: "share" },
  extraction: { kind: "share" },
  repeated: { kind: "share" },
  replaced: { kind: "share" },
  echoed: { kind: "share" },
  cut: { kind: "share" },
  classes: { kind: "classes" },
  components: { kind: "vector", method: "components" },
  isolation: { kind: "vector", method: "isolation" },
} as const satisfies Readonly<
  Record<(typeof minuteNumbers)[number] | (typeof minuteShares)[number] | "classes" | "components" | "isolation", MetricModel>
>;
export type MetricName = keyof typeof metricModels;

/** What belongs together and is one alarm; a group that explains another comes before it. */
export const alarmGroups = ["service", "attacks", "answers", "joint"] as const;
export type AlarmGroup = (typeof alarmGroups)[number];

export interface MonitorRow {
  readonly name: string;
  readonly metric: MetricName;
  readonly detector: DetectorName;
  readonly direction: ChartSides;
  readonly severity: "page" | "ticket";
  readonly group: AlarmGroup;
  /** Groups whose alarm explains a signal of this one: while one is active, or was a moment ago, no alarm is raised for it. */
  readonly inhibitedBy?: readonly AlarmGroup[];
  /** Minutes for which a signal must hold before an alarm is raised for it, so that what explains it has time to be seen (default 0). */
  readonly holdMinutes?: number;
  /** Part of the alarm budget beside the others' (default 1). */
  readonly weight?: number;
}

const service = { group: "service", severity: "page" } as const;
const answers = { group: "answers", severity: "ticket" } as const;
const attacks = { group: "attacks", severity: "ticket" } as const;
const joint = { group: "joint", severity: "ticket", inhibitedBy: ["service", "answers", "attacks"], holdMinutes: 5 } as const;
/** One value an hour: a tenth of the others' part of the budget moves its limits by 15 % and theirs by 1 %. */
const season = { ...joint, weight: 0.1 } as const;
const above = "above";

export const standardMonitors: readonly MonitorRow[] = [
  { name: "error-burst", metric: "errors", detector: "tail", direction: above, ...service },
  { name: "error-rise", metric: "errors", detector: "likelihood", direction: above, ...service },
  { name: "traffic-lost", metric: "requests", detector: "pair", direction: "below", ...service },
  { name: "traffic-shift", metric: "requests", detector: "cusum", direction: "both", ...service, severity: "ticket" },
  { name: "latency-burst", metric: "latency-p50", detector: "pair", direction: above, ...service },
  { name: "latency-rise", metric: "latency-p50", detector: "ewma", direction: above, ...service },
  { name: "latency-creep", metric: "latency-p50", detector: "creep", direction: above, ...service, severity: "ticket" },
  { name: "tail-latency-rise", metric: "latency-p95", detector: "cusum", direction: above, ...service, severity: "ticket" },
  { name: "first-token-rise", metric: "first-token-p95", detector: "ewma", direction: above, ...service, severity: "ticket" },
  { name: "queue-rise", metric: "queue-p95", detector: "ewma", direction: above, ...service, severity: "ticket" },
  { name: "speed-fall", metric: "tokens-per-second", detector: "ewma", direction: "below", ...service, severity: "ticket" },
  { name: "length-burst", metric: "answer-length", detector: "pair", direction: "both", ...answers },
  { name: "length-shift", metric: "answer-length", detector: "ewma", direction: "both", ...answers },
  { name: "nll-shift", metric: "nll", detector: "ewma", direction: "both", ...answers },
  { name: "nll-creep", metric: "nll", detector: "creep", direction: "both", ...answers },
  { name: "repetition-rise", metric: "repetition", detector: "ewma", direction: above, ...answers },
  { name: "repeated-burst", metric: "repeated", detector: "tail", direction: above, ...answers, severity: "page" },
  { name: "repeated-rise", metric: "repeated", detector: "likelihood", direction: above, ...answers },
  { name: "refusal-burst", metric: "refusal", detector: "tail", direction: above, ...answers, inhibitedBy: ["attacks"], holdMinutes: 2 },
  {
    name: "refusal-rise",
    metric: "refusal",
    detector: "likelihood",
    direction: above,
    ...answers,
    inhibitedBy: ["attacks"],
    holdMinutes: 2,
  },
  { name: "replaced-rise", metric: "replaced", detector: "likelihood", direction: above, ...answers },
  { name: "echoed-rise", metric: "echoed", detector: "likelihood", direction: above, ...answers },
  { name: "cut-rise", metric: "cut", detector: "likelihood", direction: above, ...answers },
  { name: "confidence-shift", metric: "confidence", detector: "ewma", direction: "both", ...answers },
  { name: "class-shift", metric: "classes", detector: "ewma", direction: above, ...answers },
  { name: "injection-burst", metric: "injection", detector: "tail", direction: above, ...attacks },
  { name: "injection-rise", metric: "injection", detector: "likelihood", direction: above, ...attacks },
  { name: "extraction-burst", metric: "extraction", detector: "tail", direction: above, ...attacks },
  { name: "extraction-rise", metric: "extraction", detector: "likelihood", direction: above, ...attacks },
  { name: "joint-components", metric: "components", detector: "ewma", direction: above, ...joint },
  { name: "joint-isolation", metric: "isolation", detector: "pair", direction: above, ...joint },
  { name: "latency-jump", metric: "latency-p50", detector: "jump", direction: "both", ...joint },
  { name: "nll-jump", metric: "nll", detector: "jump", direction: "both", ...joint },
  { name: "latency-change", metric: "latency-p50", detector: "change", direction: "both", ...joint },
  { name: "nll-change", metric: "nll", detector: "change", direction: "both", ...joint },
  { name: "traffic-season", metric: "requests", detector: "weekOutlier", direction: "both", ...season },
  { name: "latency-season", metric: "latency-p50", detector: "dayOutlier", direction: above, ...season },
  { name: "length-season", metric: "answer-length", detector: "dayOutlier", direction: "both", ...season },
  { name: "nll-season", metric: "nll", detector: "dayOutlier", direction: "both", ...season },
];
