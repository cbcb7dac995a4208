/**
 * Objectives that Prometheus itself counts, from the metrics of server and gateway: recording rules of error shares over several windows, alerts by burn rates
 * over two windows at once (Site Reliability Workbook, chapter 5), and their panels.
 */
import { burnAlerts } from "../objectives.ts";
import type { DashboardPanel, DashboardTable, PanelAlert } from "./panel.ts";

export interface MetricObjective {
  /** Letters, digits, hyphens: `server-availability`. */
  readonly name: string;
  /** Share of events that must be good, such as 0.999. */
  readonly objective: number;
  /** Counters of all events and of the bad ones, with `$s`. */
  readonly all: string;
  readonly bad: string;
  /** Events that an alert's test writes. */
  readonly test: { readonly good: string; readonly bad: string };
}

const minuteMs = 60_000;
const windowDays = 30;

/** 300000 as `5m`. */
const windowText = (ms: number): string => {
  const minutes = ms / minuteMs;
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
};

/** The recorded share of bad events in a window. */
const recordedName = (window: string): string => `loam:slo_errors:ratio_rate${window}`;

const sloWindows: readonly string[] = [
  ...new Set(burnAlerts.flatMap(b => [windowText(b.shortMs), windowText(b.longMs)])),
  `${windowDays}d`,
];

interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The long window is a mean of the short ones, so that no query reads 30 days of raw series. */
export const recordingRules = (objectives: readonly MetricObjective[]): RecordingRule[] =>
  objectives.flatMap(({ name, objective, all, bad }) => [
    ...sloWindows.map(window => {
      const rate = (counter: string) => `sum(rate(${counter}[${window}]))`;
      const expr =
        window === `${windowDays}d`
          ? `avg_over_time(${recordedName("5m")}{slo="${name}"}[${window}])`
          : `(${rate(bad)} or ${rate(all)} * 0) / ${rate(all)}`;
      return { record: recordedName(window), expr, labels: { slo: name } };
    }),
    { record: "loam:slo_objective:ratio", expr: `vector(${objective})`, labels: { slo: name } },
  ]);

function burnAlertOf(
  { name, objective, test }: MetricObjective,
  { severity, longMs, shortMs, budgetShare }: (typeof burnAlerts)[number],
): PanelAlert {
  const [long, short] = [windowText(longMs), windowText(shortMs)];
  const times = (budgetShare * windowDays * 1440 * minuteMs) / longMs;
  const limit = Number((times * (1 - objective)).toPrecision(12));
  const title = name.replace(/(^|-)(\w)/g, (_, _dash, letter: string) => letter.toUpperCase());
  // a share over a long window is one of what there is of it, so that days need not be written
  const firingMinutes = Math.min(longMs, 6 * 60 * minuteMs) / minuteMs + 10;
  return {
    name: `Loam${title}BudgetBurn${long}`,
    expr: `${recordedName(long)}{slo="${name}"} > ${limit} and ${recordedName(short)}{slo="${name}"}`,
    limit: { is: ">", value: limit },
    forMinutes: 2,
    severity,
    summary: `${name} uses its error budget ${Number(times.toFixed(1))} times too fast over ${long}`,
    description: `At this rate ${budgetShare * 100} % of the budget of ${windowDays} days is gone in ${long}. Look at the panels of errors.`,
    test: {
      series: [
        { series: test.good, kind: "counter", firing: 60, resolved: 60 },
        { series: test.bad, kind: "counter", firing: 10, resolved: 0 },
      ],
      firingMinutes,
      resolvedMinutes: shortMs / minuteMs + 20,
      labels: { slo: name },
    },
  };
}

export const defaultObjectives = (objective: number): readonly MetricObjective[] => [
  {
    name: "server-availability",
    objective,
    all: "loam_http_requests_total{$s}",
    bad: 'loam_http_requests_total{status=~"5..",$s}',
    test: {
      good: 'loam_http_requests_total{job="loam",route="/v1/chat/completions",status="200"}',
      bad: 'loam_http_requests_total{job="loam",route="/v1/chat/completions",status="500"}',
    },
  },
  {
    name: "gateway-availability",
    objective,
    all: "loam_gateway_requests_total{$s}",
    bad: 'loam_gateway_requests_total{status=~"5..",$s}',
    test: {
      good: 'loam_gateway_requests_total{job="loam-gateway",path="/v1/chat/completions",model="chat",status="200"}',
      bad: 'loam_gateway_requests_total{job="loam-gateway",path="/v1/chat/completions",model="chat",status="502"}',
    },
  },
];

export function sloTable(objectives: readonly MetricObjective[]): DashboardTable {
  const budget: DashboardPanel = {
    title: "Error budget left",
    description: `Of ${windowDays} days; below 0 where it is overdrawn.`,
    unit: "percentunit",
    queries: [
      {
        expr: `1 - ${recordedName(`${windowDays}d`)} / (1 - loam:slo_objective:ratio)`,
        legend: "{{slo}}",
      },
    ],
    alerts: objectives.flatMap(o => burnAlerts.map(b => burnAlertOf(o, b))),
  };
  const burn: DashboardPanel = {
    title: "Burn rate",
    description: "Share of failed requests over what the objective allows, by window: 1 uses the budget up in 30 days.",
    unit: "short",
    queries: sloWindows.map(window => ({
      expr: `${recordedName(window)} / (1 - loam:slo_objective:ratio)`,
      legend: `{{slo}} ${window}`,
    })),
  };
  return {
    uid: "loam-slo",
    title: "Loam: service level objectives",
    rows: [
      {
        title: "As Prometheus counts them",
        panels: [
          budget,
          burn,
          {
            title: "Share of failed requests",
            description: "Over five minutes and an hour.",
            unit: "percentunit",
            queries: ["5m", "1h"].map(window => ({ expr: recordedName(window), legend: `{{slo}} ${window}` })),
          },
        ],
      },
    ],
  };
}
